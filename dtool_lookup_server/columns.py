"""Types of columns, and a unique index, that are alike on every database."""

from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    DateTime,
    Dialect,
    Index,
    LargeBinary,
    String,
    Table,
    event,
    text,
)
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.types import TypeDecorator, TypeEngine

from .engines import MARIADB

#: A naive UTC time that keeps its microseconds.
Timestamp = DateTime().with_variant(mysql.DATETIME(fsp=6), *MARIADB)

#: Bytes, as many as there may be.
Bytes = LargeBinary().with_variant(mysql.LONGBLOB(), *MARIADB)

#: Columns that only MariaDB has end like this; they are not in the models.
DIGEST_SUFFIX = "_digest"

#: Key in an index's info: whether MariaDB alone has it, or all but MariaDB.
ON_MARIADB = "on_mariadb"

# Characters of a long column that MariaDB's index holds: of 3,072 bytes at most.
_INDEXED_CHARACTERS = 700


class Line(TypeDecorator[str]):
    """Text without control characters, equal only to what is written the same.

    Case, accents and blanks at the end count, and the order is that of Unicode,
    whatever the database and its tables are set to.

    :param length: of the longest one, in characters
    """

    impl = String
    cache_ok = True

    @property
    def python_type(self) -> type[str]:
        """The type of its values in Python."""
        return str

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the type that a database has for it."""
        length = self.impl_instance.length  # type: ignore[attr-defined]
        if dialect.name == "postgresql":
            return dialect.type_descriptor(postgresql.VARCHAR(length, collation="C"))
        if _is_mariadb(dialect):
            return dialect.type_descriptor(
                mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_nopad_bin")
            )
        return dialect.type_descriptor(String(length))

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Return a value to compare with, one that a database takes as a parameter.

        NUL and halves of surrogate pairs are refused by some; no column holds a
        control character, so one in their place finds nothing, as it should.
        """
        if not isinstance(value, str):
            return value
        return value.replace("\0", "\1").encode("utf-8", "replace").decode()


def unique_index(table: str, column: str) -> tuple[Index, Index]:
    """Return the unique index of a column of URIs, to be put in a table's arguments.

    They are too long for one on MariaDB, which indexes how they begin, and for
    uniqueness a digest: see keep_unique.
    """
    whole = Index(f"ix_{table}_{column}", column, unique=True, info={ON_MARIADB: False})
    start = Index(
        f"ix_{table}_{column}_start",
        column,
        mysql_length=_INDEXED_CHARACTERS,
        mariadb_length=_INDEXED_CHARACTERS,
        info={ON_MARIADB: True},
    )
    # Two indexes, since one cannot be unique here and not there.
    return (
        whole.ddl_if(callable_=lambda *args, dialect, **kw: not _is_mariadb(dialect)),
        start.ddl_if(callable_=lambda *args, dialect, **kw: _is_mariadb(dialect)),
    )


def keep_unique(column: Column[Any]) -> None:
    """Give a column of unique_index its digest when MariaDB makes the table."""

    @event.listens_for(column.table, "after_create")
    def add(target: Table, connection: Connection, **kw: Any) -> None:
        if _is_mariadb(connection.dialect):
            add_digest(connection, target.name, column.name)


def add_digest(connection: Connection, table: str, column: str) -> None:
    """Keep a column unique on MariaDB, through a digest that it makes by itself."""
    digest = f"{column}{DIGEST_SUFFIX}"
    connection.execute(
        text(
            f"ALTER TABLE `{table}` ADD COLUMN {digest} BINARY(32)"
            f" GENERATED ALWAYS AS (UNHEX(SHA2({column}, 256))) STORED INVISIBLE,"
            f" ADD UNIQUE INDEX ix_{table}_{digest} ({digest})"
        )
    )


def _is_mariadb(dialect: Dialect) -> bool:
    return dialect.name in MARIADB
