"""Search: one tree for all that is asked; fields in SQL, text by the search plugin."""

import functools
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, String, bindparam, select

from ..errors import UnknownURIError
from ..extensions import sql_db
from ..pagination import (
    BATCH,
    LARGEST_OFFSET,
    AnySelect,
    Counted,
    Finish,
    Listing,
    SelectListing,
    SortedListing,
    every_item,
    exists,
)
from ..plugins.highlighting import highlights
from ..plugins.interfaces import Query, TextMatch
from ..plugins.kept_beside import reader
from ..plugins.registry import in_use
from ..plugins.text_query import TextQuery, with_terms
from ..prepared import (
    Parameters,
    RememberedSelect,
    dialect_name,
    remembered,
    remembers,
)
from ..query import (
    Annotation,
    Between,
    Leaf,
    Match,
    Node,
    Part,
    Text,
    Understood,
    Value,
    Words,
    conjunction,
    in_name,
    leaves_of,
    parse,
    parts_of,
)
from ..query.annotations import text_of
from ..sql_models import Dataset
from . import base_uris, counters, datasets
from . import parts as substrings
from .conditions import condition
from .dataset_rows import (
    DATASET,
    DatasetListing,
    Fetch,
    FetchBy,
    ListingBy,
    PreparedListing,
    PreparedPages,
    PreparedRows,
    to_items,
)
from .permissions import holder, searchable_names, shown_and_hidden
from .plugin_hits import PluginListing, listed, matching_ids
from .users import ActingUser

_NEWEST_FIRST = (Dataset.frozen_at.desc(), Dataset.id.desc())
_TEXT = (TextQuery, Text, Words, Part)
_LARGEST_SIZE = 2**63 - 1
_EXPRESSION = bindparam("expression", type_=String())

# Longest text of which many are remembered, in characters.
_LONGEST_REMEMBERED = 1_000

#: Hits that are ranked though they are alike, where the search plugin can do without.
MOST_RANKED = 2_000

# Hits of words that are remembered: which they are, and in which order.
_FEW = 50
# The id of no dataset.
_NOWHERE = 0


@dataclass(frozen=True)
class Found:
    """What a query finds, for SQL to fetch.

    :param statement: a select of datasets
    :param order: the best first; None where no text says which are better
    """

    statement: AnySelect
    order: tuple[ColumnElement[Any], ...] | None


def search(user: ActingUser | None, query: Query, sort: str | None = None) -> Listing:
    """Return the datasets that a query finds among those that a user may see.

    :param user: None for the machine's administrator, who sees all
    :param query: see plugins/interfaces.py, and beyond it the keys of asked_by; base
        URIs that the user may not search are left out silently
    :param sort: as pagination.parse_sort takes it; None for the order of relevance
        where there is free text, else of registration
    :raises InvalidFieldError: for a field that datasets cannot be sorted by
    """
    if user is not None and sort is None and datasets.has_lists_alone(query):
        return datasets.of_lists(user, query)
    if user is not None and sort is None and (prepared := _of_words(user, query)):
        return prepared
    paged = _paged_by_plugin(user, query, sort)
    if paged is not None:
        return paged
    found = find(user, query)
    if sort is None and found.order is not None:
        return _by_relevance(found)
    counted = counters.total_of(user, query)
    return datasets.listing(found.statement, sort, counted)


def _of_words(user: ActingUser, query: Query) -> Listing | None:
    """Return what a query of words alone finds, the best first.

    To build such a select takes as long as all else together, so it is made once.

    :returns: None for another query, and where words are no parameter of a select
    """
    search_plugin = in_use().search
    # An empty list of base URIs finds nothing.
    if (
        not hasattr(search_plugin, "expression_of")
        or "base_uris" in query
        or not _is_free_text_alone(query)
    ):
        return None
    kind = f"{type(search_plugin).__qualname__} in {dialect_name()}"
    free_text = free_text_of(query)
    find = functools.partial(_look_for, search_plugin, free_text)
    is_short = len(free_text) <= _LONGEST_REMEMBERED
    words = remembered((_of_words, kind, free_text), find) if is_short else find()
    if words.expression is None:
        return None
    counted: Counted | None = None
    if words.number > MOST_RANKED:
        within = search_plugin.within(words.expression, *shown_and_hidden(user))
        if within is not None and words.are_alike:
            return _ManyHits(kind, within, user)
        if within is not None and _best_page(kind, True) is not None:
            return _BestHits(kind, within, user)
        if within is not None:
            counted = functools.partial(search_plugin.number_within, within)
    asked = {"expression": words.expression}
    if words.number <= _FEW and remembers():
        ids = _ids_of_words(kind).all(asked)
        return _FewHits([id_ for (id_,) in ids], user)
    return PreparedListing(_pages_of_words(kind), {**holder(user), **asked}, counted)


class _Words(NamedTuple):
    """What words find, whoever may see it.

    :param expression: the one parameter that stands for them; None where there is none
    :param number: of datasets, no further counted than needed
    :param are_alike: whether none of these is better than another
    """

    expression: str | None = None
    number: int = 0
    are_alike: bool = False


def _look_for(search_plugin: Any, free_text: str) -> _Words:
    tree = _read(free_text).with_terms
    expression = search_plugin.expression_of(tree)
    if expression is None or not isinstance(tree, TextQuery):
        return _Words()
    number = search_plugin.number_of(expression, MOST_RANKED + 1)
    return _Words(expression, number, tree.finds_alike)


def _is_free_text_alone(query: Query) -> bool:
    return bool(free_text_of(query)) and all(
        key == "free_text" or value in (None, "", [], {})
        for key, value in query.items()
    )


@functools.cache
def _pages_of_words(_plugin: str) -> PreparedPages:
    matched = in_use().search.match_expression(_EXPRESSION)
    statement = datasets.shown_to_holder().where(matched.condition)
    order = [*matched.relevance, *_NEWEST_FIRST, *datasets.BY_REGISTRATION]
    return PreparedPages(statement, order)


@functools.cache
def _ids_of_words(_plugin: str) -> RememberedSelect:
    """Return a select of all that words find, whoever may see it, the best first."""
    matched = in_use().search.match_expression(_EXPRESSION)
    statement = select(DATASET.c.id).where(matched.condition)
    return RememberedSelect(statement.order_by(*matched.relevance, *_NEWEST_FIRST))


class _FewHits(ListingBy):
    """What words find that few datasets have, of which a user sees their own.

    The index is not asked again for the next page, nor for somebody else's. The same
    statement is executed however many there are, since how many others see, or whether
    they see any, shall not be told by the time that it takes.

    :param ids: of all hits, the best first
    """

    def __init__(self, ids: Sequence[int], user: ActingUser):
        self._ids = [*ids, *[_NOWHERE] * (_FEW - len(ids))]
        self._user = user
        self._total: int | None = None
        self.finish: Finish | None = None

    def total(self) -> int:
        """Return the number of hits that the user may see."""
        if self._total is None:
            self.page(0, 0)
        return self._total or 0

    def _page(self, fetch: FetchBy, offset: int, limit: int) -> list[Any]:
        shown = fetch(datasets.SHOWN_BY_ID, self._ids, holder(self._user))
        self._total = len(shown)
        return shown[offset : offset + limit]


class _ManyHits(DatasetListing):
    """What a word finds that very many datasets have: the last registered come first.

    To rank them all would take longer with every dataset, and say little. The search
    plugin counts them, and finds the page; what may be shown is asked for once more.

    :param plugin: its name, and the database's
    :param found: finds the hits that the user may see, as the plugin's within() says
    """

    def __init__(self, plugin: str, found: Parameters, user: ActingUser):
        self._plugin = plugin
        self._found = found
        self._user = user
        self.finish: Finish | None = None

    def total(self) -> int:
        """Return the number of hits."""
        return int(in_use().search.number_within(self._found))

    def _page(self, fetch: Fetch, offset: int, limit: int) -> list[Any]:
        if offset > LARGEST_OFFSET:
            return []
        return self._part(fetch, _newest_page(self._plugin), offset, limit)

    def _part(
        self, fetch: Fetch, rows: PreparedRows | None, offset: int, limit: int
    ) -> list[Any]:
        if rows is None or not limit:
            return []
        page = {**self._found, "offset": offset, "limit": limit, "most": MOST_RANKED}
        return fetch(rows, holder(self._user) | page)


@functools.cache
def _newest_page(_plugin: str) -> PreparedRows:
    on_page = in_use().search.match_newest()
    statement = datasets.shown_to_holder().where(on_page)
    return PreparedRows(statement.order_by(Dataset.id.desc()))


class _BestHits(_ManyHits):
    """The same of several words: those that have most of them come first.

    MOST_RANKED of these are ranked, and the rest is not.
    """

    def _page(self, fetch: Fetch, offset: int, limit: int) -> list[Any]:
        if offset > LARGEST_OFFSET:
            return []
        ranked = max(0, min(limit, MOST_RANKED - offset))
        best = self._part(fetch, _best_page(self._plugin, True), offset, ranked)
        rest = _best_page(self._plugin, False)
        return best + self._part(fetch, rest, offset + ranked, limit - ranked)


@functools.cache
def _best_page(_plugin: str, ranked: bool) -> PreparedRows | None:
    matched = in_use().search.match_best(ranked)
    if matched is None:
        return None
    statement = datasets.shown_to_holder().where(matched.condition)
    return PreparedRows(statement.order_by(*matched.relevance))


def search_sorted(
    user: ActingUser | None, query: Query, sort: str | None = None
) -> Listing:
    """Return what search() does, in an order that cursors can go on from.

    By URI where no sort is given, unless there is free text: then by relevance, and
    without cursors.
    """
    if user is not None and sort is None and (prepared := _of_words(user, query)):
        return prepared
    paged = _paged_by_plugin(user, query, sort)
    if paged is not None:
        return paged
    found = find(user, query)
    if sort is None and found.order is not None:
        return _by_relevance(found)
    counted = counters.total_of(user, query)
    return datasets.sorted_listing(found.statement, sort, counted)


class _Read:
    """A free text, as it is read at one moment.

    :param free_text: without blanks around it
    :param second: since the epoch: some texts say how long ago
    """

    def __init__(self, free_text: str, second: int):
        self.understood = parse(free_text, datetime.fromtimestamp(second, UTC))

    @functools.cached_property
    def with_terms(self) -> Node:
        """What it asks, for a search plugin that takes terms."""
        return with_terms(self.understood.tree)


# A request asks several times how its text is read, and so do those for the next page,
# for facets and for a summary of the same.
_read_before = functools.lru_cache(maxsize=128)(_Read)
_read_last = functools.lru_cache(maxsize=1)(_Read)


def _read(free_text: str) -> _Read:
    is_short = len(free_text) <= _LONGEST_REMEMBERED
    return (_read_before if is_short else _read_last)(free_text, int(time.time()))


def understood(query: Query) -> Understood:
    """Return how the free text of a query is understood."""
    return _read(free_text_of(query)).understood


def free_text_of(query: Query) -> str:
    """Return the free text of a query, empty where there is none to look for."""
    return (query.get("free_text") or "").strip()


def asked_by(query: Query) -> Node:
    """Return what a query asks beside the lists of 0.18, as one tree.

    :param query: free_text in the query language; name, as name: takes it;
        annotations, a dictionary of names and values; uploaded_by; created_after,
        created_before, frozen_after and frozen_before, in seconds since 1970, and
        min_size and max_size, in bytes
    """
    parts: list[Node] = []
    for field in ("created", "frozen"):
        low, below = query.get(f"{field}_after"), query.get(f"{field}_before")
        if low is not None or below is not None:
            parts.append(Between(field, low, below))
    low, high = query.get("min_size"), query.get("max_size")
    if low is not None or high is not None:
        below = None if high is None or high == _LARGEST_SIZE else high + 1
        parts.append(Between("size", low, below))
    if uploaders := query.get("uploaded_by"):
        parts.append(Match("uploader", tuple(map(Value, uploaders))))
    if name := query.get("name"):
        parts.append(in_name(name))
    for key, value in (query.get("annotations") or {}).items():
        parts.append(Annotation(key, (Value(text_of(value)),)))
    if free_text_of(query):
        parts.append(understood(query).tree)
    return conjunction(parts)


def find(user: ActingUser | None, query: Query) -> Found:
    """Return what a query finds among what a user may see."""
    tree = _tree(query)
    statement = datasets.narrowed(datasets.visible(user), query)
    order: tuple[ColumnElement[Any], ...] | None = None
    if any(isinstance(leaf, _TEXT) for leaf in leaves_of(tree)):
        order = _NEWEST_FIRST

    def match(leaf: Leaf) -> TextMatch:
        return _match(user, query, tree, leaf)

    parts = list(parts_of(tree))
    # The first text joins its index, for the relevance; all else is a condition.
    texts = [part for part in parts if isinstance(part, _TEXT)]
    first = min(texts, key=lambda part: isinstance(part, Part), default=None)
    if first is not None:
        parts.remove(first)
        matched = match(first)
        statement = statement.where(matched.condition)
        order = (*matched.relevance, *_NEWEST_FIRST)
    for part in parts:
        statement = statement.where(condition(part, lambda leaf: match(leaf).within))
    return Found(statement, order)


def finds_any(user: ActingUser | None, query: Query) -> bool:
    """Return whether a query finds at least one dataset that a user may see."""
    paged = _paged_by_plugin(user, query, None)
    if paged is not None:
        return bool(paged.page(0, 1))
    return exists(find(user, query).statement)


def every_hit(
    user: ActingUser | None, query: Query, sort: str | None = None
) -> Iterator[dict[str, Any]]:
    """Yield every dataset that search_sorted() lists, fetched in batches.

    No transaction stays open between the batches.

    :raises InvalidFieldError: for a field that datasets cannot be sorted by
    """
    listing = search_sorted(user, query, sort)
    if not isinstance(listing, SortedListing):
        yield from every_item(listing)
        return
    cursor: str | None = ""
    while cursor is not None:
        items = listing.after(cursor, BATCH)
        cursor = listing.cursor
        sql_db.session.commit()
        yield from items


def highlighted(query: Query, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows of a page with matches: why the query finds each.

    :returns: copies; matches as plugins/highlighting.py makes them, empty where the
        query has no words or values to find
    """
    lists = {"creator": "creator_usernames", "tag": "tags"}
    values = [
        Match(field, tuple(map(Value, query[key])))
        for field, key in lists.items()
        if query.get(key)
    ]
    tree = with_terms(conjunction([asked_by(query), *values]))
    return [{**row, "matches": highlights(tree, _with_contents(row))} for row in rows]


def _with_contents(row: dict[str, Any]) -> dict[str, Any]:
    retrieve, uri = reader(), row["uri"]
    contents: dict[str, Any] = {}
    with suppress(UnknownURIError):  # SQL may be ahead of the plugin
        contents["readme"] = retrieve.get_readme(uri)
        contents["annotations"] = retrieve.get_annotations(uri)
        contents["manifest"] = retrieve.get_manifest(uri)
    return {**row, **contents}


def selections(user: ActingUser | None, query: Query) -> Iterator[AnySelect]:
    """Yield selects that together have each dataset that a query finds once."""
    yield find(user, query).statement


def limited(user: ActingUser | None, query: Query) -> Query:
    """Return 0.18's keys of a query, with base_uris that a user may search.

    :returns: a copy; without base_uris in the query, all that the user may search
    """
    if user is None:
        allowed = [row["base_uri"] for row in every_item(base_uris.names())]
    else:
        allowed = searchable_names(user)
    if "base_uris" in query:
        asked = {base_uris.normalised(str(uri)) for uri in query["base_uris"]}
        allowed = [base_uri for base_uri in allowed if base_uri in asked]
    keys = ("creator_usernames", "uuids", "tags")
    known = {key: query[key] for key in keys if key in query}
    return {**known, "base_uris": allowed}


def _by_relevance(found: Found) -> SelectListing:
    order = [*(found.order or ()), *datasets.BY_REGISTRATION]
    return SelectListing(found.statement, order, to_items)


def _tree(query: Query) -> Node:
    """Return what a query asks, with terms if the search plugin takes them."""
    tree = asked_by(query)
    return with_terms(tree) if _answers(TextQuery()) else tree


def _answers(tree: Node) -> bool:
    # A search plugin need not inherit SearchABC to have what 0.18 asks for.
    answers = getattr(in_use().search, "answers", None)
    return bool(answers and answers(tree))


def _match_text(text: Leaf) -> TextMatch | None:
    match_text = getattr(in_use().search, "match_text", None)
    return match_text(text) if match_text else None


def _paged_by_plugin(
    user: ActingUser | None, query: Query, sort: str | None
) -> PluginListing | None:
    """Return the listing of a plugin that answers all of a query by itself."""
    tree = _tree(query)
    if not any(isinstance(leaf, _TEXT) for leaf in leaves_of(tree)):
        return None
    lists = query
    text: Query = {"tree": tree}
    if _answers(tree):
        if _match_text(TextQuery()) is not None:
            return None
    else:
        keys, rest = _as_keys(tree, query)
        if not isinstance(rest, Text):
            return None
        lists, text = {**query, **keys}, {"free_text": rest.free_text}
    has_lists = bool(datasets.lists_of(lists))
    return PluginListing(user, limited(user, lists) | text, sort, has_lists)


def _as_keys(tree: Node, query: Query) -> tuple[Query, Node]:
    """Return what of a tree 0.18's keys can say, and the rest."""
    keys: Query = {}
    rest: list[Node] = []
    for part in parts_of(tree):
        match part:
            case Match("creator", values) if not (
                any(value.begins for value in values)
                or query.get("creator_usernames")
                or "creator_usernames" in keys
            ):
                keys["creator_usernames"] = [value.text for value in values]
            case Match("tag", (Value(tag, begins=False),)):
                tags = keys.get("tags") or query.get("tags") or []
                keys["tags"] = [*tags, tag]
            case _:
                rest.append(part)
    return keys, conjunction(rest)


def _match(user: ActingUser | None, query: Query, tree: Node, text: Leaf) -> TextMatch:
    """Return what finds a text's datasets in SQL."""
    if isinstance(text, Part):
        return substrings.match(text)
    matched = _match_text(text) if isinstance(text, TextQuery) else None
    if matched is not None:
        return matched
    keys, _rest = _as_keys(tree, query)
    ids = listed(matching_ids(limited(user, {**query, **keys}), text))
    return TextMatch(
        Dataset.id == ids.c.id,
        Dataset.id.in_(ids.select().with_only_columns(ids.c.id)),
        (ids.c.place,),
    )
