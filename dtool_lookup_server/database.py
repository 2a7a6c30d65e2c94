"""How the SQL database is opened, and how a use case becomes one transaction."""

import functools
import random
import sqlite3
import time
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from flask import Flask
from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from .errors import StoreUnavailableError
from .extensions import sql_db

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

#: How often a use case is begun anew after a deadlock or a race for a new row.
ATTEMPTS = 5

# SQLSTATE of a serialization failure and of a deadlock (PostgreSQL's manual,
# appendix A), and MariaDB's numbers of a deadlock and of a lock wait that ended.
_RETRIED_STATES = {"40001", "40P01"}
_RETRIED_NUMBERS = {1213, 1205}

# The connection is to take SQLite's write lock when it begins, not at the first
# write: one that reads first and then writes can fail without having waited.
_WRITES = "dtool_lookup_server_writes"


def open_database(app: Flask) -> None:
    """Bind sql_db to an application and set up its connections."""
    app.config.setdefault("SQLALCHEMY_ENGINE_OPTIONS", {"pool_pre_ping": True})
    sql_db.init_app(app)
    with app.app_context():
        engine = sql_db.engine
    if engine.dialect.name == "sqlite":
        _set_up_sqlite(engine, app.config["SQL_TIMEOUT"])


def _set_up_sqlite(engine: Engine, timeout: int) -> None:
    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _record: Any) -> None:
        # Transactions are begun below, not by the driver's guess.
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout = {timeout * 1000}")
        connection.execute("PRAGMA journal_mode = WAL")
        # What was acknowledged survives a power cut; NORMAL would lose the last.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A database in memory has one connection for all sessions, which may nest.
        if not connection.connection.dbapi_connection.in_transaction:
            writes = connection.get_execution_options().get(_WRITES, False)
            connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def transactional(
    use_case: Callable[Arguments, Result],
) -> Callable[Arguments, Result]:
    """Make a function one transaction: its commit, or on any error its rollback.

    The function may run more than once, after a deadlock or a lost race for a new
    row, and must not have effects outside the database. Inside another transactional
    function it is a part of that one's transaction.

    :raises StoreUnavailableError: if the database does not answer or stays locked
    """

    @functools.wraps(use_case)
    def run(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        session = sql_db.session
        if session.info.get(_WRITES):
            return use_case(*args, **kwargs)
        for attempt in range(1, ATTEMPTS + 1):
            # Ends what was only read before, which a writer must not stand on.
            session.commit()
            session.info[_WRITES] = True
            try:
                session.connection(execution_options={_WRITES: True})
                result = use_case(*args, **kwargs)
                session.commit()
                return result
            except (OperationalError, IntegrityError) as error:
                session.rollback()
                if attempt == ATTEMPTS or not _worth_retrying(error):
                    raise
                time.sleep(random.uniform(0, 0.05 * attempt))
            except BaseException:
                session.rollback()
                raise
            finally:
                session.info.pop(_WRITES, None)
        raise AssertionError("the last attempt returns or raises")

    return run


def _worth_retrying(error: DBAPIError) -> bool:
    if isinstance(error, IntegrityError):
        return True
    original = error.orig
    state = getattr(original, "sqlstate", None) or getattr(original, "pgcode", None)
    number = original.args[0] if original is not None and original.args else None
    return state in _RETRIED_STATES or number in _RETRIED_NUMBERS


def unavailable(error: DBAPIError) -> StoreUnavailableError | None:
    """Return what a database error means for who asked; None if it is our own fault.

    The text of the error stays out of it: it may hold the statement's values.
    """
    message = str(error.orig).lower()
    if "no such table" in message or "does not exist" in message or "1146" in message:
        return StoreUnavailableError(
            "The database has no tables yet: run `flask db upgrade`"
        )
    if isinstance(error, OperationalError) or error.connection_invalidated:
        return StoreUnavailableError("The database does not answer: try again later")
    return None


def check_health() -> None:
    """Return if the SQL database answers.

    :raises StoreUnavailableError: if not
    """
    try:
        sql_db.session.execute(text("SELECT 1 FROM base_uri WHERE 1 = 0"))
    except DBAPIError as error:
        raise unavailable(error) or error from None
