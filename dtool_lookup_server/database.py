"""How the SQL database is opened, and how a use case becomes one transaction."""

import errno
import functools
import random
import re
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ParamSpec, TypeVar

from flask import Flask
from sqlalchemy import Table, bindparam, select, text
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from . import deadlines, engines
from .engines import MARIADB, WRITES
from .errors import StoreFullError, StoreUnavailableError
from .extensions import sql_db
from .prepared import CONNECTION, Prepared

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

#: How often a use case is begun anew after a deadlock or a race for a new row.
ATTEMPTS = 10

# SQLSTATE of a serialization failure and of a deadlock (PostgreSQL's manual,
# appendix A), and MariaDB's numbers of a deadlock and of a row that has changed.
_RETRIED = {"40001", "40P01", 1213, 1020}

# SQLSTATEs, MariaDB's numbers, and SQLite's primary result codes (its "Result and
# Error Codes") of a write where there is no room, and where one can only read.
_FULL = {"53100", 1021, 1114, sqlite3.SQLITE_FULL}
_READ_ONLY = {"25006", 1290, 1792, 1836, sqlite3.SQLITE_READONLY}

# The same, of a table or column that is not there; of SQLite the message tells it.
_NOT_UPGRADED = {"42P01", "42703", 1146, 1054}
_NOT_UPGRADED_SQLITE = re.compile(r"no such (table|column)\b|has no column named\b")

# What the operating system calls it, where MariaDB hands on only that.
_NO_SPACE = re.compile(rf"\b(err(no|code): |error ){errno.ENOSPC}\b")


def open_database(app: Flask) -> None:
    """Bind sql_db to an application and set up its connections."""
    url = engines.with_driver(app.config["SQLALCHEMY_DATABASE_URI"])
    app.config["SQLALCHEMY_DATABASE_URI"] = url.render_as_string(hide_password=False)
    app.config.setdefault("SQLALCHEMY_ENGINE_OPTIONS", engines.options(url, app.config))
    sql_db.init_app(app)
    with app.app_context():
        engines.set_up(sql_db.engine, app.config)


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
        session = sql_db.session()
        if session.info.get(WRITES):
            return use_case(*args, **kwargs)
        for attempt in range(1, ATTEMPTS + 1):
            # Ends what was only read before, which a writer must not stand on.
            if session.in_transaction():
                session.commit()
            session.info[WRITES] = True
            try:
                # For prepared statements: the session takes long to say which it is.
                session.info[CONNECTION] = session.connection(
                    execution_options={WRITES: True}
                )
                result = use_case(*args, **kwargs)
                session.commit()
                engines.make_durable(sql_db.engine)
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
                session.info.pop(WRITES, None)
                session.info.pop(CONNECTION, None)
        raise AssertionError("the last attempt returns or raises")

    return run


def add_up(
    session: Any, table: Table, rows: Sequence[Mapping[str, Any]], sums: tuple[str, ...]
) -> None:
    """Insert rows, or where there is one with the same key, add to its sums.

    :param rows: in the order in which every transaction adds them up, so that none
        waits for one that waits for it
    :param sums: names of the columns that are added up
    """
    _adding(session.get_bind().dialect.name, table, sums).run(rows, session)


@functools.cache
def _adding(dialect_name: str, table: Table, sums: tuple[str, ...]) -> Prepared:
    match dialect_name:
        case "sqlite":
            adding: Any = sqlite.insert(table)
        case "postgresql":
            adding = postgresql.insert(table)
        case _:
            adding = mysql.insert(table)
    new = adding.inserted if dialect_name in MARIADB else adding.excluded
    added = {name: table.c[name] + new[name] for name in sums}
    adding = adding.values({c.name: bindparam(c.name) for c in table.c})
    if dialect_name in MARIADB:
        return Prepared(adding.on_duplicate_key_update(added))
    key = table.primary_key
    return Prepared(adding.on_conflict_do_update(index_elements=key, set_=added))


def _worth_retrying(error: DBAPIError) -> bool:
    if isinstance(error, IntegrityError):
        return True
    return _code(error) in _RETRIED


def _code(error: DBAPIError) -> Any:
    """Return PostgreSQL's SQLSTATE, MariaDB's number or SQLite's result code."""
    original = error.orig
    if isinstance(original, sqlite3.Error):
        return getattr(original, "sqlite_errorcode", 0) & 0xFF
    number = original.args[0] if original and original.args else None
    # Drivers of MariaDB may tell its SQLSTATE, too, which is the same for many numbers.
    if isinstance(number, int):
        return number
    return getattr(original, "sqlstate", None) or getattr(original, "pgcode", None)


def lock_row(model: Any, row_id: int) -> None:
    """Keep others from locking a row until the transaction ends.

    For a use case that replaces what belongs to the row: of two at once the later
    one must see what the earlier one wrote. SQLite lets one write at a time anyway.
    """
    lock = select(model.id).where(model.id == row_id).with_for_update(key_share=True)
    sql_db.session.execute(lock)


def unavailable(error: DBAPIError) -> StoreUnavailableError | None:
    """Return what a database error means for who asked; None if it is our own fault.

    The text of the error stays out of it: it may hold the statement's values.
    """
    if deadlines.is_over() and isinstance(error, OperationalError):
        return deadlines.too_late()
    message = str(error.orig).lower()
    code = _code(error)
    if code in _NOT_UPGRADED or _NOT_UPGRADED_SQLITE.search(message):
        return StoreUnavailableError(
            "The database has not the tables of this version: run `flask db upgrade`"
        )
    if code in _FULL or _NO_SPACE.search(message):
        return StoreFullError(
            "The database has no room on its disk: only reading works until it has"
        )
    if code in _READ_ONLY:
        return StoreUnavailableError(
            "The database can only be read: it is a replica, or set to be read only"
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
