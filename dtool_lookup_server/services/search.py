"""Search: filters in SQL, free text by the search plugin."""

from typing import Any

from ..extensions import sql_db
from ..pagination import BATCH, Listing, SelectListing, parse_sort
from ..plugins.interfaces import Hits, Query, TextMatch
from ..plugins.registry import in_use
from ..sql_models import Dataset
from . import base_uris, datasets
from .permissions import searchable_names
from .users import ActingUser


def search(user: ActingUser, query: Query, sort: str | None = None) -> Listing:
    """Return the datasets that a query finds among those that a user may see.

    :param query: see plugins/interfaces.py; base URIs that the user may not search
        are left out silently
    :param sort: as pagination.parse_sort takes it; None for the order of relevance
        where there is free text, else of registration
    :raises InvalidFieldError: for a field that datasets cannot be sorted by
    """
    statement = datasets.narrowed(datasets.visible(user), query)
    free_text = (query.get("free_text") or "").strip()
    if not free_text:
        return datasets.listing(statement, sort)
    match = _match_text(free_text)
    if match is None:
        return PluginListing(user, limited(user, query), sort)
    statement = statement.where(match.condition)
    if sort is not None:
        return datasets.listing(statement, sort)
    order = [*match.relevance, *datasets.BY_REGISTRATION]
    return SelectListing(statement, order, datasets.to_items)


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
        self._sort: dict[str, int] = {}
        if sort is not None:
            _order, self._sort = parse_sort(sort, datasets.SORTABLE, "uri")
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
            sorting = {"sort": self._sort} if self._sort else {}
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
        if not self._sort:
            return uris
        items = [
            item
            for start in range(0, len(uris), BATCH)
            for item in self._items(uris[start : start + BATCH])
        ]
        for name, direction in reversed(self._sort.items()):
            items.sort(
                key=lambda item: (item[name] is not None, item[name]),  # noqa: B023
                reverse=direction < 0,
            )
        return [item["uri"] for item in items]


def _match_text(free_text: str) -> TextMatch | None:
    # A search plugin need not inherit SearchABC to have what 0.18 asks for.
    match_text = getattr(in_use().search, "match_text", None)
    return match_text(free_text) if match_text else None
