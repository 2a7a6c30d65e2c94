"""Locks that all processes on all machines share, by name, in the SQL database.

A lock ends with the process or the connection that has it, however they end.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from sqlalchemy import Engine, TextClause, text

from .engines import MARIADB

#: Tries to take a lock; returns at once, with whether it is had.
Taking = Callable[[], bool]


def asking(engine: Engine, name: str) -> AbstractContextManager[Taking]:
    """Give what takes a lock; the lock is given back in the end.

    Who waits for it asks again and again, outside of a transaction: PostgreSQL, where
    it makes an index without locking a table, waits for every older transaction.

    :param name: which lock of this database
    """
    kind = engine.dialect.name
    if kind == "sqlite":
        return _file_lock(f"{engine.url.database}-{name}.lock")
    query, release = _SESSION_LOCKS[kind]
    return _session_lock(engine, query, release, name)


# The names of MariaDB's locks are the server's: two of its databases are two locks.
_SESSION_LOCKS: dict[str, tuple[TextClause, TextClause]] = {
    "postgresql": (
        text("SELECT pg_try_advisory_lock(hashtext('lookup ' || :name))"),
        text("SELECT pg_advisory_unlock(hashtext('lookup ' || :name))"),
    ),
    **dict.fromkeys(
        MARIADB,
        (
            text("SELECT GET_LOCK(SHA1(CONCAT(DATABASE(), ' ', :name)), 0)"),
            text("SELECT RELEASE_LOCK(SHA1(CONCAT(DATABASE(), ' ', :name)))"),
        ),
    ),
}


@contextmanager
def _session_lock(
    engine: Engine, query: TextClause, release: TextClause, name: str
) -> Iterator[Taking]:
    # A session of its own, for nothing else to end it.
    with engine.connect() as session:

        def taken() -> bool:
            found = session.scalar(query, {"name": name})
            session.commit()
            return bool(found)

        try:
            yield taken
        finally:
            session.execute(release, {"name": name})
            session.commit()


@contextmanager
def _file_lock(path: str) -> Iterator[Taking]:
    # Beside the database: its own locks are lost when the file is opened once more.
    # The file stays, since another process may be about to lock it.
    if path.startswith((":memory:", "None")):
        yield lambda: True
        return
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)

    def taken() -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    try:
        yield taken
    finally:
        os.close(file)
