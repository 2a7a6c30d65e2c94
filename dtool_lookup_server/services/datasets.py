"""Datasets as rows: listing, looking up, filtering, all of it in SQL."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Integer, bindparam, func, select

from ..columns import Unindexed
from ..engines import MARIADB
from ..errors import UnknownURIError
from ..extensions import sql_db
from ..pagination import (
    AnySelect,
    Counted,
    Finish,
    SelectListing,
    SortedListing,
    parse_sort,
)
from ..plugins.interfaces import Query
from ..prepared import Parameters, as_list, listed, size_for
from ..sql_models import BaseURI, Dataset
from . import base_uris, counters
from .dataset_rows import (
    DATASET,
    EVERY,
    EVERY_ALONE,
    SORTABLE_COLUMNS,
    TAG,
    DatasetListing,
    Fetch,
    PreparedListing,
    PreparedPages,
    PreparedRows,
    RowsBy,
    to_items,
)
from .permissions import SEARCHABLE, holder, searchable
from .users import ActingUser

#: What datasets may be sorted by.
SORTABLE: dict[str, ColumnElement[Any]] = {
    "base_uri": BaseURI.__table__.c.base_uri,
    **{column.name: column for column in SORTABLE_COLUMNS},
}

# The lists of 0.18's queries, and what is compared with their values.
_LISTS: dict[str, ColumnElement[Any]] = {
    "creator_usernames": DATASET.c.creator_username,
    "uuids": DATASET.c.uuid,
    "base_uris": BaseURI.__table__.c.base_uri,
    "tags": TAG.c.tag,
}

#: 0.18's order: as they were registered.
BY_REGISTRATION = (DATASET.c.id.asc(),)

# The sum keeps databases from the index of base URIs.
_BASE_URI_ID_UNINDEXED = DATASET.c.base_uri_id + 0


def _paged(columns: AnySelect, base_uri_id: ColumnElement[int]) -> AnySelect:
    """Return a select of a page of what a user may see, between two ids."""
    return (
        columns.where(
            DATASET.c.id >= bindparam("first"),
            DATASET.c.id < bindparam("end"),
            base_uri_id.in_(SEARCHABLE),
        )
        .order_by(DATASET.c.id)
        .offset(bindparam("offset", type_=BigInteger))
        .limit(bindparam("limit", type_=Integer))
    )


def _page_of(base_uri_id: ColumnElement[int]) -> PreparedRows:
    """Return the same, whose ids come first: whole rows are read of the page alone."""
    ids = _paged(select(DATASET.c.id), base_uri_id).subquery()
    page = EVERY_ALONE.join(ids, ids.c.id == DATASET.c.id).order_by(DATASET.c.id)
    return PreparedRows(page)


# By the index of base URIs, databases would sort all ids: where the page lies between
# ids that are close they are gone through as they are.
_CLOSE_PAGE = _page_of(_BASE_URI_ID_UNINDEXED)
_WIDE_PAGE = _page_of(DATASET.c.base_uri_id)
# Where few are left out before the page, to find its ids first takes longer than to
# read some rows more.
_NEXT_PAGE = PreparedRows(_paged(EVERY_ALONE, _BASE_URI_ID_UNINDEXED))
#: Most ids that are gone through for a page.
_CLOSE = 4 * counters.BLOCK_IDS


@functools.lru_cache
def visible(user: ActingUser | None) -> AnySelect:
    """Return a select of the datasets that a user may see.

    :param user: None for the machine's administrator, who sees all
    """
    if user is None:
        return every()
    return every().where(DATASET.c.base_uri_id.in_(searchable(user)))


def searchable_by_holder() -> AnySelect:
    """Return a select of what may be searched by whom permissions.holder() names."""
    return EVERY.where(DATASET.c.base_uri_id.in_(SEARCHABLE))


def shown_to_holder(columns: AnySelect = EVERY_ALONE) -> AnySelect:
    """Return the same select, for what another index finds.

    A database that does not know yet how much there is would go through all datasets of
    the base URIs, to find a few by a word.

    :param columns: EVERY for what compares base URIs
    """
    return columns.where(_BASE_URI_ID_UNINDEXED.in_(SEARCHABLE))


#: The same at some URIs, and with some ids.
SHOWN_BY_URI = RowsBy(shown_to_holder(), DATASET.c.uri)
SHOWN_BY_ID = RowsBy(shown_to_holder(), DATASET.c.id)


def every() -> AnySelect:
    """Return a select of all datasets, for what acts on no user's behalf."""
    return EVERY


def narrowed(statement: AnySelect, query: Query) -> AnySelect:
    """Return a select with the lists of 0.18's queries as conditions.

    OR within creator_usernames, base_uris and uuids, AND within tags. An empty list is
    no condition, but for base_uris, where it finds nothing, as in 0.18. What else a
    query has is for search.py.
    """
    lists = lists_of(query)
    return _narrowed(statement, lists, len(lists.get("tags", ())), _LISTS)


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
    statement: AnySelect,
    lists: Mapping[str, Sequence[Any]],
    number_of_tags: Any,
    columns: Mapping[str, ColumnElement[Any]],
) -> AnySelect:
    """Return what narrowed() does, for values or for what stands for them.

    :param columns: what is compared with each list
    """
    for key, column in columns.items():
        if key in lists and key != "tags":
            statement = statement.where(column.in_(lists[key]))
    if "tags" in lists:
        tagged = select(TAG.c.dataset_id).where(TAG.c.tag.in_(lists["tags"]))
        if len(lists["tags"]) > 1:
            grouped = tagged.group_by(TAG.c.dataset_id)
            tagged = grouped.having(func.count() == number_of_tags)
        statement = statement.where(DATASET.c.id.in_(tagged))
    return statement


@functools.lru_cache
def _pages_of(sizes: tuple[tuple[str, int], ...], indexed: bool) -> PreparedPages:
    """Return the pages of what lists of these sizes find for somebody.

    :param sizes: the number of parameters of each list
    :param indexed: without it SQLite and MariaDB go through all datasets in order
    """
    lists = {key: listed(key, size, _LISTS[key].type) for key, size in sizes}
    columns: Mapping[str, ColumnElement[Any]] = _LISTS
    shown = shown_to_holder(EVERY if "base_uris" in lists else EVERY_ALONE)
    if not indexed:
        columns = {key: Unindexed(column) for key, column in _LISTS.items()}
        statement = shown
        for name in MARIADB:
            # It would rather sort all that a base URI has.
            statement = statement.with_hint(DATASET, "FORCE INDEX (PRIMARY)", name)
        for tag in lists.pop("tags", ()):
            has_tag = select(TAG.c.tag).where(
                TAG.c.dataset_id == DATASET.c.id, TAG.c.tag == tag
            )
            statement = statement.where(has_tag.exists())
    else:
        # The index of base URIs is the best for few of them, and not for all that may
        # be searched.
        of_places = lists.keys() <= {"base_uris"}
        statement = searchable_by_holder() if of_places else shown
    number = bindparam("number_of_tags", type_=Integer)
    return PreparedPages(_narrowed(statement, lists, number, columns), BY_REGISTRATION)


def _pages_in_order(sizes: tuple[tuple[str, int], ...]) -> PreparedPages | None:
    """Return the same where an index has them in the order of registration."""
    if sizes == (("tags", 1),):
        return _pages_of_tag()
    return _pages_of(sizes, True) if sizes == (("creator_usernames", 1),) else None


@functools.cache
def _pages_of_tag() -> PreparedPages:
    [tag] = listed("tags", 1, TAG.c.tag.type)
    tagged = shown_to_holder().join(TAG, TAG.c.dataset_id == DATASET.c.id)
    return PreparedPages(tagged.where(TAG.c.tag == tag), [TAG.c.dataset_id])


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


class VisibleListing(DatasetListing):
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

    def _page(self, fetch: Fetch, offset: int, limit: int) -> list[Any]:
        first, end, skipped, self._total = counters.span_of(self._user, offset, limit)
        page = {"first": first, "end": end, "offset": skipped, "limit": limit}
        if end - first > _CLOSE:
            rows = _WIDE_PAGE
        else:
            rows = _NEXT_PAGE if skipped <= limit else _CLOSE_PAGE
        return fetch(rows, holder(self._user) | page)


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
        return PreparedListing(_pages_of(sizes, True), parameters)
    if in_order := _pages_in_order(sizes):
        return PreparedListing(in_order, parameters, lambda: share().found)
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
        super().__init__(pages, parameters, lambda: share().found)
        self._share = share
        self._sizes = sizes

    def _page(self, fetch: Fetch, offset: int, limit: int) -> list[Any]:
        # Of few, found by an index, the ids are sorted. Of many that would take longer
        # than to go through all datasets until the page is full.
        self._total, all_ = self._share()
        is_short = self._total**2 <= (offset + limit) * all_
        self._pages = _pages_of(self._sizes, is_short)
        return super()._page(fetch, offset, limit)


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
        select(Dataset).where(DATASET.c.uri == base_uris.normalised_uri(uri))
    )


def fetch(uri: str) -> dict[str, Any]:
    """Return the dataset at a URI, in its one spelling, as the API shows it.

    :raises UnknownURIError: if it is not registered
    """
    rows = sql_db.session.execute(every().where(DATASET.c.uri == uri)).all()
    if not rows:
        raise UnknownURIError(f"Dataset '{uri}' not registered")
    return to_items(rows)[0]
