"""What the embedded plugins keep: datasets' contents, and the index of their text.

The contents are a table like any other. The text index is made by one small module
per engine: the database's own kind of full text, or on MariaDB tables of terms.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Set
from contextlib import contextmanager
from types import ModuleType
from typing import Any, NamedTuple

from sqlalchemy import Connection, ForeignKey, Integer, Table, event, select

from ...columns import Bytes, Line
from ...engines import MARIADB
from ...errors import ConfigurationError, UnknownURIError
from ...extensions import sql_db as db
from ...prepared import PreparedForMany
from ...sql_models import Dataset
from . import fts5, mariadb, postgresql

#: Module that makes and asks the text index, by SQLAlchemy's name of the database.
ENGINES: dict[str, ModuleType] = {
    "sqlite": fts5,
    "postgresql": postgresql,
    **dict.fromkeys(MARIADB, mariadb),
}

#: What the names of the text index's own tables begin with: they are not in the
#: metadata, and Alembic must not take them for leftovers.
TEXT_INDEX_PREFIX = fts5.TABLE

#: Bytes of a content in one row: MariaDB takes packets of 16 MiB as it is set up, and
#: each byte may take two on the way.
CONTENT_ROW = 4 * 1024 * 1024

#: README, manifest and annotations of each dataset, as plugins/packing.py packs them,
#: each in as many rows as it takes.
dataset_content = db.Table(
    "dataset_content",
    db.Column(
        "dataset_id", ForeignKey("dataset.id", ondelete="CASCADE"), primary_key=True
    ),
    db.Column("kind", Line(16), primary_key=True),
    db.Column("part", Integer, primary_key=True),
    db.Column("content", Bytes, nullable=False),
)


# Where a session keeps which rows of datasets were just written.
_WRITTEN = "dtool_lookup_server_written"

_DATASET = Dataset.__table__.c
# Made once: it is executed for every dataset that is registered.
_IDS_OF = PreparedForMany(
    _DATASET.uri.type,
    lambda uris: select(_DATASET.uri, _DATASET.id).where(_DATASET.uri.in_(uris)),
)


def find_dataset_id(uri: str) -> int:
    """Return the id of a dataset's row.

    :raises UnknownURIError: where there is no row, not even a flushed one
    """
    return find_dataset_ids([uri])[uri]


class _Written(NamedTuple):
    """Rows of datasets that were just written.

    :param ids: by URI
    :param new: the URIs of those that were not there before
    """

    ids: Mapping[str, int]
    new: Set[str]


_NOTHING_WRITTEN = _Written({}, frozenset())


@contextmanager
def having_written(ids: Mapping[str, int], new: Set[str]) -> Iterator[None]:
    """Let the plugins know rows of datasets, which each would look up otherwise.

    :param ids: by URI
    :param new: the URIs of those of which no plugin keeps anything
    """
    info = db.session.info
    info[_WRITTEN] = _Written(ids, new)
    try:
        yield
    finally:
        info.pop(_WRITTEN, None)


def not_new(uris: Iterable[str]) -> list[str]:
    """Return the URIs of datasets of which a plugin may keep something."""
    new = db.session.info.get(_WRITTEN, _NOTHING_WRITTEN).new
    return [uri for uri in uris if uri not in new]


def find_dataset_ids(uris: Collection[str]) -> dict[str, int]:
    """Return the ids of datasets' rows, by URI.

    :raises UnknownURIError: where there is no row of one, not even a flushed one
    """
    known = db.session.info.get(_WRITTEN, _NOTHING_WRITTEN).ids
    if known.keys() >= set(uris):
        return {uri: known[uri] for uri in uris}
    found: dict[str, int] = {uri: id_ for uri, id_ in _IDS_OF.all([*uris])}
    for uri in uris:
        if uri not in found:
            raise UnknownURIError(f"no dataset at {uri}")
    return found


def text_engine(dialect_name: str) -> ModuleType:
    """Return the module that makes and asks the text index of a database.

    :param dialect_name: SQLAlchemy's name of the database
    :raises ConfigurationError: where there is none for this database
    """
    try:
        return ENGINES[dialect_name]
    except KeyError:
        raise ConfigurationError(
            f"the sql search plugin cannot search in {dialect_name}: "
            "set SEARCH_PLUGIN to another plugin"
        ) from None


def create_text_index(connection: Connection) -> None:
    """Make the text index where it is not there.

    For migrations: create_text_index(op.get_bind()), after the dataset table. A
    migration that rebuilds the dataset table on SQLite calls it again, since the
    index's trigger goes with the old table. Does nothing on a database that the
    sql search plugin does not know.
    """
    if connection.dialect.name in ENGINES:
        text_engine(connection.dialect.name).create(connection)


def drop_text_index(connection: Connection) -> None:
    """Remove the text index if it is there."""
    if connection.dialect.name in ENGINES:
        text_engine(connection.dialect.name).drop(connection)


@event.listens_for(dataset_content, "after_create")
def _create_with_contents(target: Table, connection: Connection, **kw: Any) -> None:
    create_text_index(connection)


@event.listens_for(dataset_content, "before_drop")
def _drop_with_contents(target: Table, connection: Connection, **kw: Any) -> None:
    drop_text_index(connection)
