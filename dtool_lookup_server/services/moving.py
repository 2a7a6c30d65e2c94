"""Moving all that the SQL database holds to another one, of any kind."""

import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby, zip_longest
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
from ..dataset_json import is_kept
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
from ..plugins.analysis import AnalyzedDataset, analyze_dataset
from ..plugins.interfaces import DatasetInfo
from ..plugins.packing import unpack_json, unpack_text
from ..plugins.registry import in_use
from ..plugins.sql import SQLRetrieve, SQLSearch
from ..plugins.sql.tables import dataset_content, text_engine
from ..sql_models import Dataset, DatasetPart, DatasetTag
from . import dataset_rows, registered

# Rows that are read and written at once.
_ROWS_AT_ONCE = 500
# Of contents and of items, rows of which may have megabytes: as many while they are
# small, as few while they are not.
_LARGE: tuple[Any, ...] = (dataset_content, DatasetPart.__table__)
_SMALL_AT_ONCE, _LARGE_AT_ONCE = 32, 4
_SMALL = 64 * 1024

# Datasets whose words are written at once: a large one has a million terms.
_DATASETS_AT_ONCE = 200
_TERMS_AT_ONCE = 200_000

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
        steps = int(self._indexes_text) + int(is_kept(self._target.dialect.name))
        return 2 * sum(rows.values()) + steps * rows[Dataset.__table__]

    def __iter__(self) -> Iterator[None]:
        """Copy every row, make the index of texts, and compare every row.

        :raises StoreUnavailableError: if a row is not there as it was
        """
        with _unchanging(self._source) as source, self._target.connect() as target:
            for table in self._tables:
                yield from _copy(table, source, target)
                _continue_numbers(table, target)
            yield from dataset_rows.fill(target)
            target.commit()
            if self._indexes_text:
                yield from self._index_texts(source, target)
            for table in self._tables:
                yield from _compare(table, source, target)
            target.rollback()
            mark_as_current(target)
            target.commit()

    def _index_texts(self, source: Connection, target: Connection) -> Iterator[None]:
        waiting = _Waiting(target)
        for dataset_id, info in _infos(source):
            if info is None:
                # Its contents are elsewhere; `dataset reindex` knows what to do.
                self.not_indexed += 1
            else:
                waiting.add(dataset_id, analyze_dataset(info))
            yield
        waiting.write()
        target.commit()


class _Waiting:
    """Terms of datasets that are written together."""

    def __init__(self, target: Connection):
        self._target = target
        self._engine = text_engine(target.dialect.name)
        self._commit = _committing(target)
        self._entries: dict[int, Any] = {}
        self._terms = 0

    def add(self, dataset_id: int, terms: AnalyzedDataset) -> None:
        self._entries[dataset_id] = self._engine.entry_of(terms)
        for found in (*terms, *terms.forms.values()):
            self._terms += len(found)
        if len(self._entries) >= _DATASETS_AT_ONCE or self._terms >= _TERMS_AT_ONCE:
            self.write()
            self._commit()

    def write(self) -> None:
        if not self._target.in_transaction():
            self._target.begin()
        # Which leaves the commit to the connection.
        with Session(self._target) as session:
            self._engine.store_entries(session, self._entries, self._entries.keys())
            session.commit()
        self._entries, self._terms = {}, 0


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


def _infos(source: Connection) -> Iterator[tuple[int, DatasetInfo | None]]:
    """Yield each dataset's id, and what its words are in; None where that is away."""
    page = (
        select(
            Dataset.id,
            Dataset.uri,
            Dataset.uuid,
            Dataset.name,
            Dataset.creator_username,
            Dataset.type,
        )
        .order_by(Dataset.id)
        .limit(_ROWS_AT_ONCE)
    )
    last = 0
    while rows := source.execute(page.where(Dataset.id > last)).all():
        first, last = rows[0].id, rows[-1].id
        tags = _tags_between(first, last, source)
        remaining = {row.id: row for row in rows}
        for dataset_id, contents in _contents_between(first, last, source):
            row = remaining[dataset_id]
            if not registered.is_of_0_18(row):
                del remaining[dataset_id]
                yield dataset_id, {**row._asdict(), "tags": tags[row.id], **contents}
        for dataset_id in remaining:
            yield dataset_id, _info_elsewhere(dataset_id)
        sql_db.session.rollback()


def _tags_between(first: int, last: int, source: Connection) -> dict[int, list[str]]:
    tags = defaultdict(list)
    selected = select(DatasetTag.dataset_id, DatasetTag.tag).where(
        DatasetTag.dataset_id.between(first, last)
    )
    ordered = selected.order_by(DatasetTag.dataset_id, DatasetTag.position)
    for dataset_id, tag in source.execute(ordered):
        tags[dataset_id].append(tag)
    return tags


def _contents_between(
    first: int, last: int, source: Connection
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield id and contents of each dataset whose contents are in the database."""
    if not isinstance(in_use().retrieve, SQLRetrieve):
        return
    selected = _rows(dataset_content).where(
        dataset_content.c.dataset_id.between(first, last)
    )
    rows = (row for rows in _batches(dataset_content, source, selected) for row in rows)
    for dataset_id, parts in groupby(rows, lambda row: row.dataset_id):
        packed: defaultdict[str, bytes] = defaultdict(bytes)
        for row in parts:
            packed[row.kind] += row.content
        yield (
            dataset_id,
            {
                "readme": unpack_text(packed["readme"]),
                "manifest": json.loads(unpack_json(packed["manifest"])),
                "annotations": json.loads(unpack_json(packed["annotations"])),
            },
        )


def _info_elsewhere(dataset_id: int) -> DatasetInfo | None:
    """Return the dataset info of what is not as it is registered today, or not here."""
    dataset = sql_db.session.get(Dataset, dataset_id)
    if dataset is None:
        return None  # forgotten since we began
    try:
        return registered.info_of(dataset)
    except (UnknownURIError, ValidationError):
        return None


def _count(source: Connection, table: Table) -> int:
    counted = select(func.count()).select_from(_rows(table).subquery())
    return source.scalar(counted) or 0


def _rows(table: Table) -> Select[Any]:
    """Return a select of a table's rows in the order of the key, without orphans."""
    rows = select(table).order_by(*table.primary_key.columns)
    for key in table.foreign_keys:
        rows = rows.where(key.parent.is_(None) | key.parent.in_(select(key.column)))
    return rows


def _batches(
    table: Table, source: Connection, selected: Select[Any] | None = None
) -> Iterator[Sequence[Row[Any]]]:
    """Yield the rows of a table, some at a time.

    :param selected: which of them; None for those that _rows selects
    """
    size = _LARGE_AT_ONCE if table in _LARGE else _ROWS_AT_ONCE
    streamed = (_rows(table) if selected is None else selected).execution_options(
        stream_results=True, max_row_buffer=_ROWS_AT_ONCE
    )
    with source.execute(streamed) as result:
        while rows := result.fetchmany(size):
            yield rows
            if table in _LARGE:
                largest = max(map(_size, rows))
                size = _SMALL_AT_ONCE if largest <= _SMALL else _LARGE_AT_ONCE


def _size(row: Row[Any]) -> int:
    """Return about how many bytes a row's texts and contents take."""
    return sum(len(value) for value in row if isinstance(value, bytes | str))


def _copy(table: Table, source: Connection, target: Connection) -> Iterator[None]:
    commit = _committing(target)
    insert = table.insert()
    if target.dialect.name == "postgresql":
        # Makes one statement of many rows, which the driver does for MariaDB.
        insert = insert.returning(*table.primary_key.columns)
    for rows in _batches(table, source):
        target.execute(insert, [row._asdict() for row in rows])
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
