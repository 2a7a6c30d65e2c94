"""Finding characters anywhere in long texts, with what each database has for it.

SQLite has an index of every three characters in a row, which triggers keep as the
table is. PostgreSQL has one where its extension pg_trgm is, or may be installed. All
else goes through the texts, which finds the same and takes longer.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Table,
    Text,
    event,
    func,
    literal_column,
    or_,
    select,
    table,
    text,
)
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.exc import DBAPIError

from .columns import PARTS_SUFFIX, POSTGRESQL
from .engines import MARIADB

#: Text of any length that is searched: equal only to what is written the same.
Searched = (
    Text()
    .with_variant(postgresql.TEXT(collation="C"), POSTGRESQL)
    .with_variant(
        mysql.LONGTEXT(charset="utf8mb4", collation="utf8mb4_nopad_bin"), *MARIADB
    )
)

#: SQLite's index; its name begins as those of the other indexes of text do.
INDEX = "dataset_text_parts"
_ROWID: ColumnElement[int] = literal_column("rowid", Integer)

_EXTENSION = (
    "SELECT nspname FROM pg_extension JOIN pg_namespace"
    " ON pg_namespace.oid = extnamespace WHERE extname = 'pg_trgm'"
)
_CAN_BE_INSTALLED = "SELECT 1 FROM pg_available_extensions WHERE name = 'pg_trgm'"


def keep_searchable(table: Table, columns: Sequence[str]) -> None:
    """Make the index of a table with the table, and drop it with it."""

    @event.listens_for(table, "after_create")
    def create(target: Table, connection: Connection, **kw: Any) -> None:
        create_index(connection, target.name, columns)

    @event.listens_for(table, "before_drop")
    def drop(target: Table, connection: Connection, **kw: Any) -> None:
        drop_index(connection, target.name)


def create_index(connection: Connection, table: str, columns: Sequence[str]) -> None:
    """Make the index of a table's columns, where the database has such a thing.

    :param table: with a key that is called id; on SQLite, one without rows
    """
    if connection.dialect.name == "sqlite":
        for statement in _sqlite_index(table, columns):
            connection.execute(text(statement))
    elif connection.dialect.name == POSTGRESQL:
        schema = _schema_of_pg_trgm(connection)
        if schema is not None:
            operators = f'"{schema}".gin_trgm_ops'
            listed = ", ".join(f"{column} {operators}" for column in columns)
            connection.execute(
                text(
                    f"CREATE INDEX IF NOT EXISTS ix_{table}{PARTS_SUFFIX} ON {table}"
                    f" USING gin ({listed})"
                )
            )


def drop_index(connection: Connection, table: str) -> None:
    """Remove what would not go with the table itself."""
    if connection.dialect.name == "sqlite":
        for event_name in ("insert", "delete"):
            connection.execute(text(f"DROP TRIGGER IF EXISTS {INDEX}_{event_name}"))
        connection.execute(text(f"DROP TABLE IF EXISTS {INDEX}"))


def _sqlite_index(table: str, columns: Sequence[str]) -> Iterable[str]:
    names = ", ".join(columns)
    old = ", ".join(f"old.{column}" for column in columns)
    new = ", ".join(f"new.{column}" for column in columns)
    # Rows are never changed, only written and removed. The texts themselves are kept
    # by the table alone.
    yield (
        f"CREATE VIRTUAL TABLE IF NOT EXISTS {INDEX} USING fts5({names},"
        f" content = '{table}', content_rowid = 'id', columnsize = 0,"
        ' tokenize = "trigram case_sensitive 1")'
    )
    yield (
        f"CREATE TRIGGER IF NOT EXISTS {INDEX}_insert AFTER INSERT ON {table} BEGIN"
        f" INSERT INTO {INDEX} (rowid, {names}) VALUES (new.id, {new}); END"
    )
    yield (
        f"CREATE TRIGGER IF NOT EXISTS {INDEX}_delete AFTER DELETE ON {table} BEGIN"
        f" INSERT INTO {INDEX} ({INDEX}, rowid, {names})"
        f" VALUES ('delete', old.id, {old}); END"
    )


def _schema_of_pg_trgm(connection: Connection) -> str | None:
    """Return where pg_trgm is, after trying to install it; None where it is not."""
    if not connection.scalar(text(_CAN_BE_INSTALLED)):
        return None
    if connection.scalar(text(_EXTENSION)) is None:
        try:
            with connection.begin_nested():
                connection.execute(text("CREATE EXTENSION IF NOT EXISTS pg_trgm"))
        except DBAPIError:
            # Not permitted, or another has done it at the same moment.
            pass
    schema: str | None = connection.scalar(text(_EXTENSION))
    return schema


def having(
    key: ColumnElement[int],
    columns: Sequence[ColumnElement[str]],
    needle: str,
    dialect_name: str,
) -> ColumnElement[bool]:
    """Return whether one of a table's columns has these characters in a row.

    :param key: the table's id
    :param columns: of those that are in the table's index
    :param needle: three characters or more, none of them a quotation mark or % or _
    """
    if dialect_name != "sqlite":
        return or_(*(in_text(column, needle, dialect_name) for column in columns))
    names = " ".join(column.key or "" for column in columns)
    matches = literal_column(INDEX).op("MATCH", is_comparison=True)(
        f'{{{names}}} : "{needle}"'
    )
    return key.in_(select(_ROWID).select_from(table(INDEX)).where(matches))


def in_text(
    column: ColumnElement[str], needle: str, dialect_name: str
) -> ColumnElement[bool]:
    """Return whether a column has these characters, told from the column alone."""
    if dialect_name == "sqlite":  # whose LIKE does not tell A from a
        return func.instr(column, needle) > 0
    return column.like(f"%{needle}%")
