"""The migrations that are shipped with the package, and running them."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import current_app
from flask_migrate import Migrate, upgrade
from sqlalchemy import Column, Connection, Engine, MetaData, String, Table, inspect

from . import locks

_PACKAGE = Path(__file__).parent

#: Installed, the migrations are within the package; in a checkout, beside it.
DIRECTORY = next(
    folder
    for folder in (_PACKAGE / "migrations", _PACKAGE.parent / "migrations")
    if (folder / "env.py").exists()
)

#: How the tables of a database stand to what this version of the server needs.
CURRENT, BEHIND, AHEAD, UNFINISHED = "current", "behind", "ahead", "unfinished"

#: What to do about a database that is UNFINISHED.
NOT_FILLED = (
    "The database was not filled to the end: do again what was broken off, `restore` or"
    " `database copy-to`, or give an empty database"
)

# Our steps are numbered; those that 0.18's users had Alembic write are not.
_OURS = re.compile(r"\d{4}")

#: Alembic's own table, which has the step that was reached.
REACHED = Table(
    "alembic_version", MetaData(), Column("version_num", String(32), primary_key=True)
)

# What stands there in place of a step while a database is filled.
_BEING_FILLED = "unfinished"

# What 0.18's users typed before `db upgrade`, and what would now write files.
_NEEDLESS = (" db init", " db migrate")


def leave_shipped_migrations_alone(migrate: Migrate) -> None:
    """Make `db init` and `db migrate` succeed without doing anything."""

    @migrate.configure
    def stop_before_writing(config: Config) -> Config:
        context = click.get_current_context(silent=True)
        if context and context.command_path.endswith(_NEEDLESS):
            click.echo(
                "The migrations come with the package: `db upgrade` is all it takes."
            )
            # Flask-Migrate takes click's own way to exit for a failure.
            raise SystemExit(0)
        return config


def upgrade_database() -> None:
    """Bring the database's tables to what this version of the server needs."""
    upgrade(directory=str(DIRECTORY))


def upgrade_other(engine: Engine) -> None:
    """Bring a database that is not the application's to this version's tables."""
    config = current_app.extensions["migrate"].migrate.get_config(str(DIRECTORY))
    config.attributes["engine"] = engine
    command.upgrade(config, "head")


def mark_as_unfinished(connection: Connection) -> None:
    """Note in a database that it is being filled: until the end it is UNFINISHED."""
    REACHED.create(connection, checkfirst=True)
    connection.execute(REACHED.delete())
    connection.execute(REACHED.insert().values(version_num=_BEING_FILLED))


def mark_as_current(connection: Connection) -> None:
    """Note in a database that its tables are those of this version of the server."""
    if inspect(connection).has_table(REACHED.name):
        connection.execute(REACHED.delete())
    steps = ScriptDirectory(str(DIRECTORY))
    MigrationContext.configure(connection).stamp(steps, "head")


def standing(connection: Connection) -> str:
    """Return how a database's tables stand to what this version of the server needs.

    :returns: CURRENT; BEHIND where `db upgrade` is needed; AHEAD where a newer version
        has been there; UNFINISHED where what should fill it was broken off
    """
    steps = ScriptDirectory(str(DIRECTORY))
    known = {step.revision for step in steps.walk_revisions()}
    reached = set(MigrationContext.configure(connection).get_current_heads())
    if _BEING_FILLED in reached:
        return UNFINISHED
    if any(_OURS.fullmatch(revision) for revision in reached - known):
        return AHEAD
    return CURRENT if reached == set(steps.get_heads()) else BEHIND


@contextmanager
def one_at_a_time(connection: Connection) -> Iterator[None]:
    """Keep others from migrating a database, and wait for one that does."""
    with locks.asking(connection.engine, "migrations") as taken:
        if not taken():
            click.echo("Waiting for another migration to end ...", err=True)
            while not taken():
                time.sleep(0.2)
        yield
