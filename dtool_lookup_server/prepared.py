"""Statements that nearly every request executes, handed to the driver as they are.

SQLAlchemy takes ten times as long to pass on a short statement as SQLite to answer it:
it looks the statement up among the compiled ones, makes a context, a result and its
rows. Here a statement is compiled once for each database, and what is fetched comes as
plain tuples. For statements that are short and frequent; all others go the common way.

To open a session, begin its transaction and end both takes as long as three statements.
What only reads SQLite therefore does without, on a connection that each thread keeps.
Where a transaction has begun its statements are part of it.

What nearly every request asks and few writes change, such as the user of a token, a
thread remembers until anything at all is written. SQLite tells that in a tenth of the
time that the statement would take; a request that only reads asks for it once.
"""

import os
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from operator import itemgetter
from typing import Any, NamedTuple, TypeVar, cast

from flask import g
from sqlalchemy import (
    BindParameter,
    ClauseElement,
    Connection,
    Dialect,
    Engine,
    Insert,
    Pool,
    Select,
    TextClause,
    UpdateBase,
    bindparam,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, scoped_session
from sqlalchemy.types import TypeEngine

from . import engines
from .extensions import sql_db

# A session, or the connection of one.
Within = Session | scoped_session[Session] | Connection
Parameters = Mapping[str, Any]
Tuples = list[tuple[Any, ...]]
Process = Callable[[Any], Any]
Result = TypeVar("Result")


class _Made(NamedTuple):
    """A statement as a driver takes it.

    :param constants: the values of the parameters that nobody gives
    :param order: the parameters' names, where the driver goes by their places
    :param inputs: what makes a value of the driver's of a parameter
    :param places: the same, by the places in the order
    """

    text: str
    constants: dict[str, Any]
    order: list[str] | None
    inputs: list[tuple[str, Process]]
    places: list[tuple[int, Process]]

    def values(self, rows: Sequence[Parameters]) -> list[Any]:
        """Return parameters as the driver takes them.

        :param rows: all with the same names
        """
        if not rows[0].keys() >= self.constants.keys():
            rows = [{**self.constants, **row} for row in rows]
        if self.order is None:
            return [self._named(row) for row in rows]
        if len(self.order) < 2:
            # Of one name itemgetter makes no tuple.
            picked = [tuple([row[name] for name in self.order]) for row in rows]
        else:
            picked = list(map(itemgetter(*self.order), rows))
        if not self.places:
            return picked
        columns: list[Iterable[Any]] = list(zip(*picked, strict=True))
        for place, process in self.places:
            columns[place] = map(process, columns[place])
        return list(zip(*columns, strict=True))

    def _named(self, row: Parameters) -> Parameters:
        values = {name: process(row[name]) for name, process in self.inputs}
        return {**row, **values}


# A list of values takes the next of so many parameters, its last value repeated, so
# that lists of all lengths make few statements.
_SIZES = (1, 10, 100, 1000)

# Values that PreparedForMany asks for at once, and numbers of them that it is made for.
_AT_ONCE = 100
_FEW = (1, 4, 10, 25, 50, _AT_ONCE)
_NAMES = [f"value_{place}" for place in range(_AT_ONCE)]


def size_for(values: Sequence[Any]) -> int:
    """Return the number of parameters that a list of values takes, one at least."""
    return next((size for size in _SIZES if size >= len(values)), len(values))


def listed(name: str, size: int, type_: TypeEngine[Any]) -> list[BindParameter[Any]]:
    """Return the parameters of a list, for a statement."""
    return [bindparam(f"{name}_{place}", type_=type_) for place in range(size)]


def as_list(name: str, values: Sequence[Any], nothing: Any) -> dict[str, Any]:
    """Return the values of listed() parameters, as many as size_for says.

    :param nothing: a value that is nowhere, for a list without any
    """
    last = values[-1] if values else nothing
    filled = [*values, *[last] * (size_for(values) - len(values))]
    return {f"{name}_{place}": value for place, value in enumerate(filled)}


class Prepared:
    """A statement with named parameters.

    :param statement: with listed() where a parameter is a list of values; an insert
        with a parameter for each column
    """

    def __init__(self, statement: Select[*tuple[Any, ...]] | UpdateBase | TextClause):
        self._statement = statement
        columns = statement.selected_columns if isinstance(statement, Select) else ()
        self._types = [column.type for column in columns]
        self._made: dict[tuple[str, str], _Made] = {}
        self._outputs: dict[tuple[str, str], list[tuple[int, Process]]] = {}

    def all(self, parameters: Parameters, session: Within | None = None) -> Tuples:
        """Return all rows of a select, within the transaction of the session.

        :param session: None for the application's
        :raises DBAPIError: as the session does
        """

        def fetch(dialect: Dialect, cursor: Any) -> Tuples:
            rows: Tuples = cursor.fetchall()
            key = (dialect.name, dialect.driver)
            outputs = self._outputs.get(key)
            if outputs is None:
                outputs = self._outputs[key] = self._processes(dialect, cursor)
            return [_processed(row, outputs) for row in rows] if outputs else list(rows)

        if session is None:
            connection = _reading_connection()
        else:
            connection = _connection_of(session)
        return self._execute(connection, [parameters], fetch)

    def first(self, parameters: Parameters) -> tuple[Any, ...] | None:
        """Return the first row of a select, or None where there is none."""
        rows = self.all(parameters)
        return rows[0] if rows else None

    def scalar(self, parameters: Parameters) -> Any:
        """Return the first value of the first row, or None where there is none."""
        row = self.first(parameters)
        return row[0] if row else None

    def run(self, rows: Sequence[Parameters], session: Within | None = None) -> None:
        """Execute what writes, for each of some rows of parameters.

        :param session: None for the application's
        :raises DBAPIError: as the session does
        """
        if rows:
            connection = _connection_of(session or sql_db.session())
            self._execute(connection, rows, lambda _dialect, _cursor: None)

    def _execute(
        self,
        connection: Connection,
        rows: Sequence[Parameters],
        fetch: Callable[[Dialect, Any], Result],
    ) -> Result:
        dialect = connection.dialect
        key = (dialect.name, dialect.driver)
        made = self._made.get(key)
        if made is None:
            made = self._made[key] = _make(self._statement, dialect)
        cursor = connection.connection.cursor()
        try:
            for text, values in self._statements(made, made.values(rows), dialect):
                _send(connection, cursor, text, values)
            result = fetch(dialect, cursor)
        except dialect.loaded_dbapi.Error as error:
            raise _translated(connection, made.text, cursor, error) from error
        finally:
            cursor.close()
        return result

    def _statements(
        self, made: _Made, values: list[Any], dialect: Dialect
    ) -> Iterable[tuple[str, Sequence[Any]]]:
        """Return what is sent: a text, and the values of one or more executions."""
        return [(made.text, values)]

    def _processes(self, dialect: Dialect, cursor: Any) -> list[tuple[int, Process]]:
        kinds = [description[1] for description in cursor.description]
        found = [
            type_.dialect_impl(dialect).result_processor(dialect, kind)
            for type_, kind in zip(self._types, kinds, strict=True)
        ]
        return [(place, process) for place, process in enumerate(found) if process]


class PreparedInsert(Prepared):
    """An insert into a table with triggers, of whose rows SQLite gets many at once.

    It makes ready to take back each statement that may set off a trigger, alone: it
    copies the pages that are about to change, and FTS5 writes down what it has
    gathered.

    :param statement: with nothing but parameters for values
    """

    # Few numbers of rows, so that few statements are kept by the driver, which also
    # keeps the values of each. SQLite takes 32,766 parameters.
    _AT_ONCE = (250, 64, 16, 4)

    def __init__(self, statement: Insert):
        super().__init__(statement)

    def _statements(
        self, made: _Made, values: list[Any], dialect: Dialect
    ) -> Iterator[tuple[str, Sequence[Any]]]:
        start = 0
        if dialect.name == "sqlite":
            for text, some in self._joined(made, values):
                start += len(some)
                yield text, [tuple(chain.from_iterable(some))]
        if start < len(values):
            yield made.text, values[start:]

    def _joined(
        self, made: _Made, values: list[Any]
    ) -> Iterator[tuple[str, list[Any]]]:
        """Yield the texts that take several rows, and these; the last few are left."""
        row = f"({', '.join('?' * len(made.order or []))})"
        before, _row, after = made.text.partition(row)
        start = 0
        for size in self._AT_ONCE:
            while start + size <= len(values):
                text = f"{before}{', '.join([row] * size)}{after}"
                yield text, values[start : start + size]
                start += size


class RememberedSelect(Prepared):
    """A select of few rows, which are remembered as long as nothing was written.

    On SQLite alone, and never within a transaction. Other databases could only be asked
    for it by a statement that takes as long as the select.
    """

    def all(self, parameters: Parameters, session: Within | None = None) -> Tuples:
        """Return all rows, as Prepared.all does."""
        if session is not None:
            return super().all(parameters, session)
        connection = _reading_connection()
        key = (self, *parameters.items())
        find = partial(Prepared.all, self, parameters, connection)
        return [*_found_before(connection, key, find)]


class _Memory(dict[Any, Tuples]):
    """What a thread has found on its connection since anything was written.

    :param version: the connection's number for what there was then, which is another
        after each commit by others: https://sqlite.org/pragma.html#pragma_data_version
    """

    # About a megabyte in each thread.
    _MOST_ROWS = 5_000

    def __init__(self, version: int | None = None):
        super().__init__()
        self.version = version
        self._number = 0

    def remember(self, key: Any, rows: Tuples) -> None:
        """Keep rows, in place of all others where these are too many."""
        # Nothing takes no memory, and yet a place.
        self._number += 1 + len(rows)
        if self._number > self._MOST_ROWS:
            self.clear()
            self._number = 1 + len(rows)
        if self._number <= self._MOST_ROWS:
            self[key] = rows


class _Reader(threading.local):
    """The connection with which a thread reads SQLite: one after the other's request.

    To take it from the engine's pool for each request, and to give it back, takes as
    long as two statements. It is not the pool's any more, and no lock is held by it
    between statements.
    """

    def __init__(self) -> None:
        self._pool: Pool | None = None
        self._connection: Connection | None = None
        self._driver: Any = None
        self._memory = _Memory()
        # Whether it is as it was when it was asked for first, and was by now.
        self._is_held = self._was_asked = False
        #: The connection, for as long as that is so, once it was used.
        self.held: Connection | None = None
        self._forsaken: Connection | None = None

    def connection(self, engine: Engine) -> Connection:
        """Return the thread's connection, which is made anew where that is needed.

        An engine that was disposed of has another pool.
        """
        if self._connection is not None and (
            self._pool is not engine.pool or self._connection.invalidated
        ):
            self._connection.close()
            self._connection = None
        if self._connection is None:
            self._connection = engine.connect()
            self._connection.detach()
            self._pool = engine.pool
            self._driver = self._connection.connection.dbapi_connection
            self._memory = _Memory()
            self._was_asked = False
            # A thread that ends leaves nobody else who would.
            weakref.finalize(self._connection, self._driver.close).atexit = False
        if self._is_held:
            self.held = self._connection
        return self._connection

    def remembered_on(self, connection: Connection) -> _Memory | None:
        """Return what this thread has found on its connection, and is so still.

        :returns: None for another connection, and for one that cannot tell
        """
        if connection is not self._connection:
            return None
        if self._was_asked:
            return self._memory
        try:
            (version,) = self._driver.execute("PRAGMA data_version").fetchone()
        except connection.dialect.loaded_dbapi.Error:
            # The select will say what is wrong.
            return None
        if version != self._memory.version:
            self._memory = _Memory(version)
        self._was_asked = self._is_held
        return self._memory

    def hold(self, is_held: bool) -> None:
        """Begin, or end, to take what is remembered as it is when first asked for."""
        self._is_held, self._was_asked, self.held = is_held, False, None

    def forsake(self) -> None:
        """Leave the connection to the process that this one was forked from.

        Not even to close it is for a child: https://sqlite.org/howtocorrupt.html
        """
        self._forsaken, self._connection = self._connection, None
        self._driver = self.held = None


_reader = _Reader()
os.register_at_fork(after_in_child=_reader.forsake)

#: Where a session keeps the connection of its transaction.
CONNECTION = "dtool_lookup_server_connection"

# Where an application context keeps the connection that it reads with.
_READING = "dtool_lookup_server_reading"


def _reading_connection() -> Connection:
    """Return the connection for what is only read: in a transaction, that one's."""
    if _reader.held is not None:
        return _reader.held
    registry = sql_db.session.registry
    if registry.has() and registry().in_transaction():
        return _connection_of(registry())
    context = g._get_current_object()
    connection: Connection | None = context.get(_READING)
    if connection is None or connection.closed:
        engine = sql_db.engine
        if not engines.reads_alone(engine):
            return _connection_of(registry())
        connection = _reader.connection(engine)
        setattr(context, _READING, connection)
    return connection


def hold(is_held: bool) -> None:
    """Begin, or end, to ask but once whether anything was written since.

    For a request that only reads, all of it on one connection, and is over soon.
    """
    _reader.hold(is_held)


def dialect_name() -> str:
    """Return SQLAlchemy's name of the application's database."""
    # To look up the engine takes as long as a tenth of a page.
    held = _reader.held
    return sql_db.engine.dialect.name if held is None else held.dialect.name


def remembers() -> bool:
    """Return whether what is found now is remembered: see RememberedSelect."""
    return _reader.remembered_on(_reading_connection()) is not None


def remembered(key: Any, find: Callable[[], Result]) -> Result:
    """Return what is found, which is remembered as long as nothing was written.

    :param key: of what is looked for, nobody else's
    """
    connection = _reading_connection()
    [(found,)] = _found_before(connection, key, lambda: [(find(),)])
    return cast(Result, found)


def _found_before(
    connection: Connection, key: Any, find: Callable[[], Tuples]
) -> Tuples:
    """Return the rows that are remembered of a key, or else are found now."""
    known = _reader.remembered_on(connection)
    if known is None:
        return find()
    rows = known.get(key)
    if rows is None:
        rows = find()
        known.remember(key, rows)
    return rows


def _connection_of(session: Within) -> Connection:
    if isinstance(session, Connection):
        return session
    # What was added is to be found, as by any other statement.
    session.flush()
    known: Connection | None = session.info.get(CONNECTION)
    # Closed after a rollback.
    return session.connection() if known is None or known.closed else known


class PreparedForMany:
    """A select for the values of a list, of any length.

    :param type_: of the values
    :param make: returns the select for a list of parameters
    """

    def __init__(
        self,
        type_: TypeEngine[Any],
        make: Callable[[list[BindParameter[Any]]], Select[*tuple[Any, ...]]],
    ):
        self._type = type_
        self._make = make
        self._made: dict[int, Prepared] = {}

    def all(
        self,
        values: Sequence[Any],
        parameters: Parameters | None = None,
        session: Within | None = None,
    ) -> Tuples:
        """Return all rows for the values, so many of them at a time; see Prepared.all.

        :param parameters: the other ones, if there are any
        """
        rows: Tuples = []
        for start in range(0, len(values), _AT_ONCE):
            some = [*values[start : start + _AT_ONCE]]
            size = next(size for size in _FEW if size >= len(some))
            some += [some[-1]] * (size - len(some))
            given = dict(zip(_NAMES[:size], some, strict=True))
            rows += self._for(size).all({**given, **(parameters or {})}, session)
        return rows

    def _for(self, size: int) -> Prepared:
        if size not in self._made:
            statement = self._make(listed("value", size, self._type))
            self._made[size] = Prepared(statement)
        return self._made[size]


def _make(statement: ClauseElement, dialect: Dialect) -> _Made:
    compiled: Any = statement.compile(dialect=dialect)
    inputs = []
    for bind, name in compiled.bind_names.items():
        process = bind.type.dialect_impl(dialect).bind_processor(dialect)
        if process is not None:
            inputs.append((name, process))
    order = list(compiled.positiontup) if compiled.positional else None
    places = [
        (place, process)
        for place, name in enumerate(order or [])
        for processed, process in inputs
        if processed == name
    ]
    return _Made(str(compiled), dict(compiled.params), order, inputs, places)


def _send(
    connection: Connection, cursor: Any, text: str, values: Sequence[Any]
) -> None:
    """Hand a statement to the driver, and tell who listens to the engine."""
    # Not the connection's, which goes through both: nobody listens to one.
    dialect, dispatch = connection.dialect, connection.engine.dispatch
    many = len(values) > 1
    context = _Context()
    sent = values if many else values[0]
    for before in dispatch.before_cursor_execute:
        # A listener may put a limit into the statement.
        text, sent = before(connection, cursor, text, sent, context, many)
    if many:
        dialect.do_executemany(cursor, text, sent)
    else:
        dialect.do_execute(cursor, text, sent)
    for after in dispatch.after_cursor_execute:
        after(connection, cursor, text, sent, context, many)


class _Context:
    """Holds what listeners note about one execution."""


def _processed(
    row: tuple[Any, ...], outputs: list[tuple[int, Process]]
) -> tuple[Any, ...]:
    values = list(row)
    for place, process in outputs:
        values[place] = process(values[place])
    return tuple(values)


def _translated(
    connection: Connection, text: str, cursor: Any, error: Exception
) -> BaseException:
    """Return a driver's error as SQLAlchemy raises it."""
    dialect = connection.dialect
    lost = dialect.is_disconnect(error, connection.connection, cursor)  # type: ignore[arg-type]
    if lost:
        connection.invalidate(error)
    return DBAPIError.instance(
        text,
        # Values may be anybody's data.
        None,
        error,
        dialect.loaded_dbapi.Error,
        hide_parameters=True,
        connection_invalidated=lost,
        dialect=dialect,
    )
