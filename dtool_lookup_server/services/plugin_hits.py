"""What a search plugin with a store of its own finds, a page at a time.

The rows come from SQL, within the acting user's permissions: what a plugin holds of a
dataset that SQL does not have is never shown.
"""

from collections.abc import Iterator
from operator import itemgetter
from typing import Any

from ..extensions import sql_db
from ..pagination import BATCH, AnySelect, parse_sort
from ..plugins.interfaces import Hits, Query
from ..plugins.registry import answering, in_use
from ..sql_models import Dataset
from . import datasets


class PluginListing:
    """The hits in the order that the plugin gives them, or sorts them in.

    :param statement: the datasets that the user may see, narrowed by the query
    :param query: with the base URIs that the user may search
    :param sort: as pagination.parse_sort takes it; None for the order of relevance
    :raises InvalidFieldError: for a field that datasets cannot be sorted by
    """

    def __init__(self, statement: AnySelect, query: Query, sort: str | None = None):
        self._statement = statement
        self._query = query
        self._sort = sort
        self._hits: Hits | None = None
        self._every_uri: list[str] | None = None
        self.directions: dict[str, int] = {}
        if sort is not None:
            _order, self.directions = parse_sort(sort, datasets.SORTABLE, "uri")

    def total(self) -> int:
        """Return the number of hits."""
        hits = self._hits or self._page_of_hits(0, 1)
        return hits.total

    def page(self, offset: int, limit: int) -> list[dict[str, Any]]:
        """Return the rows of at most limit hits, after leaving out the first offset."""
        self._hits = self._page_of_hits(offset, limit)
        return rows_of(self._statement, self._hits.uris)

    def _page_of_hits(self, offset: int, limit: int) -> Hits:
        if not self._query["base_uris"]:
            return Hits()
        hits = _page_of_plugin(self._query, offset, limit, self.directions)
        if hits is not None:
            return hits
        if self._every_uri is None:
            # The plugin has no pages: it answers with all hits or none.
            self._every_uri = self._collected()
        return Hits(self._every_uri[offset : offset + limit], len(self._every_uri))

    def _collected(self) -> list[str]:
        if self._sort is None:
            return _every_hit(self._query)
        return CollectedListing(self._statement, self._query, self._sort).uris()


class CollectedListing:
    """The hits in an order of SQL's, or as far as SQL's conditions go.

    Only the fields to sort by are fetched of every hit, and the rows of one page.
    Takes what PluginListing takes; where sort is None the order is by URI.
    """

    def __init__(self, statement: AnySelect, query: Query, sort: str | None = None):
        _order, self.directions = parse_sort(sort, datasets.SORTABLE, "uri")
        self._statement = statement
        self._query = query
        self._sorted: list[str] | None = None

    def total(self) -> int:
        """Return the number of hits."""
        return len(self.uris())

    def page(self, offset: int, limit: int) -> list[dict[str, Any]]:
        """Return the rows of at most limit hits, after leaving out the first offset."""
        return rows_of(self._statement, self.uris()[offset : offset + limit])

    def uris(self) -> list[str]:
        """Return the URI of every hit, in order."""
        if self._sorted is None:
            rows = sorted(self._keys(), key=itemgetter(-1))
            # The least significant first; what has no value comes last either way.
            for place, direction in reversed(list(enumerate(self.directions.values()))):
                known = [row for row in rows if row[place] is not None]
                unknown = [row for row in rows if row[place] is None]
                known.sort(key=itemgetter(place), reverse=direction < 0)
                rows = known + unknown
            self._sorted = [row[-1] for row in rows]
        return self._sorted

    def _keys(self) -> Iterator[Any]:
        """Yield, for each hit, the fields to sort by and the URI."""
        columns = [datasets.SORTABLE[name] for name in (*self.directions, "uri")]
        keys = self._statement.with_only_columns(*columns)
        for uris in batches(self._query):
            yield from sql_db.session.execute(keys.where(Dataset.uri.in_(uris)))


def rows_of(statement: AnySelect, uris: list[str]) -> list[dict[str, Any]]:
    """Return the rows of a select of datasets that have these URIs, in their order."""
    rows = sql_db.session.execute(statement.where(Dataset.uri.in_(uris))).all()
    by_uri = {item["uri"]: item for item in datasets.to_items(rows)}
    return [by_uri[uri] for uri in uris if uri in by_uri]


def batches(query: Query) -> Iterator[list[str]]:
    """Yield the URIs that the search plugin finds, each once, a batch at a time.

    :param query: as PluginListing takes it
    """
    if not query["base_uris"]:
        return
    offset = 0
    seen: set[str] = set()
    while hits := _page_of_plugin(query, offset, BATCH, {}):
        if not hits.uris:
            return
        yield [uri for uri in hits.uris if uri not in seen]
        seen.update(hits.uris)
        offset += len(hits.uris)
    every = _every_hit(query)
    yield from (every[n : n + BATCH] for n in range(0, len(every), BATCH))


def _every_hit(query: Query) -> list[str]:
    search = in_use().search
    with answering(search):
        found = search.search(dict(query))
    return list(dict.fromkeys(dataset["uri"] for dataset in found))


def _page_of_plugin(
    query: Query, offset: int, limit: int, directions: dict[str, int]
) -> Hits | None:
    """Return a page of what the search plugin finds, or None if it has no pages."""
    # A search plugin need not inherit SearchABC to have what 0.18 asks for.
    search_page = getattr(in_use().search, "search_page", None)
    if search_page is None:
        return None
    with answering(in_use().search):
        hits: Hits | None = search_page(
            dict(query), offset=offset, limit=limit, sort=directions or None
        )
    return hits
