"""Locks that all processes on all machines share, by name, in the SQL database.

A lock ends with the process or the connection that has it, however they end.
"""

import fcntl
import os
import struct
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from hashlib import blake2b
from urllib.parse import urlsplit

from sqlalchemy import Engine, TextClause, text

from . import deadlines
from .engines import MARIADB
from .errors import StoreUnavailableError

# Seconds between two attempts to take a lock.
_NAP = 0.002

#: Tries to take a lock; returns at once, with whether it is had.
Taking = Callable[[], bool]


def asking(engine: Engine, name: str) -> AbstractContextManager[Taking]:
    """Give what takes a lock; the lock is given back in the end.

    Who waits for it asks again and again, outside of a transaction: PostgreSQL, where
    it makes an index without locking a table, waits for every older transaction.

    :param name: which lock of this database
    :raises StoreUnavailableError: on SQLite, if nothing can be locked beside it
    """
    kind = engine.dialect.name
    if kind == "sqlite":
        return _file_lock(engine, name)
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
def _file_lock(engine: Engine, name: str) -> Iterator[Taking]:
    file = _open(engine, name)
    if file is None:
        yield lambda: True
        return
    try:
        yield lambda: _takes(file)
    finally:
        os.close(file)


def _open(engine: Engine, name: str) -> int | None:
    """Open the file of a lock; None for a database in memory, which nobody shares.

    :raises StoreUnavailableError: if there can be none, since what needs a lock would
        go on without it
    """
    # Beside the database: its own locks are lost when the file is opened once more.
    # The file stays, since another process may be about to lock it.
    path = engine.url.database
    if path and "uri" in engine.url.query:
        path = urlsplit(path).path
    if not path or path.startswith(":memory:"):
        return None
    try:
        return os.open(f"{path}-{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StoreUnavailableError(
            f"Nothing can be locked beside the database: {error.strerror}"
        ) from error


def _takes(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def among_processes(engine: Engine, name: str, keys: Collection[str]) -> Iterator[None]:
    """Keep the others who ask for one of these keys waiting, on SQLite's machine.

    Each key is a byte of a file, which need not be that long. They are asked for in one
    order, so that none waits for one that waits for it.

    :param name: which locks of this database, which is SQLite's
    :raises TookTooLongError: if the request has no time left
    :raises StoreUnavailableError: if nothing can be locked there
    """
    file = _open(engine, name)
    if file is None:
        yield
        return
    try:
        for place in sorted(map(_place_of, keys)):
            while not _takes_byte(file, place):
                deadlines.remaining()
                time.sleep(_NAP)
        yield
    finally:
        os.close(file)


def _place_of(key: str) -> int:
    # Two keys of one place wait for each other, and no harm is done.
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest()) >> 2


def _takes_byte(file: int, place: int) -> bool:
    """Take the lock of one byte, where the system has such locks; else of the file.

    They belong to the opened file (fcntl(2), "Open file description locks"), not to the
    process as POSIX has it: threads keep each other waiting, too.
    """
    command = getattr(fcntl, "F_OFD_SETLK", None)
    if command is None:
        return _takes(file)
    asked = struct.pack("hhqqi0q", fcntl.F_WRLCK, os.SEEK_SET, place, 1, 0)
    try:
        fcntl.fcntl(file, command, asked)
    except BlockingIOError:
        return False
    return True
