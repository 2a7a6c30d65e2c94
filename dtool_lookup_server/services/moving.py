"""Moving all that the SQL database holds to another one, of any kind."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from typing import Any

from flask import current_app
from sqlalchemy import (
    Connection,
    Engine,
    NullPool,
    Row,
    Select,
    Table,
    create_engine,
    func,
    inspect,
    select,
)
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import Session

from .. import engines
from ..errors import (
    AlreadyExistsError,
    ConfigurationError,
    StoreUnavailableError,
    UnknownURIError,
    ValidationError,
)
from ..extensions import sql_db
from ..migrating import (
    REACHED,
    UNFINISHED,
    mark_as_current,
    mark_as_unfinished,
    standing,
)
from ..pagination import BATCH
from ..plugins.analysis import analyze_dataset
from ..plugins.registry import in_use
from ..plugins.sql import SQLSearch
from ..plugins.sql.tables import dataset_content, text_engine
from ..sql_models import Dataset, DatasetPart
from . import registered

# Rows that are read and written at once; those of contents and of items have megabytes.
_BATCH: dict[Any, int] = {dataset_content: 4, DatasetPart.__table__: 4}
_OTHER_BATCH = 500

# Each commit waits for the disk, and a long transaction takes room.
_SECONDS_BETWEEN_COMMITS = 1.0


def copy_to(url: str) -> "Copy":
    """Make the tables in an empty database, and return what will fill them.

    :param url: as SQLALCHEMY_DATABASE_URI takes it
    :raises ConfigurationError: if it is no URL of a database
    :raises AlreadyExistsError: if the database has tables
    """
    target = open_engine(url)
    prepare(target)
    return Copy(sql_db.engine, target, index_texts=True)


def open_engine(url: str) -> Engine:
    """Return an engine for another database, without connections and time limits.

    :param url: as SQLALCHEMY_DATABASE_URI takes it
    :raises ConfigurationError: if it is no URL of a database
    """
    try:
        parsed = engines.with_driver(url)
        options = {
            name: option
            for name, option in engines.options(
                parsed, current_app.config, limited=False
            ).items()
            if name in ("connect_args", "isolation_level")
        }
        engine = create_engine(parsed, poolclass=NullPool, **options)
    except (ArgumentError, ImportError) as error:
        # The URL stays out of it: it may hold a password.
        raise ConfigurationError(
            f"That is no URL of a database: {type(error).__name__}"
        ) from None
    engines.set_up(engine, current_app.config, limited=False)
    return engine


def prepare(target: Engine) -> None:
    """Make the tables in an empty database, and note that they are not filled yet.

    What was begun there, and broken off, is removed.

    :raises AlreadyExistsError: if the database has tables
    """
    with target.begin() as connection:
        require_empty(connection)
        mark_as_unfinished(connection)
    # The mark stays until the end, whatever becomes of this process.
    sql_db.metadata.drop_all(target)
    sql_db.metadata.create_all(target)


def require_empty(target: Connection) -> None:
    """Return if a database has no tables, or is one that was not filled to the end.

    :raises AlreadyExistsError: if not
    """
    tables = set(inspect(target).get_table_names()) - {REACHED.name}
    if tables and standing(target) != UNFINISHED:
        raise AlreadyExistsError("The database to fill is not empty")


class Copy:
    """What remains to be done; each step of the iteration is one row of it.

    Every table of the models is copied, those of plugins among them, as it is when the
    first row is read. Rows keep their ids. A row that refers to one that is not there,
    as SQLite allowed 0.18 to leave, is left out.

    :param source: of a database with this version's tables
    :param target: of one that was prepared
    :param index_texts: whether to make the index of texts too, for the `sql` search
    """

    def __init__(self, source: Engine, target: Engine, index_texts: bool):
        self._source = source
        self._target = target
        there = set(inspect(source).get_table_names())
        self._tables = [
            table for table in sql_db.metadata.sorted_tables if table.name in there
        ]
        self._indexes_text = index_texts and isinstance(in_use().search, SQLSearch)
        #: Number of datasets without what would be indexed.
        self.not_indexed = 0

    def __len__(self) -> int:
        """Return the number of steps."""
        with self._source.connect() as source:
            rows = {table: _count(source, table) for table in self._tables}
        datasets = rows[Dataset.__table__] if self._indexes_text else 0
        return 2 * sum(rows.values()) + datasets

    def __iter__(self) -> Iterator[None]:
        """Copy every row, make the index of texts, and compare every row.

        :raises StoreUnavailableError: if a row is not there as it was
        """
        with _unchanging(self._source) as source, self._target.connect() as target:
            for table in self._tables:
                yield from _copy(table, source, target)
                _continue_numbers(table, target)
            if self._indexes_text:
                yield from self._index_texts(target)
            for table in self._tables:
                yield from _compare(table, source, target)
            target.rollback()
            mark_as_current(target)
            target.commit()

    def _index_texts(self, target: Connection) -> Iterator[None]:
        store = text_engine(target.dialect.name).store
        commit = _committing(target)
        for dataset in _every_dataset():
            try:
                info = registered.info_of(dataset)
            except (UnknownURIError, ValidationError):
                # Its contents are elsewhere; `dataset reindex` knows what to do.
                self.not_indexed += 1
            else:
                if not target.in_transaction():
                    target.begin()
                # Which leaves the commit to the connection.
                with Session(target) as session:
                    store(session, dataset.id, analyze_dataset(info))
                    session.commit()
            commit()
            yield
        target.commit()


@contextmanager
def _unchanging(engine: Engine) -> Iterator[Connection]:
    """Give a connection that sees a database as it is now, whoever writes to it."""
    with (
        engines.without_time_limit(engine, current_app.config) as unlimited,
        unlimited.connect() as connection,
    ):
        if engine.dialect.name != "sqlite":
            # SQLite's transactions are like that.
            connection.execution_options(isolation_level="REPEATABLE READ")
        yield connection


def _every_dataset() -> Iterator[Dataset]:
    """Yield each dataset of the application's database, a batch at a time."""
    batch = select(Dataset).order_by(Dataset.id).limit(BATCH)
    last = 0
    while datasets := sql_db.session.scalars(batch.where(Dataset.id > last)).all():
        last = datasets[-1].id
        yield from datasets
        sql_db.session.rollback()


def _count(source: Connection, table: Table) -> int:
    counted = select(func.count()).select_from(_rows(table).subquery())
    return source.scalar(counted) or 0


def _rows(table: Table) -> Select[Any]:
    """Return a select of a table's rows in the order of the key, without orphans."""
    rows = select(table).order_by(*table.primary_key.columns)
    for key in table.foreign_keys:
        rows = rows.where(key.parent.is_(None) | key.parent.in_(select(key.column)))
    return rows


def _batches(table: Table, source: Connection) -> Iterator[Sequence[Row[Any]]]:
    size = _BATCH.get(table, _OTHER_BATCH)
    streamed = _rows(table).execution_options(yield_per=size)
    yield from source.execute(streamed).partitions()


def _copy(table: Table, source: Connection, target: Connection) -> Iterator[None]:
    commit = _committing(target)
    for rows in _batches(table, source):
        target.execute(table.insert(), [row._asdict() for row in rows])
        commit()
        yield from [None] * len(rows)
    target.commit()


def _committing(connection: Connection) -> Callable[[], None]:
    """Return what commits, if the last time was not just now."""
    last = time.monotonic()

    def commit() -> None:
        nonlocal last
        if time.monotonic() - last >= _SECONDS_BETWEEN_COMMITS:
            connection.commit()
            last = time.monotonic()

    return commit


def _continue_numbers(table: Table, target: Connection) -> None:
    """Let the next row have a number that is free, which PostgreSQL does not see to."""
    column = table.autoincrement_column
    if column is None or target.dialect.name != "postgresql":
        return
    sequence = func.pg_get_serial_sequence(
        target.dialect.identifier_preparer.format_table(table), column.name
    )
    target.execute(
        select(func.setval(sequence, func.coalesce(func.max(column), 0) + 1, False))
    )
    target.commit()


def _compare(table: Table, source: Connection, target: Connection) -> Iterator[None]:
    there = (row for rows in _batches(table, target) for row in rows)
    here = (row for rows in _batches(table, source) for row in rows)
    for expected, found in zip_longest(here, there):
        if expected != found:
            raise StoreUnavailableError(f"A row of {table.name} is not as it was")
        yield
