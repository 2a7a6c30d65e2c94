"""What a word that somebody is typing may become, within what they may search."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, select

from ..extensions import sql_db
from ..query import Value
from ..sql_models import BaseURI, Dataset, DatasetAnnotation, DatasetTag
from .conditions import begins
from .permissions import searchable
from .users import ActingUser

#: Suggestions of each kind.
MOST = 5

# The kinds, in the order of the answer: the column, and how it is written in a query.
_KINDS: dict[str, tuple[Any, str]] = {
    "creator": (Dataset.creator_username, "creator:{}"),
    "tag": (DatasetTag.tag, "tag:{}"),
    "base_uri": (BaseURI.base_uri, "base_uri:{}"),
    "annotation": (DatasetAnnotation.name, "annotation.{}:*"),
    "name": (Dataset.name, "name:{}"),
}


def suggest(user: ActingUser, typed: str) -> list[dict[str, str]]:
    """Return how what is typed may go on.

    :param typed: the beginning of a creator, tag, base URI, name of an annotation or
        name of a dataset; also behind a field, such as creator:an
    :returns: dictionaries with field, value, and query: the value as it is written in
        the query language; at most MOST of each field
    """
    field, colon, start = typed.strip().partition(":")
    if not (colon and field in _KINDS):
        field, start = "", typed.strip()
    start = start.strip('"')
    if not start:
        return []
    return [
        {"field": kind, "value": value, "query": form.format(Value(value))}
        for kind, (column, form) in _KINDS.items()
        if field in ("", kind)
        for value in _values(user, column, start)
    ]


def _values(user: ActingUser, column: Any, start: str) -> Iterator[str]:
    """Yield the first values of a column that begin so, in order.

    Each is looked for behind the one before, along the index: what it costs does not
    grow with the number of datasets that have the same value.
    """
    # To the letter, and as people write names and abbreviations.
    spellings = dict.fromkeys((start, start.lower(), start.capitalize(), start.upper()))
    found: list[str] = []
    for spelling in spellings:
        last = None
        while len(found) < MOST:
            last = _next(user, column, begins(column, spelling), last)
            if last is None:
                break
            if last not in found:
                found.append(last)
    yield from sorted(found)


def _next(
    user: ActingUser, column: Any, condition: ColumnElement[bool], last: str | None
) -> str | None:
    statement = select(column).where(condition)
    if column.class_ is BaseURI:
        statement = statement.where(BaseURI.id.in_(searchable(user)))
    else:
        if column.class_ is not Dataset:
            own = column.class_.dataset_id == Dataset.id
            statement = statement.join(Dataset, own)
        statement = statement.where(Dataset.base_uri_id.in_(searchable(user)))
    if last is not None:
        statement = statement.where(column > last)
    value: str | None = sql_db.session.scalar(statement.order_by(column).limit(1))
    return value
