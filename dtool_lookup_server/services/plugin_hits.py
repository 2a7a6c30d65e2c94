"""What a search plugin with a store of its own finds.

The rows come from SQL, within the acting user's permissions: what a plugin holds of a
dataset that SQL does not have is never shown.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Integer, Subquery, bindparam, select, text

from ..engines import MARIADB
from ..errors import UnknownURIError
from ..extensions import sql_db
from ..pagination import AnySelect, Finish, parse_sort
from ..plugins.evaluation import finds
from ..plugins.interfaces import Hits, Query
from ..plugins.kept_beside import reader
from ..plugins.registry import answering, in_use
from ..plugins.text_query import with_terms
from ..query import Leaf, Text, Words
from ..sql_models import Dataset
from . import datasets
from .dataset_rows import FetchBy, ListingBy, in_order, to_items
from .permissions import holder
from .users import ActingUser

#: URIs that are fetched from a plugin at once.
BATCH = 5000

_MARIADB_LISTED = (
    "SELECT place, id FROM JSON_TABLE(:ids, '$[*]'"
    " COLUMNS (place FOR ORDINALITY, id INTEGER PATH '$')) AS listed"
)
_LISTED = {
    "sqlite": "SELECT key AS place, value AS id FROM json_each(:ids)",
    "postgresql": "SELECT place, CAST(id AS integer) AS id"
    " FROM json_array_elements_text(CAST(:ids AS json))"
    " WITH ORDINALITY AS listed (id, place)",
    **dict.fromkeys(MARIADB, _MARIADB_LISTED),
}


class PluginListing(ListingBy):
    """The hits in the order that the plugin gives them, or sorts them in.

    :param user: for whom; None for the machine's administrator, who sees all
    :param query: with the base URIs that the user may search
    :param sort: as pagination.parse_sort takes it; None for the order of relevance
    :param has_lists: whether the user asks for less than all that a text finds
    :raises InvalidFieldError: for a field that datasets cannot be sorted by
    """

    def __init__(
        self,
        user: ActingUser | None,
        query: Query,
        sort: str | None = None,
        has_lists: bool = True,
    ):
        self._user = user
        self._has_lists = has_lists
        self._query = query
        self._sort = sort
        self._hits: Hits | None = None
        self._every_uri: list[str] | None = None
        self.finish: Finish | None = None
        self.directions: dict[str, int] = {}
        if sort is not None:
            _order, self.directions = parse_sort(sort, datasets.SORTABLE, "uri")

    def total(self) -> int:
        """Return the number of hits."""
        hits = self._hits or self._page_of_hits(0, 1)
        return hits.total

    def _page(self, fetch: FetchBy, offset: int, limit: int) -> list[Any]:
        self._hits = self._page_of_hits(offset, limit)
        uris = self._hits.uris
        if self._user is None or self._has_lists:
            found = self._statement().where(Dataset.uri.in_(uris))
            return in_order(uris, to_items(sql_db.session.execute(found).all()))
        return fetch(datasets.SHOWN_BY_URI, uris, holder(self._user))

    def _statement(self) -> AnySelect:
        """Return a select of the datasets that the lists of the query find."""
        return datasets.narrowed(datasets.visible(self._user), self._query)

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
        uris = _every_hit(self._query)
        if self._sort is None:
            return uris
        hits = listed(_ids_of([uris]))
        found = self._statement().where(Dataset.id == hits.c.id)
        order, _directions = parse_sort(self._sort, datasets.SORTABLE, "uri")
        sorted_uris = found.with_only_columns(Dataset.uri).order_by(*order, Dataset.uri)
        return list(sql_db.session.scalars(sorted_uris))


def listed(ids: list[int]) -> Subquery:
    """Return ids of datasets as a table: each id and its place in the list.

    However many there are, they are one parameter of the statement.
    """
    dialect = sql_db.session.get_bind().dialect.name
    parameter: Any = bindparam("ids", json.dumps(ids), unique=True)
    rows = text(_LISTED[dialect]).bindparams(parameter)
    return rows.columns(place=Integer, id=Integer).subquery()


def matching_ids(query: Query, leaf: Leaf) -> list[int]:
    """Return the ids of the datasets that a text finds, the best first.

    :param query: 0.18's keys, with the base URIs that the user may search
    :param leaf: a TextQuery for a plugin that takes one, else Text or Words
    """
    match leaf:
        case Text():
            return _ids_of(_batches({**query, "free_text": leaf.free_text}))
        case Words(pieces=pieces):
            return _ids_of(
                [uri for uri in uris if _is_in_field(uri, leaf)]
                for uris in _batches({**query, "free_text": Text(pieces).free_text})
            )
    return _ids_of(_batches({**query, "tree": leaf}))


def _is_in_field(uri: str, words: Words) -> bool:
    """Tell whether words that the plugin found somewhere are in their field."""
    retrieve = reader()
    try:
        dataset = datasets.fetch(uri)
        if words.field == "readme":
            dataset["readme"] = retrieve.get_readme(uri)
        elif words.field == "item":
            dataset["manifest"] = retrieve.get_manifest(uri)
    except UnknownURIError:
        return False
    return finds(with_terms(words), dataset)


def _ids_of(batches: Iterable[list[str]]) -> list[int]:
    ids: dict[int, None] = {}
    for batch in batches:
        for start in range(0, len(batch), BATCH):
            uris = batch[start : start + BATCH]
            rows = select(Dataset.uri, Dataset.id).where(Dataset.uri.in_(uris))
            found = dict(sql_db.session.execute(rows).all())
            ids.update(dict.fromkeys(found[uri] for uri in uris if uri in found))
    return list(ids)


def _batches(query: Query) -> Iterator[list[str]]:
    """Yield the URIs that the search plugin finds, a batch at a time."""
    if not query["base_uris"]:
        return
    offset = 0
    while hits := _page_of_plugin(query, offset, BATCH, {}):
        if hits.uris:
            yield hits.uris
        offset += len(hits.uris)
        if not hits.uris or offset >= hits.total:
            return
    yield _every_hit(query)


def _every_hit(query: Query) -> list[str]:
    search = in_use().search
    asked = dict(query)
    if "free_text" in asked:
        # At a NUL a plugin's database may take a text to end, as MongoDB does.
        asked["free_text"] = asked["free_text"].replace("\0", " ")
    with answering(search):
        found = search.search(asked)
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
