"""Types of columns, and a unique index, that are alike on every database."""

from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    DateTime,
    Dialect,
    Index,
    LargeBinary,
    String,
    Table,
    event,
    func,
    literal_column,
    text,
)
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.types import TypeDecorator, TypeEngine

from .engines import MARIADB


class _SQLiteTimestamp(sqlite.DATETIME):
    """Writes times as SQLAlchemy does on SQLite, in less than half the time."""

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any]:
        """Return what makes text of a naive time."""
        return lambda moment: moment and moment.isoformat(" ", "microseconds")


#: A naive UTC time that keeps its microseconds.
Timestamp = (
    DateTime()
    .with_variant(mysql.DATETIME(fsp=6), *MARIADB)
    .with_variant(_SQLiteTimestamp(), "sqlite")
)

#: Bytes, as many as there may be.
Bytes = LargeBinary().with_variant(mysql.LONGBLOB(), *MARIADB)

#: Columns and indexes that only one database has end like these; they are not in the
#: models.
DIGEST_SUFFIX = "_digest"
PARTS_SUFFIX = "_parts"
SUFFIXES = (DIGEST_SUFFIX, "_order", "_whole", PARTS_SUFFIX)

POSTGRESQL = "postgresql"

# Key in an index's info: names of the databases that have it; without it, all have.
_DATABASES = "databases"

# Characters of a long column that an index holds, which are up to four bytes each:
# MariaDB's entries have up to 3,072 bytes, PostgreSQL's up to 2,704.
_INDEXED_CHARACTERS = {**dict.fromkeys(MARIADB, 700), POSTGRESQL: 600}


class Start(NamedTuple):
    """How a long column begins.

    :param length: in characters
    """

    column: ColumnElement[str]
    length: int


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
        """Return a value to compare with, one that a database takes as a parameter."""
        return _taken(value)

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any]:
        """Return what does so, without SQLAlchemy in between."""
        return _taken


def _taken(value: str | None) -> str | None:
    """Return a value to compare with, one that a database takes as a parameter.

    NUL and halves of surrogate pairs are refused by some; no column holds a control
    character, so one in their place finds nothing, as it should.
    """
    if not isinstance(value, str) or (value.isascii() and "\0" not in value):
        return value
    return value.replace("\0", "\1").encode("utf-8", "replace").decode()


class Unindexed(ColumnElement[Any]):
    """A column that SQLite is not to look for by an index: it then goes through rows.

    See "Disqualifying WHERE Clause Terms" in https://sqlite.org/optoverview.html. Other
    databases know how many rows there are, and decide themselves.
    """

    inherit_cache = False

    def __init__(self, column: ColumnElement[Any]):
        self.column = column
        self.type = column.type


@compiles(Unindexed)
def _compile_indexed(element: Unindexed, compiler: Any, **kw: Any) -> str:
    return str(compiler.process(element.column, **kw))


@compiles(Unindexed, "sqlite")
def _compile_unindexed(element: Unindexed, compiler: Any, **kw: Any) -> str:
    return f"+{compiler.process(element.column, **kw)}"


def unique_index(table: str, column: str) -> tuple[Index, Index]:
    """Return the indexes of a column of URIs, to be put in a table's arguments.

    SQLite's is unique. URIs are too long for one on PostgreSQL and MariaDB, which keep
    a digest unique, and index how they begin: see keep_unique.
    """
    index = f"ix_{table}_{column}"
    lengths: dict[str, Any] = {
        f"{name}_length": _INDEXED_CHARACTERS[name] for name in MARIADB
    }
    return (
        _only_on(("sqlite",), Index(index, column, unique=True)),
        _only_on(MARIADB, Index(f"{index}_start", column, **lengths)),
    )


def is_on(index: Index, dialect: Dialect) -> bool:
    """Return whether a database has one of the models' indexes."""
    return dialect.name in index.info.get(_DATABASES, (dialect.name,))


def _only_on(databases: tuple[str, ...], index: Index) -> Index:
    index.info[_DATABASES] = databases
    return index.ddl_if(callable_=lambda *args, dialect, **kw: is_on(index, dialect))


def keep_unique(column: Column[Any]) -> None:
    """Give a column of unique_index what it has beyond the models, with its table."""

    @event.listens_for(column.table, "after_create")
    def add(target: Table, connection: Connection, **kw: Any) -> None:
        if connection.dialect.name in MARIADB:
            add_digest(connection, target.name, column.name)
        elif connection.dialect.name == POSTGRESQL:
            for definition in long_indexes(target.name, column.name).values():
                connection.execute(text(f"CREATE {definition}"))


def long_indexes(table: str, column: str) -> dict[str, str]:
    """Return the indexes of a column of unique_index on PostgreSQL.

    :returns: by name, what follows CREATE; "INDEX" stands where CONCURRENTLY may follow
    """
    index = f"ix_{table}_{column}"
    start = f"left({column}, {_INDEXED_CHARACTERS[POSTGRESQL]})"
    definitions = {
        f"{index}{DIGEST_SUFFIX}": ("UNIQUE ", f"(({digest_of(column)}))"),
        f"{index}_order": ("", f"({start})"),
        f"{index}_whole": ("", f"USING hash ({column})"),
    }
    return {
        name: f"{unique}INDEX {name} ON {table} {what}"
        for name, (unique, what) in definitions.items()
    }


def digest_of(column: str) -> str:
    """Return what is unique in place of a column of unique_index on PostgreSQL."""
    # A text becomes bytes as it is, but for backslashes. convert_to, which is meant for
    # it, is not allowed in an index: it depends on the database's encoding.
    return rf"sha256(CAST(replace({column}, '\', '\\') AS bytea))"


def indexed_start(column: ColumnElement[Any], dialect: Dialect) -> Start | None:
    """Return how a column begins, where that is all that an index can hold of it.

    Rows that are sorted by it, and then by the column, are in the column's order.
    """
    # MariaDB takes no index for sorting that does not hold the whole column.
    if dialect.name != POSTGRESQL:
        return None
    longest = _INDEXED_CHARACTERS[POSTGRESQL]
    if (getattr(column.type, "length", None) or 0) <= longest:
        return None
    return Start(func.left(column, literal_column(str(longest))), longest)


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
