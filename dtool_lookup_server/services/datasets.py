"""Datasets as rows: listing, looking up, filtering, all of it in SQL."""

import functools
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, bindparam, func, select

from ..errors import UnknownURIError
from ..extensions import sql_db
from ..pagination import (
    AnyRow,
    AnySelect,
    Finish,
    SelectListing,
    SortedListing,
    parse_sort,
)
from ..plugins.interfaces import Query
from ..sql_models import BaseURI, Dataset, DatasetTag, to_timestamp
from . import base_uris, counters
from .permissions import SEARCHABLE, holder, searchable
from .users import ActingUser

# Of the tables and not of the models, which would take longer; made once, since these
# are executed more often than any others.
_DATASET, _TAG = Dataset.__table__, DatasetTag.__table__
#: What datasets may be sorted by.
SORTABLE: dict[str, ColumnElement[Any]] = {
    "base_uri": BaseURI.__table__.c.base_uri,
    **{
        name: _DATASET.c[name]
        for name in (
            "uri",
            "uuid",
            "name",
            "creator_username",
            "created_at",
            "frozen_at",
            "number_of_items",
            "size_in_bytes",
        )
    },
}

#: 0.18's order: as they were registered.
BY_REGISTRATION = (_DATASET.c.id.asc(),)

_COLUMNS = (
    _DATASET.c.id,
    BaseURI.__table__.c.base_uri,
    *(
        _DATASET.c[name]
        for name in (
            "uri",
            "uuid",
            "name",
            "creator_username",
            "created_at",
            "frozen_at",
            "number_of_items",
            "size_in_bytes",
            "type",
            "dtoolcore_version",
            "uploaded_by",
            "uploaded_at",
        )
    ),
)
_EVERY = select(*_COLUMNS).join_from(
    _DATASET, BaseURI.__table__, BaseURI.__table__.c.id == _DATASET.c.base_uri_id
)


def _page_of(base_uri_id: ColumnElement[int]) -> AnySelect:
    """Return a select of a page of what a user may see, between two ids.

    Its ids come first, so that whole rows are read of the page alone.
    """
    ids = (
        select(_DATASET.c.id)
        .where(
            _DATASET.c.id >= bindparam("first"),
            _DATASET.c.id < bindparam("end"),
            base_uri_id.in_(SEARCHABLE),
        )
        .order_by(_DATASET.c.id)
        .offset(bindparam("offset", type_=Integer))
        .limit(bindparam("limit", type_=Integer))
        .subquery()
    )
    return _EVERY.join(ids, ids.c.id == _DATASET.c.id).order_by(_DATASET.c.id)


# The sum keeps databases from the index of base URIs, whose ids they would sort: where
# the page lies between ids that are close they are gone through as they are.
_CLOSE_PAGE = _page_of(_DATASET.c.base_uri_id + 0)
_WIDE_PAGE = _page_of(_DATASET.c.base_uri_id)
#: Most ids that are gone through for a page.
_CLOSE = 4 * counters.BLOCK_IDS
_TAGS = (
    select(_TAG.c.dataset_id, _TAG.c.tag)
    .where(_TAG.c.dataset_id.in_(bindparam("dataset_ids", expanding=True)))
    .order_by(_TAG.c.dataset_id, _TAG.c.position)
)


@functools.lru_cache
def visible(user: ActingUser) -> AnySelect:
    """Return a select of the datasets that a user may see."""
    return every().where(_DATASET.c.base_uri_id.in_(searchable(user)))


def every() -> AnySelect:
    """Return a select of all datasets, for what acts on no user's behalf."""
    return _EVERY


def narrowed(statement: AnySelect, query: Query) -> AnySelect:
    """Return a select with the lists of 0.18's queries as conditions.

    OR within creator_usernames, base_uris and uuids, AND within tags. An empty list is
    no condition, but for base_uris, where it finds nothing, as in 0.18. What else a
    query has is for search.py.
    """
    if creators := query.get("creator_usernames"):
        statement = statement.where(_DATASET.c.creator_username.in_(creators))
    if uuids := query.get("uuids"):
        statement = statement.where(_DATASET.c.uuid.in_(_folded(uuids)))
    if "base_uris" in query:
        names = {base_uris.normalised(base_uri) for base_uri in query["base_uris"]}
        statement = statement.where(BaseURI.__table__.c.base_uri.in_(names))
    if tags := set(query.get("tags") or ()):
        statement = statement.where(_DATASET.c.id.in_(_with_every(tags)))
    return statement


def _without_index(statement: AnySelect, query: Query) -> AnySelect:
    """Return what narrowed() does, for SQLite to go through all datasets in order."""
    for tag in query.get("tags") or ():
        has_tag = select(_TAG.c.tag).where(
            _TAG.c.dataset_id == _DATASET.c.id, _TAG.c.tag == tag
        )
        statement = statement.where(has_tag.exists())
    hinted = statement.with_hint(_DATASET, "NOT INDEXED", "sqlite")
    return narrowed(hinted, {**query, "tags": []})


def _with_every(tags: set[str]) -> Select[int]:
    """Return a subquery: the ids of the datasets that have every one of some tags."""
    tagged = select(_TAG.c.dataset_id).where(_TAG.c.tag.in_(tags))
    if len(tags) == 1:
        return tagged
    grouped = tagged.group_by(_TAG.c.dataset_id)
    return grouped.having(func.count() == len(tags))


def listing(
    statement: AnySelect, sort: str | None = None, counted: Select[Any] | None = None
) -> SelectListing:
    """Return the listing of a select of datasets.

    :param sort: as parse_sort takes it; None for the order of registration
    :param counted: as SelectListing takes it
    :raises InvalidFieldError: for a field that datasets cannot be sorted by
    """
    if sort is None:
        return SelectListing(statement, BY_REGISTRATION, to_items, counted)
    order, _directions = parse_sort(sort, SORTABLE, "uri")
    return SelectListing(statement, [*order, *BY_REGISTRATION], to_items, counted)


def sorted_listing(
    statement: AnySelect, sort: str | None = None, counted: Select[Any] | None = None
) -> SortedListing:
    """Return the listing of a select of datasets, by URI where no sort is given.

    :param counted: as SelectListing takes it
    :raises InvalidFieldError: for a field that datasets cannot be sorted by
    """
    return SortedListing(statement, SORTABLE, sort, "uri", to_items, counted)


class VisibleListing:
    """The datasets that a user may see, in the order of registration.

    The counters tell where a page lies, so that nothing before it is gone through.
    """

    def __init__(self, user: ActingUser):
        self._user = user
        self.finish: Finish | None = None

    def total(self) -> int:
        """Return the number of datasets."""
        return counters.total(self._user)

    def page(self, offset: int, limit: int) -> list[dict[str, Any]]:
        """Return at most limit datasets, after leaving out the first offset."""
        first, end, offset = counters.span_of(self._user, offset, limit)
        page = {"first": first, "end": end, "offset": offset, "limit": limit}
        parameters = holder(self._user) | page
        statement = _CLOSE_PAGE if end - first <= _CLOSE else _WIDE_PAGE
        return to_items(sql_db.session.execute(statement, parameters).all())


class CountedListing:
    """What a query finds for a user, in the order of registration, where it is counted.

    :param counted: as counters.total_of returns it
    """

    def __init__(self, user: ActingUser, query: Query, counted: Select[Any]):
        self._user = user
        self._query = query
        self._counted = counted
        self.finish: Finish | None = None

    @functools.cached_property
    def _total(self) -> int:
        return int(sql_db.session.scalar(self._counted) or 0)

    def total(self) -> int:
        """Return the number of datasets."""
        return self._total

    def page(self, offset: int, limit: int) -> list[dict[str, Any]]:
        """Return at most limit datasets, after leaving out the first offset."""
        statement = narrowed(visible(self._user), self._query)
        # Of few, found by an index, the ids are sorted. Of many that would take longer
        # than to go through all datasets until the page is full.
        gone_through = (offset + limit) * counters.total(self._user)
        if self._total**2 > gone_through:
            statement = _without_index(visible(self._user), self._query)
        return listing(statement).page(offset, limit)


def list_visible(user: ActingUser) -> VisibleListing:
    """Return the datasets that a user may see."""
    return VisibleListing(user)


def look_up(user: ActingUser, uuid: str) -> SelectListing:
    """Return the places of a dataset, among those that a user may see."""
    return listing(of_uuid(user, uuid))


def of_uuid(user: ActingUser, uuid: str) -> AnySelect:
    """Return a select of the places of a dataset that a user may see."""
    return narrowed(visible(user), {"uuids": [uuid]})


def find(uri: str) -> Dataset | None:
    """Return a dataset's row, or None where it is not registered."""
    return sql_db.session.scalar(
        select(Dataset).where(_DATASET.c.uri == base_uris.normalised_uri(uri))
    )


def fetch(uri: str) -> dict[str, Any]:
    """Return the dataset at a URI, in its one spelling, as the API shows it.

    :raises UnknownURIError: if it is not registered
    """
    rows = sql_db.session.execute(every().where(_DATASET.c.uri == uri)).all()
    if not rows:
        raise UnknownURIError(f"Dataset '{uri}' not registered")
    return to_items(rows)[0]


def to_items(rows: Sequence[AnyRow]) -> list[dict[str, Any]]:
    """Return the rows of such a select as the API shows them."""
    tags = _tags_by_dataset([row.id for row in rows])
    return [
        {
            "base_uri": row.base_uri,
            "uri": row.uri,
            "uuid": row.uuid,
            "name": row.name,
            "creator_username": row.creator_username,
            "created_at": to_timestamp(row.created_at),
            "frozen_at": to_timestamp(row.frozen_at),
            "number_of_items": row.number_of_items,
            "size_in_bytes": row.size_in_bytes,
            "type": row.type or "dataset",
            "dtoolcore_version": row.dtoolcore_version,
            "tags": tags[row.id],
            "uploaded_by": row.uploaded_by,
            "uploaded_at": row.uploaded_at and to_timestamp(row.uploaded_at),
        }
        for row in rows
    ]


def _tags_by_dataset(dataset_ids: list[int]) -> dict[int, list[str]]:
    tags: dict[int, list[str]] = {dataset_id: [] for dataset_id in dataset_ids}
    held = sql_db.session.execute(_TAGS, {"dataset_ids": dataset_ids})
    for dataset_id, tag in held:
        tags[dataset_id].append(tag)
    return tags


def _folded(uuids: Sequence[str]) -> set[str]:
    return {str(uuid).lower() for uuid in uuids}
