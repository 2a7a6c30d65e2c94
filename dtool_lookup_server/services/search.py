"""Search: filters in SQL, free text by the search plugin."""

from collections.abc import Iterator
from operator import itemgetter
from typing import Any

from ..extensions import sql_db
from ..pagination import BATCH, AnySelect, Listing, SelectListing, parse_sort
from ..plugins.interfaces import Hits, Query, TextMatch
from ..plugins.registry import in_use
from ..sql_models import Dataset
from . import base_uris, datasets
from .permissions import searchable_names
from .users import ActingUser

#: Keys of a query that search plugins know nothing of: SQL answers them.
UNKNOWN_TO_PLUGINS = ("uploaded_by", *datasets.LIMITS)


def search(user: ActingUser, query: Query, sort: str | None = None) -> Listing:
    """Return the datasets that a query finds among those that a user may see.

    :param query: see plugins/interfaces.py; base URIs that the user may not search
        are left out silently
    :param sort: as pagination.parse_sort takes it; None for the order of relevance
        where there is free text, else of registration
    :raises InvalidFieldError: for a field that datasets cannot be sorted by
    """
    statement = datasets.narrowed(datasets.visible(user), query)
    free_text = free_text_of(query)
    if not free_text:
        return datasets.listing(statement, sort)
    match = _match_text(free_text)
    if match is None:
        if any(query.get(key) is not None for key in UNKNOWN_TO_PLUGINS):
            return CollectedListing(statement, limited(user, query), sort)
        return PluginListing(user, limited(user, query), sort)
    statement = statement.where(match.condition)
    if sort is not None:
        return datasets.listing(statement, sort)
    order = [*match.relevance, *datasets.BY_REGISTRATION]
    return SelectListing(statement, order, datasets.to_items)


def search_sorted(user: ActingUser, query: Query, sort: str | None = None) -> Listing:
    """Return what search() does, in an order that cursors can go on from.

    By URI where no sort is given, unless there is free text: then by relevance, and
    without cursors.
    """
    free_text = free_text_of(query)
    match = _match_text(free_text) if free_text else None
    if free_text and (sort is None or match is None):
        return search(user, query, sort)
    statement = datasets.narrowed(datasets.visible(user), query)
    if match is not None:
        statement = statement.where(match.condition)
    return datasets.sorted_listing(statement, sort)


def free_text_of(query: Query) -> str:
    """Return the free text of a query, empty where there is none to look for."""
    return (query.get("free_text") or "").strip()


def selections(user: ActingUser, query: Query) -> Iterator[AnySelect]:
    """Yield selects that together have each dataset that a query finds once.

    One is enough, unless the search plugin has a store of its own.
    """
    statement = datasets.narrowed(datasets.visible(user), query)
    free_text = free_text_of(query)
    match = _match_text(free_text) if free_text else None
    if not free_text:
        yield statement
    elif match is not None:
        yield statement.where(match.condition)
    else:
        for uris in _hits_of_plugin(limited(user, query)):
            yield statement.where(Dataset.uri.in_(uris))


def limited(user: ActingUser, query: Query) -> Query:
    """Return a query whose base_uris are those that a user may search.

    :returns: a copy; without base_uris in the query, all that the user may search
    """
    allowed = searchable_names(user)
    if "base_uris" in query:
        asked = {base_uris.normalised(str(uri)) for uri in query["base_uris"]}
        allowed = [base_uri for base_uri in allowed if base_uri in asked]
    return {**query, "base_uris": allowed}


class PluginListing:
    """What a search plugin with a store of its own finds, a page at a time.

    The rows come from SQL, within the user's permissions: what the plugin holds of a
    dataset that SQL does not have is never shown.

    :param query: with the base URIs that the user may search, as limited() makes it
    :param sort: as pagination.parse_sort takes it; None for the order of relevance
    :raises InvalidFieldError: for a field that datasets cannot be sorted by
    """

    def __init__(self, user: ActingUser, query: Query, sort: str | None = None):
        self._user = user
        self._query = query
        self.directions: dict[str, int] = {}
        if sort is not None:
            _order, self.directions = parse_sort(sort, datasets.SORTABLE, "uri")
        self._hits: Hits | None = None
        self._every_uri: list[str] | None = None

    def total(self) -> int:
        """Return the number of hits."""
        return (
            self._page_of_hits(0, 1).total if self._hits is None else self._hits.total
        )

    def page(self, offset: int, limit: int) -> list[dict[str, Any]]:
        """Return the rows of at most limit hits, after leaving out the first offset."""
        self._hits = self._page_of_hits(offset, limit)
        return self._items(self._hits.uris)

    def _items(self, uris: list[str]) -> list[dict[str, Any]]:
        rows = sql_db.session.execute(
            datasets.visible(self._user).where(Dataset.uri.in_(uris))
        ).all()
        by_uri = {item["uri"]: item for item in datasets.to_items(rows)}
        return [by_uri[uri] for uri in uris if uri in by_uri]

    def _page_of_hits(self, offset: int, limit: int) -> Hits:
        if not self._query["base_uris"]:
            return Hits()
        if search_page := getattr(in_use().search, "search_page", None):
            sorting = {"sort": self.directions} if self.directions else {}
            query = dict(self._query)
            hits = search_page(query, offset=offset, limit=limit, **sorting)
            if hits is not None:
                return hits
        if self._every_uri is None:
            found = in_use().search.search(dict(self._query))
            self._every_uri = self._sorted([dataset["uri"] for dataset in found])
        return Hits(self._every_uri[offset : offset + limit], len(self._every_uri))

    def _sorted(self, uris: list[str]) -> list[str]:
        """Return the URIs of a plugin that cannot sort in the order that is asked."""
        if not self.directions:
            return uris
        items = [
            item
            for start in range(0, len(uris), BATCH)
            for item in self._items(uris[start : start + BATCH])
        ]
        for name, direction in reversed(self.directions.items()):
            items.sort(
                key=lambda item: (item[name] is not None, item[name]),  # noqa: B023
                reverse=direction < 0,
            )
        return [item["uri"] for item in items]


class CollectedListing:
    """What a search plugin with a store of its own finds, in an order of SQL's.

    Only the fields to sort by are fetched of every hit, and the rows of one page.

    :param statement: the datasets that the user may see, narrowed by the query
    :param query: as PluginListing takes it
    :raises InvalidFieldError: for a field that datasets cannot be sorted by
    """

    def __init__(self, statement: AnySelect, query: Query, sort: str | None):
        _order, self.directions = parse_sort(sort, datasets.SORTABLE, "uri")
        self._statement = statement
        self._query = query
        self._sorted: list[str] | None = None

    def total(self) -> int:
        """Return the number of hits."""
        return len(self._uris())

    def page(self, offset: int, limit: int) -> list[dict[str, Any]]:
        """Return the rows of at most limit hits, after leaving out the first offset."""
        uris = self._uris()[offset : offset + limit]
        rows = sql_db.session.execute(
            self._statement.where(Dataset.uri.in_(uris))
        ).all()
        by_uri = {item["uri"]: item for item in datasets.to_items(rows)}
        return [by_uri[uri] for uri in uris if uri in by_uri]

    def _uris(self) -> list[str]:
        if self._sorted is None:
            names = [*self.directions, "uri"]
            columns = [datasets.SORTABLE[name] for name in names]
            rows = [
                row
                for uris in _hits_of_plugin(self._query)
                for row in sql_db.session.execute(
                    self._statement.with_only_columns(*columns).where(
                        Dataset.uri.in_(uris)
                    )
                ).all()
            ]
            rows.sort(key=lambda row: row[-1])
            # The least significant first; what has no value comes last either way.
            for place, direction in reversed(list(enumerate(self.directions.values()))):
                known = [row for row in rows if row[place] is not None]
                unknown = [row for row in rows if row[place] is None]
                known.sort(key=itemgetter(place), reverse=direction < 0)
                rows = known + unknown
            self._sorted = [row[-1] for row in rows]
        return self._sorted


def _hits_of_plugin(query: Query) -> Iterator[list[str]]:
    """Yield the URIs that the search plugin finds, each once, a batch at a time."""
    if not query["base_uris"]:
        return
    offset = 0
    seen: set[str] = set()
    while hits := _page_of_plugin(query, offset):
        if not hits.uris:
            return
        yield [uri for uri in hits.uris if uri not in seen]
        seen.update(hits.uris)
        offset += len(hits.uris)
    found = in_use().search.search(dict(query))
    every = list(dict.fromkeys(dataset["uri"] for dataset in found))
    yield from (every[n : n + BATCH] for n in range(0, len(every), BATCH))


def _page_of_plugin(query: Query, offset: int) -> Hits | None:
    """Return a batch of what the search plugin finds, or None if it has no pages."""
    search_page = getattr(in_use().search, "search_page", None)
    return search_page(dict(query), offset=offset, limit=BATCH) if search_page else None


def _match_text(free_text: str) -> TextMatch | None:
    # A search plugin need not inherit SearchABC to have what 0.18 asks for.
    match_text = getattr(in_use().search, "match_text", None)
    return match_text(free_text) if match_text else None
