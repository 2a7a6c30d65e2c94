"""Opening SQLite, PostgreSQL and MariaDB, so that what is above need not ask which.

A URL as people write it becomes one with a driver that is installed, and each
connection waits, ends and compares alike.
"""

import os
import sqlite3
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import InvalidatePoolError

from . import deadlines
from .errors import ConfigurationError

#: SQLAlchemy's names of MariaDB.
MARIADB = ("mariadb", "mysql")

# Each database's drivers, the preferred one first: the module, SQLAlchemy's name.
_DRIVERS = {
    "postgresql": {"psycopg": "psycopg", "psycopg2": "psycopg2"},
    "mariadb": {"MySQLdb": "mysqldb", "pymysql": "pymysql"},
}
_EXTRAS = {"postgresql": "postgresql", "mariadb": "mysql"}
_NAMES = {"postgres": "postgresql", "mysql": "mariadb"}

# An execution option: the connection is to take SQLite's write lock when it begins,
# not at the first write, since one that reads first can fail without having waited.
WRITES = "dtool_lookup_server_writes"

# Bytes of the longest column that is sorted by: 1,024 characters of four bytes.
_LONGEST_LINE = 4096

# Key in the info of a connection: whether SQLite writes ahead to a log in a file.
_IS_LOGGED = "dtool_lookup_server_is_logged"

# Pages of SQLite's log that are left to be moved to the database at once: a page that
# many transactions have written is moved once.
_LOG_PAGES = 4000

# Kibibytes of pages that each connection to SQLite keeps, at most: a group of datasets
# changes more of them than the usual 2,000 hold, and what was thrown out is read again.
_CACHE = 8000

# As SQLite does it; not every system has the faster one.
_synchronise = getattr(os, "fdatasync", os.fsync)

# How long to sleep before SQLite is asked for its lock again, in seconds: a tenth of
# the time that was waited, within these. Who registers a dataset holds it for a
# millisecond.
_SHORTEST_NAP, _LONGEST_NAP = 0.0002, 0.002

# Instructions of SQLite's virtual machine that take about a millisecond.
_STEPS = 20_000

# Seconds after which a connection whose other end acknowledges nothing is given up.
_SILENCE = 30

# Key in the info of a connection: when it was given back, by time.monotonic().
_USED = "dtool_lookup_server_used"

# Seconds for which a server is taken to be there after a connection was in use.
_JUST_BEFORE = 1.0

# Arguments of MariaDB's drivers for what may be silent for how long, in seconds.
_TIMEOUTS = ("read_timeout", "write_timeout")


def with_driver(url: str) -> URL:
    """Return a database's URL with a driver that is installed.

    :param url: as people write it: postgresql://, postgres://, mysql://, mariadb://,
        each with or without +driver, or any other that SQLAlchemy knows
    :raises ConfigurationError: if there is no driver; names what to install
    """
    parsed = make_url(url)
    name, plus, driver = parsed.drivername.partition("+")
    name = _NAMES.get(name, name)
    if name in _DRIVERS and not plus:
        driver = _installed_driver(name)
    if name == "mariadb":
        parsed = parsed.update_query_dict({"charset": "utf8mb4"})
    return parsed.set(drivername=f"{name}+{driver}" if driver else name)


def _installed_driver(name: str) -> str:
    for module, driver in _DRIVERS[name].items():
        if find_spec(module):
            return driver
    raise ConfigurationError(
        f"Setting SQLALCHEMY_DATABASE_URI: no driver for {name} is installed: "
        f"pip install 'dtool-lookup-server[{_EXTRAS[name]}]'"
    )


def options(url: URL, settings: dict[str, Any], limited: bool = True) -> dict[str, Any]:
    """Return what an engine is made with.

    :param url: with a driver
    :param settings: app.config
    :param limited: as for set_up
    """
    name, _plus, driver = url.drivername.partition("+")
    if name not in _DRIVERS:
        # A file does not go away: to ask for it first would only take time.
        return {"pool_pre_ping": name != "sqlite"}
    return {
        # As often as needed: see _ask_whether_there.
        "pool_pre_ping": False,
        "pool_size": settings["SQL_POOL_SIZE"],
        "max_overflow": settings["SQL_POOL_SIZE"],
        "pool_recycle": settings["SQL_POOL_RECYCLE"],
        "pool_timeout": settings["SQL_TIMEOUT"],
        # What others commit is seen at once; MariaDB's default also locks the gaps
        # between rows, and workers that register at once would wait for each other.
        "isolation_level": "READ COMMITTED",
        "connect_args": _connect_arguments(name, driver, settings, limited),
    }


def _connect_arguments(
    name: str, driver: str, settings: dict[str, Any], limited: bool
) -> dict[str, Any]:
    arguments: dict[str, Any] = {"connect_timeout": settings["SQL_CONNECT_TIMEOUT"]}
    if name == "postgresql":
        arguments |= {
            "keepalives_idle": _SILENCE,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": _SILENCE * 1000,
        }
    if driver == "psycopg":
        # A pooler may give each transaction another connection to the server.
        arguments["prepare_threshold"] = None
    if limited and driver in ("pymysql", "mysqldb"):
        longest = _longest_silence(settings)
        arguments |= dict.fromkeys(_TIMEOUTS, longest)
    return arguments


def _longest_silence(settings: dict[str, Any]) -> int:
    """Return how long a server may say nothing, in seconds.

    It ends a statement itself, and has as long as for a connection to tell so.
    """
    longest: int = settings["SQL_STATEMENT_TIMEOUT"] + settings["SQL_CONNECT_TIMEOUT"]
    return longest


def set_up(engine: Engine, settings: dict[str, Any], limited: bool = True) -> None:
    """Make every connection of an engine wait and end as the settings say.

    :param limited: False for statements that may take as long as they need
    """
    name = engine.dialect.name
    if limited and engine.dialect.driver == "psycopg":
        _give_up_silence(engine, _longest_silence(settings))
    if name in _DRIVERS or name in MARIADB:
        _ask_whether_there(engine)
    _keep_to_deadlines(engine, settings["SQL_STATEMENT_TIMEOUT"])
    settings = settings | ({} if limited else {"SQL_STATEMENT_TIMEOUT": 0})
    if name == "sqlite":
        _set_up_sqlite(engine, settings["SQL_TIMEOUT"])
    elif name == "postgresql":
        _run_when_connected(
            engine,
            f"SET lock_timeout = '{settings['SQL_TIMEOUT']}s'",
            f"SET statement_timeout = '{settings['SQL_STATEMENT_TIMEOUT']}s'",
        )
    elif name in MARIADB:
        _run_when_connected(
            engine,
            f"SET innodb_lock_wait_timeout = {settings['SQL_TIMEOUT']}",
            f"SET max_statement_time = {settings['SQL_STATEMENT_TIMEOUT']}",
            # Else only the first 1,024 bytes of a URI would count in an order.
            f"SET max_sort_length = {_LONGEST_LINE}",
            # A value that does not fit is refused and not cut, however the server
            # is set up.
            "SET sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES')",
        )


@contextmanager
def without_time_limit(engine: Engine, settings: dict[str, Any]) -> Iterator[Engine]:
    """Give an engine for migrations, whose statements take as long as they need.

    :param engine: that of the same database with limits
    :param settings: app.config
    """
    if engine.dialect.name == "sqlite":
        yield engine
        return
    options = dict(settings["SQLALCHEMY_ENGINE_OPTIONS"])
    arguments = options.pop("connect_args", {})
    kept = {name: arguments[name] for name in arguments if name not in _TIMEOUTS}
    unlimited = create_engine(engine.url, connect_args=kept, **options)
    set_up(unlimited, settings, limited=False)
    try:
        yield unlimited
    finally:
        unlimited.dispose()


def _ask_whether_there(engine: Engine) -> None:
    """Ask a connection whether its server is there, unless it answered just before.

    As pool_pre_ping does each time: a request takes a connection once or twice, and
    that is a sixth of what it asks for. Where the server goes away in between, who asks
    it next is told so, and whoever comes after that gets a new connection.
    """

    @event.listens_for(engine, "checkin")
    def note(_connection: Any, record: Any) -> None:
        record.info[_USED] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def ask(connection: Any, record: Any, _proxy: Any) -> None:
        used = record.info.get(_USED)
        # One that was made just now has no such time.
        if used is None or time.monotonic() - used < _JUST_BEFORE:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            # Most likely none of the others has a server either.
            raise InvalidatePoolError("The server does not answer") from error


def _give_up_silence(engine: Engine, longest: int) -> None:
    """Make psycopg end a connection whose server is silent for too long.

    Where a server hangs as a whole it cannot enforce its own limits, and its machine
    goes on to acknowledge what is sent to it.

    :param longest: in seconds
    """
    driver: Any = engine.dialect.loaded_dbapi

    def limited(connection: Any, steps: Any) -> Generator[Any, Any, Any]:
        end = time.monotonic() + longest
        try:
            wanted = next(steps)
            while True:
                # Nothing is ready when psycopg looks up from waiting.
                ready = yield wanted
                if ready:
                    end = time.monotonic() + longest
                elif time.monotonic() > end:
                    connection.pgconn.finish()
                    raise driver.OperationalError("the server says nothing")
                wanted = steps.send(ready)
        except StopIteration as last:
            return last.value

    class Impatient(driver.Connection):
        def wait(self, steps: Any, *args: Any, **kwargs: Any) -> Any:
            return super().wait(limited(self, steps), *args, **kwargs)

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: Any, _record: Any, args: Any, kwargs: Any) -> Any:
        return Impatient.connect(*args, **kwargs)


def _keep_to_deadlines(engine: Engine, usual: float) -> None:
    """Let no statement begin after the request's time, nor last beyond it.

    :param usual: seconds that a statement may last anyway
    """
    name = engine.dialect.name

    @event.listens_for(engine, "before_cursor_execute", retval=True)
    def limit(
        _connection: Connection,
        cursor: Any,
        statement: str,
        parameters: Any,
        _context: Any,
        many: bool,
    ) -> tuple[str, Any]:
        left = deadlines.remaining()
        if left is not None and left < usual:
            if name == "postgresql":
                # Until the transaction ends.
                milliseconds = int(left * 1000) + 1
                cursor.execute(f"SET LOCAL statement_timeout = {milliseconds}")
            elif name in MARIADB and not many:
                # The driver would send many rows one by one, with this before them.
                limited = f"SET STATEMENT max_statement_time = {left + 0.001:.3f} FOR"
                statement = f"{limited} {statement}"
        return statement, parameters


def _run_when_connected(engine: Engine, *statements: str) -> None:
    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        for statement in statements:
            cursor.execute(statement)
        cursor.close()
        # Else the settings would go with the first rollback.
        connection.commit()


def _begin_writing(
    connection: Connection, driver: sqlite3.Connection, timeout: int
) -> None:
    """Take the write lock of SQLite, as soon as it is free.

    :param timeout: in seconds
    """
    driver.execute("PRAGMA busy_timeout = 0")
    if connection.info[_IS_LOGGED]:
        # What it leaves out make_durable() does.
        driver.execute("PRAGMA synchronous = NORMAL")
    try:
        _execute_when_free(driver, "BEGIN IMMEDIATE", timeout)
    except sqlite3.OperationalError:
        # Fails once more, as SQLAlchemy's.
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    finally:
        driver.execute(f"PRAGMA busy_timeout = {timeout * 1000}")


def _execute_when_free(
    driver: sqlite3.Connection, statement: str, timeout: int
) -> sqlite3.Cursor:
    """Execute a statement that needs a lock of SQLite, as soon as that is free.

    SQLite's own way to wait sleeps longer each time, up to a tenth of a second, while
    the lock is free again after a few milliseconds; and for some locks, such as those
    of a database that another process opens or closes, it does not wait at all.

    :param timeout: in seconds
    """
    start = time.monotonic()
    while True:
        try:
            return driver.execute(statement)
        except sqlite3.OperationalError as error:
            waited = time.monotonic() - start
            is_busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not is_busy or waited >= timeout:
                raise
        time.sleep(min(max(waited / 10, _SHORTEST_NAP), _LONGEST_NAP))


def make_durable(engine: Engine) -> None:
    """Return when what a transaction with WRITES has committed survives a power cut.

    Other databases see to it within the commit. So does SQLite, and nobody else can
    write until the disk has answered. In WAL mode that is not needed: with NORMAL a
    commit is written to the log, in order, and the log is synchronised later
    (https://sqlite.org/pragma.html#pragma_synchronous). Here that is before the commit
    is acknowledged, and while others write already.
    """
    log = _log_of(engine)
    if log is None:
        return
    try:
        file = os.open(log, os.O_RDWR)
    except FileNotFoundError:
        # All of it is in the database, synchronised, when the log is removed.
        return
    try:
        _synchronise(file)
    finally:
        os.close(file)


def reads_alone(engine: Engine) -> bool:
    """Return whether a connection may read without a transaction of its own.

    Drivers begin one for each statement, but for SQLite's as it is set up here. What is
    in memory alone has one connection, whose transaction may be somebody else's.
    """
    return _log_of(engine) is not None


def _log_of(engine: Engine) -> str | None:
    """Return the path of the write-ahead log of SQLite; None where there is none."""
    path = engine.url.database
    in_file = path and path != ":memory:" and "uri" not in engine.url.query
    return f"{path}-wal" if engine.dialect.name == "sqlite" and in_file else None


def _set_up_sqlite(engine: Engine, timeout: int) -> None:
    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, record: Any) -> None:
        # Transactions are begun below, not by the driver's guess.
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout = {timeout * 1000}")
        asked = _execute_when_free(connection, "PRAGMA journal_mode = WAL", timeout)
        (mode,) = asked.fetchone()
        # Where the file cannot be shared in memory, as in a network, it stays another.
        record.info[_IS_LOGGED] = mode == "wal" and _log_of(engine) is not None
        connection.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")
        connection.execute(f"PRAGMA cache_size = -{_CACHE}")
        # What was acknowledged survives a power cut; NORMAL would lose the last.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        # SQLite asks now and then whether to go on.
        connection.set_progress_handler(deadlines.is_over, _STEPS)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A database in memory has one connection for all sessions, which may nest.
        driver: Any = connection.connection.driver_connection
        if not driver.in_transaction:
            if connection.get_execution_options().get(WRITES, False):
                _begin_writing(connection, driver, timeout)
            else:
                driver.execute("PRAGMA synchronous = FULL")
                # Takes no lock, and cannot fail: it need not go through SQLAlchemy.
                driver.execute("BEGIN")
