"""The migrations that are shipped with the package, and running them."""

import fcntl
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask_migrate import Migrate, upgrade
from sqlalchemy import Connection, TextClause, text

from .engines import MARIADB

_PACKAGE = Path(__file__).parent

#: Installed, the migrations are within the package; in a checkout, beside it.
DIRECTORY = next(
    folder
    for folder in (_PACKAGE / "migrations", _PACKAGE.parent / "migrations")
    if (folder / "env.py").exists()
)

#: How the tables of a database stand to what this version of the server needs.
CURRENT, BEHIND, AHEAD = "current", "behind", "ahead"

_LOCK = "dtool-lookup-server migrations"

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
    """Keep others from migrating a database, and wait for one that does.

    The lock ends with the process or the connection, however they end. Who waits asks
    again and again, outside of a transaction: an index that is made without locking
    waits for every transaction that is older.
    """
    with _LOCKS.get(connection.dialect.name, _no_lock)(connection) as taken:
        if not taken():
            click.echo("Waiting for another migration to end ...", err=True)
            while not taken():
                time.sleep(0.2)
        yield


@contextmanager
def _postgresql_lock(connection: Connection) -> Iterator[Callable[[], bool]]:
    query = text("SELECT pg_try_advisory_lock(hashtext(:name))")
    with _asking(connection, query, "SELECT pg_advisory_unlock_all()") as taken:
        yield taken


@contextmanager
def _mariadb_lock(connection: Connection) -> Iterator[Callable[[], bool]]:
    # The names of locks are the server's: two of its databases are two locks.
    query = text("SELECT GET_LOCK(CONCAT(DATABASE(), :name), 0)")
    with _asking(connection, query, "SELECT RELEASE_ALL_LOCKS()") as taken:
        yield taken


@contextmanager
def _asking(
    connection: Connection, query: TextClause, release: str
) -> Iterator[Callable[[], bool]]:
    """Give what asks for a lock of a session, a session of its own."""
    with connection.engine.connect() as session:

        def taken() -> bool:
            found = session.scalar(query, {"name": _LOCK})
            session.commit()
            return bool(found)

        try:
            yield taken
        finally:
            session.exec_driver_sql(release)
            session.commit()


@contextmanager
def _sqlite_lock(connection: Connection) -> Iterator[Callable[[], bool]]:
    file = connection.engine.url.database
    if not file or file == ":memory:":
        yield lambda: True
        return
    # The folder, for there to be no further file; the database's own locks are of
    # another kind, and are lost when the file is opened and closed once more.
    folder = os.open(Path(file).resolve().parent, os.O_RDONLY)

    def taken() -> bool:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    try:
        yield taken
    finally:
        os.close(folder)


@contextmanager
def _no_lock(_connection: Connection) -> Iterator[Callable[[], bool]]:
    yield lambda: True


_LOCKS = {
    "sqlite": _sqlite_lock,
    "postgresql": _postgresql_lock,
    **dict.fromkeys(MARIADB, _mariadb_lock),
}
