"""Search: filters in SQL, free text by the search plugin."""

from collections.abc import Iterator

from ..pagination import AnySelect, Listing, SelectListing
from ..plugins.interfaces import Query, TextMatch
from ..plugins.registry import in_use
from ..sql_models import Dataset
from . import base_uris, counters, datasets
from .permissions import searchable_names
from .plugin_hits import CollectedListing, PluginListing, batches
from .users import ActingUser

#: Keys of a query that search plugins know nothing of: SQL answers them.
_UNKNOWN_TO_PLUGINS = ("uploaded_by", *datasets.LIMITS)


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
        counted = counters.total_of(user, query)
        if counted is not None and sort is None:
            return datasets.CountedListing(user, query, counted)
        return datasets.listing(statement, sort, counted)
    match = _match_text(free_text)
    if match is None:
        kind = CollectedListing if _has_more(query) else PluginListing
        return kind(statement, limited(user, query), sort)
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
    if match is None:
        counted = counters.total_of(user, query)
        return datasets.sorted_listing(statement, sort, counted)
    return datasets.sorted_listing(statement.where(match.condition), sort)


def _has_more(query: Query) -> bool:
    """Tell whether a query asks for what search plugins know nothing of."""
    return any(query.get(key) not in (None, []) for key in _UNKNOWN_TO_PLUGINS)


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
        for uris in batches(limited(user, query)):
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


def _match_text(free_text: str) -> TextMatch | None:
    # A search plugin need not inherit SearchABC to have what 0.18 asks for.
    match_text = getattr(in_use().search, "match_text", None)
    return match_text(free_text) if match_text else None
