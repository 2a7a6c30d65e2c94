"""Search: filters in SQL, free text by the search plugin."""

from typing import Any

from flask import current_app

from ..extensions import sql_db
from ..pagination import Listing, SelectListing
from ..plugins.interfaces import Hits, Query
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
        return PluginListing(user, limited(user, query))
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
    """

    def __init__(self, user: ActingUser, query: Query):
        self._user = user
        self._query = query
        self._hits: Hits | None = None
        self._every_uri: list[str] | None = None

    def total(self) -> int:
        """Return the number of hits."""
        return self._page_of_hits(0, 1).total if self._hits is None else self._hits.total

    def page(self, offset: int, limit: int) -> list[dict[str, Any]]:
        """Return the rows of at most limit hits, after leaving out the first offset."""
        self._hits = self._page_of_hits(offset, limit)
        rows = sql_db.session.execute(
            datasets.visible(self._user).where(Dataset.uri.in_(self._hits.uris))
        ).all()
        by_uri = {item["uri"]: item for item in datasets.to_items(rows)}
        return [by_uri[uri] for uri in self._hits.uris if uri in by_uri]

    def _page_of_hits(self, offset: int, limit: int) -> Hits:
        if not self._query["base_uris"]:
            return Hits()
        if search_page := getattr(current_app.search, "search_page", None):
            hits = search_page(dict(self._query), offset=offset, limit=limit)
            if hits is not None:
                return hits
        if self._every_uri is None:
            found = current_app.search.search(dict(self._query))
            self._every_uri = [dataset["uri"] for dataset in found]
        return Hits(self._every_uri[offset : offset + limit], len(self._every_uri))


def _match_text(free_text: str) -> Any:
    # A search plugin need not inherit SearchABC to have what 0.18 asks for.
    match_text = getattr(current_app.search, "match_text", None)
    return match_text(free_text) if match_text else None
