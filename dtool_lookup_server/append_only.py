"""A table whose rows stay as they were written: the database itself refuses changes.

A row may be deleted only when a later row says that all before a time are pruned, so
that nothing goes without a trace. Who may drop triggers can do away with this; a role
for the server that may only insert and select cannot.
"""

import logging
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Table, event, text
from sqlalchemy.exc import DBAPIError

from .engines import MARIADB

#: What a database answers with where it refuses.
REFUSAL = "append-only"

# MariaDB's numbers for a trigger that a user may not make: it needs the right TRIGGER
# and, where the server writes a binary log, log_bin_trust_function_creators.
_NO_RIGHT = {1044, 1142, 1227, 1419}

_log = logging.getLogger(__name__)


def keep_append_only(table: Table) -> None:
    """Give a table its triggers when it is made.

    :param table: with the columns id, action, happened_at and pruned_before
    """

    @event.listens_for(table, "after_create")
    def add(target: Table, connection: Connection, **kw: Any) -> None:
        protect(connection, target.name)


def protect(connection: Connection, table: str) -> None:
    """Let a database refuse changes of a table; may be run again."""
    for statement in _statements(connection.dialect.name, table):
        try:
            # Not by way of text(), to which a colon is a parameter.
            connection.exec_driver_sql(statement)
        except DBAPIError as error:
            if not _is_no_right(connection, error):
                raise
            _log.warning(
                "The database's user may make no triggers: %s can be changed", table
            )


def release(connection: Connection, table: str) -> None:
    """Remove what protect made beside the table, which is to be dropped."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"DROP FUNCTION IF EXISTS {table}_refuse() CASCADE"))


def _is_no_right(connection: Connection, error: DBAPIError) -> bool:
    arguments = error.orig.args if error.orig is not None else ()
    on_mariadb = connection.dialect.name in MARIADB
    return on_mariadb and bool(arguments) and arguments[0] in _NO_RIGHT


def _statements(dialect_name: str, table: str) -> Iterable[str]:
    if dialect_name == "sqlite":
        return _of_sqlite(table)
    if dialect_name == "postgresql":
        return _of_postgresql(table)
    if dialect_name in MARIADB:
        return _of_mariadb(table)
    return ()


def _pruned(table: str) -> str:
    """Return the condition that a later row says that one is pruned."""
    return (
        f"EXISTS (SELECT 1 FROM {table} AS later WHERE later.action = 'audit.prune'"
        " AND later.id > OLD.id AND later.pruned_before > OLD.happened_at)"
    )


def _of_sqlite(table: str) -> Iterable[str]:
    refuse = f"BEGIN SELECT RAISE(ABORT, '{table} is {REFUSAL}'); END"
    # INSERT OR REPLACE deletes without asking the trigger of deletions.
    there = f"EXISTS (SELECT 1 FROM {table} WHERE id = NEW.id)"
    for name, when in {
        "update": f"BEFORE UPDATE ON {table}",
        "delete": f"BEFORE DELETE ON {table} WHEN NOT {_pruned(table)}",
        "insert": f"BEFORE INSERT ON {table} WHEN {there}",
    }.items():
        yield f"CREATE TRIGGER IF NOT EXISTS {table}_{name} {when} {refuse}"


def _of_postgresql(table: str) -> Iterable[str]:
    yield (
        f"CREATE OR REPLACE FUNCTION {table}_refuse() RETURNS trigger"
        " LANGUAGE plpgsql AS $$ BEGIN"
        f" IF TG_OP = 'DELETE' THEN IF {_pruned(table)} THEN RETURN OLD; END IF;"
        f" END IF; RAISE EXCEPTION '{table} is {REFUSAL}'; END $$"
    )
    for name, when in {
        "change": f"BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW",
        "truncate": f"BEFORE TRUNCATE ON {table} FOR EACH STATEMENT",
    }.items():
        yield f"DROP TRIGGER IF EXISTS {table}_{name} ON {table}"
        yield f"CREATE TRIGGER {table}_{name} {when} EXECUTE FUNCTION {table}_refuse()"


def _of_mariadb(table: str) -> Iterable[str]:
    refuse = f"SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{table} is {REFUSAL}'"
    for name, when, body in (
        ("update", "BEFORE UPDATE", refuse),
        ("delete", "BEFORE DELETE", f"IF NOT {_pruned(table)} THEN {refuse}; END IF"),
    ):
        yield (
            f"CREATE TRIGGER IF NOT EXISTS {table}_{name} {when} ON {table}"
            f" FOR EACH ROW BEGIN {body}; END"
        )
