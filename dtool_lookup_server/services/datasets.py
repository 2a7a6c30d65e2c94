"""Datasets as rows: listing, looking up, filtering, all of it in SQL."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Integer, bindparam, func, select

from ..errors import UnknownURIError
from ..extensions import sql_db
from ..pagination import (
    AnyRow,
    AnySelect,
    Counted,
    Finish,
    PreparedListing,
    PreparedPages,
    SelectListing,
    SortedListing,
    parse_sort,
)
from ..plugins.interfaces import Query
from ..prepared import (
    Parameters,
    Prepared,
    PreparedForMany,
    as_list,
    listed,
    size_for,
)
from ..sql_models import BaseURI, Dataset, DatasetTag, to_timestamp
from . import base_uris, counters
from .permissions import SEARCHABLE, holder, searchable
from .users import ActingUser

# Of the tables and not of the models, which would take longer; made once, since these
# are executed more often than any others.
_DATASET, _TAG = Dataset.__table__, DatasetTag.__table__
_SORTABLE = tuple(
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
    )
)
#: What datasets may be sorted by.
SORTABLE: dict[str, ColumnElement[Any]] = {
    "base_uri": BaseURI.__table__.c.base_uri,
    **{column.name: column for column in _SORTABLE},
}

# The lists of 0.18's queries, and what is compared with their values.
_LISTS: dict[str, ColumnElement[Any]] = {
    "creator_usernames": _DATASET.c.creator_username,
    "uuids": _DATASET.c.uuid,
    "base_uris": BaseURI.__table__.c.base_uri,
    "tags": _TAG.c.tag,
}

#: 0.18's order: as they were registered.
BY_REGISTRATION = (_DATASET.c.id.asc(),)

_AFTER_BASE_URI = (
    *_SORTABLE,
    _DATASET.c.type,
    _DATASET.c.dtoolcore_version,
    _DATASET.c.uploaded_by,
    _DATASET.c.uploaded_at,
)
_OF_BASE_URI = BaseURI.__table__.c.id == _DATASET.c.base_uri_id
_EVERY = select(
    _DATASET.c.id, BaseURI.__table__.c.base_uri, *_AFTER_BASE_URI
).join_from(_DATASET, BaseURI.__table__, _OF_BASE_URI)


# The sum keeps databases from the index of base URIs.
_BASE_URI_ID_UNINDEXED = _DATASET.c.base_uri_id + 0


def _paged(columns: AnySelect, base_uri_id: ColumnElement[int]) -> AnySelect:
    """Return a select of a page of what a user may see, between two ids."""
    return (
        columns.where(
            _DATASET.c.id >= bindparam("first"),
            _DATASET.c.id < bindparam("end"),
            base_uri_id.in_(SEARCHABLE),
        )
        .order_by(_DATASET.c.id)
        .offset(bindparam("offset", type_=BigInteger))
        .limit(bindparam("limit", type_=Integer))
    )


def _page_of(base_uri_id: ColumnElement[int]) -> Prepared:
    """Return the same, whose ids come first: whole rows are read of the page alone."""
    ids = _paged(select(_DATASET.c.id), base_uri_id).subquery()
    page = _EVERY.join(ids, ids.c.id == _DATASET.c.id).order_by(_DATASET.c.id)
    return Prepared(page)


# By the index of base URIs, databases would sort all ids: where the page lies between
# ids that are close they are gone through as they are.
_CLOSE_PAGE = _page_of(_BASE_URI_ID_UNINDEXED)
_WIDE_PAGE = _page_of(_DATASET.c.base_uri_id)
# Where few are left out before the page, to find its ids first takes longer than to
# read some rows more.
_NEXT_PAGE = Prepared(
    _paged(
        select(
            _DATASET.c.id,
            select(BaseURI.__table__.c.base_uri).where(_OF_BASE_URI).scalar_subquery(),
            *_AFTER_BASE_URI,
        ),
        _BASE_URI_ID_UNINDEXED,
    )
)
#: Most ids that are gone through for a page.
_CLOSE = 4 * counters.BLOCK_IDS


_TAGS = PreparedForMany(
    Integer(),
    lambda ids: (
        select(_TAG.c.dataset_id, _TAG.c.tag)
        .where(_TAG.c.dataset_id.in_(ids))
        .order_by(_TAG.c.dataset_id, _TAG.c.position)
    ),
)


@functools.lru_cache
def visible(user: ActingUser) -> AnySelect:
    """Return a select of the datasets that a user may see."""
    return every().where(_DATASET.c.base_uri_id.in_(searchable(user)))


def searchable_by_holder() -> AnySelect:
    """Return a select of what may be searched by whom permissions.holder() names."""
    return _EVERY.where(_DATASET.c.base_uri_id.in_(SEARCHABLE))


def shown_to_holder() -> AnySelect:
    """Return the same select, for what another index finds.

    A database that does not know yet how much there is would go through all datasets of
    the base URIs, to find a few by a word.
    """
    return _EVERY.where(_BASE_URI_ID_UNINDEXED.in_(SEARCHABLE))


def every() -> AnySelect:
    """Return a select of all datasets, for what acts on no user's behalf."""
    return _EVERY


def narrowed(statement: AnySelect, query: Query) -> AnySelect:
    """Return a select with the lists of 0.18's queries as conditions.

    OR within creator_usernames, base_uris and uuids, AND within tags. An empty list is
    no condition, but for base_uris, where it finds nothing, as in 0.18. What else a
    query has is for search.py.
    """
    lists = lists_of(query)
    return _narrowed(statement, lists, len(lists.get("tags", ())))


def lists_of(query: Query) -> dict[str, list[str]]:
    """Return the lists of a query that are conditions, each value once and spelled."""
    lists = {key: query[key] for key in _LISTS if query.get(key)}
    if "uuids" in lists:
        lists["uuids"] = [str(uuid).lower() for uuid in lists["uuids"]]
    if "base_uris" in query:
        lists["base_uris"] = [base_uris.normalised(u) for u in query["base_uris"]]
    return {key: [*dict.fromkeys(values)] for key, values in lists.items()}


def has_lists_alone(query: Query) -> bool:
    """Return whether there is nothing in a query that lists_of() leaves out."""
    return all(key in _LISTS or value in (None, [], "") for key, value in query.items())


def _narrowed(
    statement: AnySelect, lists: Mapping[str, Sequence[Any]], number_of_tags: Any
) -> AnySelect:
    """Return what narrowed() does, for values or for what stands for them."""
    for key, column in _LISTS.items():
        if key in lists and key != "tags":
            statement = statement.where(column.in_(lists[key]))
    if "tags" in lists:
        tagged = select(_TAG.c.dataset_id).where(_TAG.c.tag.in_(lists["tags"]))
        if len(lists["tags"]) > 1:
            grouped = tagged.group_by(_TAG.c.dataset_id)
            tagged = grouped.having(func.count() == number_of_tags)
        statement = statement.where(_DATASET.c.id.in_(tagged))
    return statement


@functools.lru_cache
def _pages_of(sizes: tuple[tuple[str, int], ...], indexed: bool) -> PreparedPages:
    """Return the pages of what lists of these sizes find for somebody.

    :param sizes: the number of parameters of each list
    :param indexed: without it SQLite goes through all datasets in order
    """
    lists = {key: listed(key, size, _LISTS[key].type) for key, size in sizes}
    # The index of base URIs is the best for few of them, and not for all that may be
    # searched.
    another = indexed and not lists.keys() <= {"base_uris"}
    statement = shown_to_holder() if another else searchable_by_holder()
    if not indexed:
        statement = statement.with_hint(_DATASET, "NOT INDEXED", "sqlite")
        for tag in lists.pop("tags", ()):
            has_tag = select(_TAG.c.tag).where(
                _TAG.c.dataset_id == _DATASET.c.id, _TAG.c.tag == tag
            )
            statement = statement.where(has_tag.exists())
    number = bindparam("number_of_tags", type_=Integer)
    return PreparedPages(_narrowed(statement, lists, number), BY_REGISTRATION)


def listing(
    statement: AnySelect, sort: str | None = None, counted: Counted | None = None
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
    statement: AnySelect, sort: str | None = None, counted: Counted | None = None
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
        self._total: int | None = None
        self.finish: Finish | None = None

    def total(self) -> int:
        """Return the number of datasets."""
        return counters.total(self._user) if self._total is None else self._total

    def page(self, offset: int, limit: int) -> list[dict[str, Any]]:
        """Return at most limit datasets, after leaving out the first offset."""
        first, end, skipped, self._total = counters.span_of(self._user, offset, limit)
        page = {"first": first, "end": end, "offset": skipped, "limit": limit}
        parameters = holder(self._user) | page
        if end - first > _CLOSE:
            statement = _WIDE_PAGE
        else:
            statement = _NEXT_PAGE if skipped <= limit else _CLOSE_PAGE
        return to_items(statement.all(parameters))


def of_lists(user: ActingUser, query: Query) -> PreparedListing:
    """Return what the lists of a query find for a user, in order of registration.

    :param query: with nothing beside the lists
    """
    lists = lists_of(query)
    parameters: dict[str, Any] = {**holder(user)}
    for key, values in lists.items():
        parameters |= as_list(key, values, "")
    parameters["number_of_tags"] = len(lists.get("tags", ()))
    sizes = tuple((key, size_for(values)) for key, values in lists.items())
    share = counters.share_of(user, query)
    if share is None:
        return PreparedListing(_pages_of(sizes, True), parameters, to_items)
    return _CountedListing(sizes, parameters, share)


class _CountedListing(PreparedListing):
    """The same, where it is counted: the number says which way is short."""

    def __init__(
        self,
        sizes: tuple[tuple[str, int], ...],
        parameters: Parameters,
        share: Callable[[], counters.Share],
    ):
        pages = _pages_of(sizes, True)
        super().__init__(pages, parameters, to_items, lambda: share().found)
        self._share = share
        self._sizes = sizes

    def page(self, offset: int, limit: int) -> list[dict[str, Any]]:
        """Return at most limit datasets, after leaving out the first offset."""
        # Of few, found by an index, the ids are sorted. Of many that would take longer
        # than to go through all datasets until the page is full.
        self._total, all_ = self._share()
        is_short = self._total**2 <= (offset + limit) * all_
        self._pages = _pages_of(self._sizes, is_short)
        return super().page(offset, limit)


def list_visible(user: ActingUser) -> VisibleListing:
    """Return the datasets that a user may see."""
    return VisibleListing(user)


def look_up(user: ActingUser, uuid: str) -> PreparedListing:
    """Return the places of a dataset, among those that a user may see."""
    return of_lists(user, {"uuids": [uuid]})


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


def to_items(rows: Sequence[AnyRow | tuple[Any, ...]]) -> list[dict[str, Any]]:
    """Return the rows of such a select as the API shows them."""
    tags = _tags_by_dataset([row[0] for row in rows])
    return [
        {
            "base_uri": base_uri,
            "uri": uri,
            "uuid": uuid,
            "name": name,
            "creator_username": creator_username,
            "created_at": to_timestamp(created_at),
            "frozen_at": to_timestamp(frozen_at),
            "number_of_items": number_of_items,
            "size_in_bytes": size_in_bytes,
            "type": type_ or "dataset",
            "dtoolcore_version": dtoolcore_version,
            "tags": tags[id_],
            "uploaded_by": uploaded_by,
            "uploaded_at": uploaded_at and to_timestamp(uploaded_at),
        }
        # In the order of _EVERY.
        for (
            id_,
            base_uri,
            uri,
            uuid,
            name,
            creator_username,
            created_at,
            frozen_at,
            number_of_items,
            size_in_bytes,
            type_,
            dtoolcore_version,
            uploaded_by,
            uploaded_at,
        ) in rows
    ]


def _tags_by_dataset(dataset_ids: list[int]) -> dict[int, list[str]]:
    tags: dict[int, list[str]] = {dataset_id: [] for dataset_id in dataset_ids}
    for dataset_id, tag in _TAGS.all(dataset_ids):
        tags[dataset_id].append(tag)
    return tags
