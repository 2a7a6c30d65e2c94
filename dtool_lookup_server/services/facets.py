"""Facets of a query: what else it could be narrowed by, and how much would be left."""

from typing import Any

from sqlalchemy import ColumnElement, and_, case, distinct, extract, func

from ..errors import InvalidFieldError
from ..extensions import sql_db
from ..pagination import AnySelect
from ..plugins.interfaces import Query
from ..query import (
    Annotation,
    Between,
    Match,
    Node,
    Or,
    Part,
    conjunction,
    parts_of,
)
from ..query.ranges import sizes
from ..sql_models import BaseURI, Dataset, DatasetAnnotation, DatasetTag
from . import search
from .users import ActingUser

#: The steps of the facet sizes, each a range of the query language.
SIZE_STEPS = ("<1KB", "1KB..1MB", "1MB..1GB", "1GB..1TB", ">1TB")
#: What the names of the facets of one annotation's values begin with.
ANNOTATIONS = "annotations."
#: Values that a facet has where no limit is asked for, and at most.
USUAL_LIMIT, LARGEST_LIMIT = 20, 1000

Counts = list[dict[str, Any]]

# A query's own filter, by facet: its keys, and the fields of the query language.
_FILTERS: dict[str, tuple[tuple[str, ...], str]] = {
    "creators": (("creator_usernames",), "creator"),
    "base_uris": (("base_uris",), "base_uri"),
    "tags": (("tags",), "tag"),
    "uploaders": (("uploaded_by",), "uploader"),
    "annotation_keys": ((), ""),
    "years": (("frozen_after", "frozen_before"), "frozen"),
    "sizes": (("min_size", "max_size"), "size"),
}

FACETS = tuple(_FILTERS)


def facets(
    user: ActingUser | None,
    query: Query,
    names: list[str],
    prefix: str = "",
    limit: int = USUAL_LIMIT,
) -> dict[str, Counts]:
    """Return facets of what a query finds among what a user may see.

    Each is counted as if the query did not have the facet's own filter.

    :param names: of FACETS, or annotations.KEY for the values of one annotation
    :param prefix: what the values begin with, letters of a-z in either case
    :param limit: of values for each facet; those with the most datasets remain
    :returns: for each facet its values with their counts, the largest first; years and
        sizes in their own order, and all of them
    :raises InvalidFieldError: for a name that is none
    """
    found: dict[str, AnySelect] = {}
    counted = {}
    for name in dict.fromkeys(names):
        without = _without_own_filter(query, name)
        key = repr(sorted(without.items()))
        if key not in found:
            found[key] = search.find(user, without).statement
        counted[name] = _counts(found[key], name, prefix, limit)
    return counted


def _without_own_filter(query: Query, name: str) -> Query:
    """Return a query without what narrows it by a facet's values."""
    own = name.removeprefix(ANNOTATIONS) if name.startswith(ANNOTATIONS) else ""
    if name not in _FILTERS and not own:
        raise InvalidFieldError("facets", f"Unknown facet: {name!r}.")
    keys, field = _FILTERS.get(name, ((), ""))

    def stays(part: Node) -> bool:
        if isinstance(part, Or):  # size:<1KB,>1TB
            return any(map(stays, part.parts))
        if isinstance(part, Annotation):
            return part.key != own
        return not (isinstance(part, Match | Between | Part) and part.field == field)

    without = {key: value for key, value in query.items() if key not in keys}
    if own and "annotations" in without:
        kept = {k: v for k, v in (query["annotations"] or {}).items() if k != own}
        without["annotations"] = kept
    if search.free_text_of(query):
        parts = parts_of(search.understood(query).tree)
        remaining = [part for part in parts if stays(part)]
        if len(remaining) < len(parts):
            without["free_text"] = str(conjunction(remaining)) if remaining else ""
    return without


def _counts(statement: AnySelect, name: str, prefix: str, limit: int) -> Counts:
    match name:
        case "years":
            return _years(statement, prefix)
        case "sizes":
            return _sizes(statement)
        case "creators":
            column: Any = Dataset.creator_username
        case "base_uris":
            column = BaseURI.base_uri
        case "uploaders":
            column = Dataset.uploaded_by
            statement = statement.where(column.is_not(None))
        case "tags":
            column = DatasetTag.tag
            statement = statement.join(DatasetTag, DatasetTag.dataset_id == Dataset.id)
        case _:
            own = DatasetAnnotation.dataset_id == Dataset.id
            statement = statement.join(DatasetAnnotation, own)
            column = DatasetAnnotation.name
            if name != "annotation_keys":
                key = name.removeprefix(ANNOTATIONS)
                statement = statement.where(column == key)
                column = DatasetAnnotation.value
    if prefix:
        statement = statement.where(_begins(column, prefix))
    return _largest(statement, column, limit)


def _begins(column: Any, prefix: str) -> ColumnElement[bool]:
    begins: ColumnElement[bool] = func.lower(column).startswith(
        prefix.lower(), autoescape=True
    )
    return begins


def _largest(statement: AnySelect, column: Any, limit: int) -> Counts:
    # An annotation that is a list has several rows of one name.
    number = func.count(distinct(Dataset.id))
    rows = (
        statement.with_only_columns(column, number)
        .group_by(column)
        .order_by(number.desc(), column)
        .limit(limit)
    )
    return [{"value": value, "count": n} for value, n in sql_db.session.execute(rows)]


def _years(statement: AnySelect, prefix: str) -> Counts:
    year = extract("year", Dataset.frozen_at)
    rows = statement.with_only_columns(year, func.count()).group_by(year)
    counts = {f"{int(y):04}": number for y, number in sql_db.session.execute(rows)}
    return [
        {"value": value, "count": counts[value]}
        for value in sorted(counts)
        if value.startswith(prefix)
    ]


def _sizes(statement: AnySelect) -> Counts:
    row = sql_db.session.execute(
        statement.with_only_columns(*(_number_within(step) for step in SIZE_STEPS))
    ).one()
    return [
        {"value": step, "count": number}
        for step, number in zip(SIZE_STEPS, row, strict=True)
        if number
    ]


def _number_within(step: str) -> ColumnElement[int]:
    low, below = sizes(step)
    size = Dataset.size_in_bytes
    limits = [size >= low] if low is not None else []
    limits += [size < below] if below is not None else []
    return func.count(case((and_(*limits), 1)))
