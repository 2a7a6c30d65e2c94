"""Backups: all that the SQL database holds, in a folder, to be restored into any kind.

A backup's database is always one of SQLite's. That of an installation on SQLite is a
copy of it as it is, index of texts and all; that of another is filled row by row, and
what can be made from the rows is left out.
"""

import hashlib
import json
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from flask import current_app
from sqlalchemy import Engine

from .. import engines, keys
from .._version import __version__
from ..database import check_health
from ..errors import (
    AlreadyExistsError,
    ConfigurationError,
    StoreUnavailableError,
    ValidationError,
)
from ..extensions import sql_db
from ..migrating import (
    AHEAD,
    BEHIND,
    UNFINISHED,
    one_at_a_time,
    standing,
    upgrade_other,
)
from ..plugins.registry import in_use
from ..prepared import dialect_name
from ..sql_models import Dataset, User
from . import moving, secret_files

#: Names of files in a backup.
DATABASE, DESCRIPTION = "lookup.db", "backup.json"

# How the folder's name begins, in the home folder, in which a backup is brought to this
# version's tables.
_DRAFT = "unfinished-restore-"

_SQLITE = "sqlite"

#: Pages of SQLite's, of 4 KiB each, that are copied between two looks at the clock.
PAGES_AT_ONCE = 1000
_BYTES_AT_ONCE = 8 * 1024 * 1024

#: Told how much is done, of how much; less than before where another work has begun.
Reach = Callable[[int, int], None]


@dataclass(frozen=True)
class Description:
    """What a backup is, as it stands in the backup.

    :param made_at: time in UTC, in ISO 8601
    :param server: version of the server that made it
    :param kind: SQLAlchemy's name of the kind of database that it was made of
    :param datasets: number of datasets
    :param users: number of users
    :param bytes: size of the database
    :param sha256: of the database, in hexadecimal
    :param secrets: names of the files with keys and passwords
    """

    made_at: str
    server: str
    kind: str
    datasets: int
    users: int
    bytes: int
    sha256: str
    secrets: tuple[str, ...]


class _Steps(Sized, Iterable[None], Protocol):
    """Work that can be counted before it is done."""


def make(folder: Path, with_secrets: bool, reach: Reach) -> Description:
    """Write a backup, as everything is at this moment, while others go on writing.

    :param folder: to be made; it appears when it is whole
    :param with_secrets: add the keys of the home folder, and the file of passwords
    :raises AlreadyExistsError: if there is something at the folder
    :raises ConfigurationError: if it cannot be written
    :raises StoreUnavailableError: if the database cannot be read, or the disk is full
    """
    if folder.exists():
        raise AlreadyExistsError(f"There is something at {folder} already")
    check_health()
    with _draft_of(folder) as draft:
        _copy_database(draft / DATABASE, reach)
        secrets = secret_files.copy_to(draft) if with_secrets else ()
        description = _describe(draft / DATABASE, secrets)
        text = json.dumps(asdict(description), indent=2)
        (draft / DESCRIPTION).write_text(f"{text}\n", encoding="utf-8")
        for path in draft.iterdir():
            path.chmod(0o600)
            _wait_for_the_disk(path)
    return description


def restore(folder: Path, with_secrets: bool, reach: Reach) -> "Restored":
    """Fill the application's database, which is to be empty, from a backup.

    What is broken off leaves it empty, or UNFINISHED: to be restored again.

    :param with_secrets: put the backup's keys and passwords in the place of those that
        are here, which are kept beside them
    :raises AlreadyExistsError: if the database has tables
    :raises ValidationError: if this is no backup, or one that is damaged
    :raises ConfigurationError: if files cannot be written, or a newer version of the
        server made the backup
    """
    description = read(folder)
    if with_secrets:
        secret_files.require_places(description.secrets)
    with (
        sql_db.engine.connect() as connection,
        one_at_a_time(connection),
        _explained(folder),
    ):
        moving.require_empty(connection)
        connection.rollback()
        with _upgraded(folder, description, reach) as source:
            if with_secrets:
                secret_files.put_in_place(folder, description.secrets)
            not_indexed = _fill(source, description, reach)
    return Restored(description, not_indexed, _is_elsewhere())


def _is_elsewhere() -> bool:
    plugins = in_use()
    return not all(
        getattr(plugin, "shares_sql_transaction", False)
        for plugin in (plugins.search, plugins.retrieve)
    )


@dataclass(frozen=True)
class Restored:
    """What was restored.

    :param not_indexed: number of datasets that `dataset reindex` has to see to
    :param is_elsewhere: whether there are plugins with stores of their own, which it
        has to see to as well
    """

    description: Description
    not_indexed: int
    is_elsewhere: bool


def read(folder: Path) -> Description:
    """Return what a backup is.

    :raises ValidationError: if this is none
    """
    try:
        text = (folder / DESCRIPTION).read_text(encoding="utf-8")
        values = json.loads(text)
        return Description(**{**values, "secrets": tuple(values["secrets"])})
    except (OSError, ValueError, TypeError, KeyError):
        raise ValidationError(f"{folder} is no backup: `backup` makes one") from None


@contextmanager
def _draft_of(folder: Path) -> Iterator[Path]:
    """Give a folder to write into that gets its name in the end, or is removed."""
    with _explained(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        prefix = f".{folder.name}.unfinished-"
        draft = Path(tempfile.mkdtemp(dir=folder.parent, prefix=prefix))
        try:
            yield draft
            draft.rename(folder)
            _wait_for_the_disk(folder.parent)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise


@contextmanager
def _explained(place: Path) -> Iterator[None]:
    """Turn what can go wrong with files into errors that name them."""
    try:
        yield
    except OSError as error:
        named = error.filename or place
        raise ConfigurationError(
            f"Cannot read or write {named}: {error.strerror}"
        ) from None
    except sqlite3.Error as error:
        raise StoreUnavailableError(f"Cannot copy the database: {error}") from None


def _wait_for_the_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _copy_database(target: Path, reach: Reach) -> None:
    with sql_db.engine.connect() as connection:
        reached = standing(connection)
    if reached == UNFINISHED:
        raise StoreUnavailableError("Not all rows are there: nothing to back up")
    if dialect_name() == _SQLITE:
        with _driver() as original, closing(sqlite3.connect(target)) as copy:
            _copy_pages(original, copy, reach)
            # Nothing of it is in files beside it.
            copy.execute("PRAGMA journal_mode = DELETE")
        return
    if reached == BEHIND:
        raise StoreUnavailableError(
            "The tables are an older version's: run `db upgrade` before, or use the"
            " database's own backup"
        )
    engine = moving.open_engine(f"sqlite:///{target}")
    moving.prepare(engine)
    _do(moving.Copy(sql_db.engine, engine, index_texts=False), reach)
    with closing(sqlite3.connect(target)) as copy:
        copy.execute("PRAGMA journal_mode = DELETE")
    Path(f"{target}-migrations.lock").unlink(missing_ok=True)


@contextmanager
def _driver() -> Iterator[sqlite3.Connection]:
    """Give SQLite's own connection to the application's database."""
    with sql_db.engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        yield driver


def _copy_pages(
    source: sqlite3.Connection, target: sqlite3.Connection, reach: Reach
) -> None:
    """Copy a database as it is now, whoever goes on writing to it.

    The target has all of it in the end, and what it had before if this is broken off:
    https://www.sqlite.org/c3ref/backup_finish.html
    """
    # In a transaction, so that it need not begin anew when somebody writes.
    source.execute("BEGIN")
    source.execute("SELECT count(*) FROM sqlite_master").fetchone()
    try:
        source.backup(
            target,
            pages=PAGES_AT_ONCE,
            progress=lambda _status, left, total: reach(total - left, total),
        )
    finally:
        source.rollback()


def _do(steps: _Steps, reach: Reach) -> None:
    total = len(steps)
    for done, _step in enumerate(steps, 1):
        reach(done, total)


def _describe(database: Path, secrets: tuple[str, ...]) -> Description:
    with closing(sqlite3.connect(database)) as written:
        datasets, users = (
            written.execute(f'SELECT count(*) FROM "{model.__tablename__}"').fetchone()[
                0
            ]
            for model in (Dataset, User)
        )
    return Description(
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        server=__version__,
        kind=dialect_name(),
        datasets=datasets,
        users=users,
        bytes=database.stat().st_size,
        sha256=_sha256(database),
        secrets=secrets,
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _upgraded(folder: Path, description: Description, reach: Reach) -> Iterator[Engine]:
    """Give a copy of a backup's database, with this version's tables."""
    home = keys.make_home(Path(current_app.config["DTOOL_LOOKUP_SERVER_HOME"]))
    with tempfile.TemporaryDirectory(dir=home, prefix=_DRAFT) as place:
        draft = Path(place) / DATABASE
        _copy_checked(folder / DATABASE, draft, description, reach)
        engine = moving.open_engine(f"sqlite:///{draft}")
        with engine.connect() as connection:
            reached = standing(connection)
        if reached == AHEAD:
            raise ConfigurationError(
                f"Version {description.server} made this backup, a newer one than this"
                " server: upgrade the server first"
            )
        if reached == BEHIND:
            upgrade_other(engine)
        yield engine


def _copy_checked(
    backup: Path, draft: Path, description: Description, reach: Reach
) -> None:
    """Copy a backup's database, and see that it is as it was made."""
    digest = hashlib.sha256()
    done = 0
    with backup.open("rb") as source, draft.open("wb") as target:
        while chunk := source.read(_BYTES_AT_ONCE):
            digest.update(chunk)
            target.write(chunk)
            done += len(chunk)
            reach(done, description.bytes)
    if digest.hexdigest() != description.sha256:
        raise ValidationError(f"{backup} is damaged: it is not as it was made")


def _fill(source: Engine, description: Description, reach: Reach) -> int:
    """Fill the application's database, and return how many texts it lacks."""
    if dialect_name() == description.kind == _SQLITE:
        original = sqlite3.connect(str(source.url.database))
        with closing(original), _driver() as target:
            _copy_pages(original, target, reach)
        return 0
    with engines.without_time_limit(sql_db.engine, current_app.config) as target:
        moving.prepare(target)
        copy = moving.Copy(source, target, index_texts=True)
        _do(copy, reach)
    return copy.not_indexed
