"""Moving all that the SQL database holds to another one, of any kind."""

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any

from flask import current_app
from sqlalchemy import (
    Connection,
    Engine,
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
from ..errors import AlreadyExistsError, ConfigurationError, StoreUnavailableError
from ..extensions import sql_db
from ..migrating import mark_as_current
from ..plugins.analysis import analyze_dataset
from ..plugins.registry import in_use
from ..plugins.sql import SQLSearch
from ..plugins.sql.tables import dataset_content, text_engine
from ..sql_models import Dataset, DatasetPart
from . import registered

# Rows that are written at once; those of contents and of items have megabytes.
_BATCH: dict[Any, int] = {dataset_content: 4, DatasetPart.__table__: 4}
_OTHER_BATCH = 500


def copy_to(url: str) -> "Copy":
    """Make the tables in an empty database, and return what will fill them.

    :param url: as SQLALCHEMY_DATABASE_URI takes it
    :raises ConfigurationError: if it is no URL of a database
    :raises AlreadyExistsError: if the database has tables
    """
    try:
        parsed = engines.with_driver(url)
        options = engines.options(parsed, current_app.config)
        target = create_engine(parsed, **options)
    except (ArgumentError, ImportError) as error:
        # The URL stays out of it: it may hold a password.
        raise ConfigurationError(
            f"That is no URL of a database: {type(error).__name__}"
        ) from None
    engines.set_up(target, current_app.config)
    try:
        if inspect(target).get_table_names():
            raise AlreadyExistsError("The other database is not empty")
        sql_db.metadata.create_all(target)
        with target.begin() as connection:
            mark_as_current(connection)
        return Copy(target)
    finally:
        target.dispose()


class Copy:
    """What remains to be done; each step of the iteration is one row of it.

    The rows are read as they are when the first is. They keep their ids. A row that
    refers to one that is not there, as SQLite allowed 0.18 to leave, is left out.

    :param target: of a database with empty tables
    """

    def __init__(self, target: Engine):
        self._target = target
        self._tables = sql_db.metadata.sorted_tables
        self._indexes_text = isinstance(in_use().search, SQLSearch)

    def __len__(self) -> int:
        """Return the number of steps."""
        rows = {table: _count(sql_db.session, table) for table in self._tables}
        datasets = rows[Dataset.__table__] if self._indexes_text else 0
        return 2 * sum(rows.values()) + datasets

    def __iter__(self) -> Iterator[None]:
        """Copy every row, make the index of texts, and compare every row.

        :raises StoreUnavailableError: if a row is not there as it was
        """
        with self._target.connect() as target:
            for table in self._tables:
                yield from _copy(table, target)
                _continue_numbers(table, target)
            if self._indexes_text:
                yield from _index_texts(target)
            for table in self._tables:
                yield from _compare(table, target)
        self._target.dispose()


def _count(session: Any, table: Table) -> int:
    return session.scalar(select(func.count()).select_from(_rows(table).subquery()))


def _rows(table: Table) -> Select[Any]:
    """Return a select of a table's rows in the order of the key, without orphans."""
    rows = select(table).order_by(*table.primary_key.columns)
    for key in table.foreign_keys:
        rows = rows.where(key.parent.in_(select(key.column)))
    return rows


def _batches(table: Table, source: Any) -> Iterator[Sequence[Row[Any]]]:
    size = _BATCH.get(table, _OTHER_BATCH)
    streamed = _rows(table).execution_options(yield_per=size)
    yield from source.execute(streamed).partitions()


def _copy(table: Table, target: Connection) -> Iterator[None]:
    for rows in _batches(table, sql_db.session):
        target.execute(table.insert(), [row._asdict() for row in rows])
        target.commit()
        yield from [None] * len(rows)


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


def _index_texts(target: Connection) -> Iterator[None]:
    store = text_engine(target.dialect.name).store
    for dataset in sql_db.session.scalars(select(Dataset).order_by(Dataset.id)):
        info = registered.info_of(dataset)
        with Session(target) as session:
            store(session, dataset.id, analyze_dataset(info))
            session.commit()
        yield


def _compare(table: Table, target: Connection) -> Iterator[None]:
    there = (row for rows in _batches(table, target) for row in rows)
    here = (row for rows in _batches(table, sql_db.session) for row in rows)
    for expected, found in zip_longest(here, there):
        if expected != found:
            raise StoreUnavailableError(f"A row of {table.name} is not as it was")
        yield
