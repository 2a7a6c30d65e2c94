"""The migrations that are shipped with the package, and running them."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask_migrate import Migrate, upgrade
from sqlalchemy import Connection

from . import locks

_PACKAGE = Path(__file__).parent

#: Installed, the migrations are within the package; in a checkout, beside it.
DIRECTORY = next(
    folder
    for folder in (_PACKAGE / "migrations", _PACKAGE.parent / "migrations")
    if (folder / "env.py").exists()
)

#: How the tables of a database stand to what this version of the server needs.
CURRENT, BEHIND, AHEAD = "current", "behind", "ahead"

# Our steps are numbered; those that 0.18's users had Alembic write are not.
_OURS = re.compile(r"\d{4}")

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


def mark_as_current(connection: Connection) -> None:
    """Note in a database that its tables are those of this version of the server."""
    steps = ScriptDirectory(str(DIRECTORY))
    MigrationContext.configure(connection).stamp(steps, "head")


def standing(connection: Connection) -> str:
    """Return how a database's tables stand to what this version of the server needs.

    :returns: CURRENT; BEHIND where `db upgrade` is needed; AHEAD where a newer version
        has been there
    """
    steps = ScriptDirectory(str(DIRECTORY))
    known = {step.revision for step in steps.walk_revisions()}
    reached = set(MigrationContext.configure(connection).get_current_heads())
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
