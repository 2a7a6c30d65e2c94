"""The search plugin for MongoDB: an index of analyzed terms in a collection."""

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

from flask import Flask

from ...errors import ValidationError
from ...query import Node, parts_of
from ..analysis import analyze_dataset
from ..interfaces import DatasetInfo, GroupingABC, Hits, Query, SearchABC
from ..text_query import TextQuery, parse, with_labels
from . import fields, settings, text
from .retrieve import MongoRetrieve
from .store import HEAD, Document, Store, TooLargeError, head_of, spellings

#: Hits up to this number come in order of relevance, more come newest first.
MOST_RANKED = 2000

# So many hits are fetched and counted at once. More are counted first, by the index.
_FEW = 50

#: The index of every text of every document, which costs and is not asked any more.
TEXT_INDEX_OF_0_18 = "$**_text"

# How far a search entry is cut, step by step, until MongoDB takes it.
_CUTS = (100_000, 30_000, 5_000)

_NEWEST_FIRST = {"frozen_at": -1, "uri": 1}
# The same as far as the indexes have it. MongoDB reads them for all base URIs beside
# each other until the page is full; with the URI it would sort all hits. Those of the
# same moment come by base URI and age, whichever index it takes.
_AS_INDEXED = {"frozen_at": -1}
# So many at most: internalQueryMaxScansToExplode.
_MOST_MERGED = 200
_URI = {"_id": False, "uri": True}
_HEAD = {"_id": False, "uri": True, **dict.fromkeys(HEAD, True)}

_log = logging.getLogger(__name__)


class _Prepared(NamedTuple):
    """What is to be kept of a dataset.

    :param document: the head, and the search entry
    :param entry_with: returns an entry with so many terms at most; None where there is
        none with fewer
    """

    document: Document
    entry_with: Callable[[int], Document] | None

    def ever_smaller(self) -> Iterator[Document]:
        """Yield the document with ever fewer terms."""
        yield self.document
        if self.entry_with:
            for most_terms in _CUTS:
                yield {**self.document, "search": self.entry_with(most_terms)}


class MongoSearch(GroupingABC, SearchABC):
    """Finds datasets by their analyzed terms in a MongoDB collection."""

    shares_sql_transaction = False
    keeps_all = True

    def __init__(self) -> None:
        self.store = Store(settings.SEARCH, (text.INDEX,))

    def get_config(self) -> Any:
        """Return the settings SEARCH_MONGO_..., from the environment."""
        return settings.read(settings.SEARCH, os.environ)

    def get_config_secrets_to_obfuscate(self) -> list[str]:
        """Return SEARCH_MONGO_URI, which may hold a password."""
        return settings.secrets_of(settings.SEARCH)

    def init_app(self, app: Flask, *args: Any, **kwargs: Any) -> None:
        """Take the settings and, if MongoDB answers, make the indexes."""
        self.store.init_app(app)

    def prepare_dataset(self, dataset_info: DatasetInfo) -> _Prepared:
        """Return a dataset's document, with its terms."""
        entry_with = partial(
            text.entry_of, analyze_dataset(dataset_info), dataset_info.get("manifest")
        )
        entry = entry_with(text.MOST_TERMS)
        return _Prepared(
            {**head_of(dataset_info), "search": entry},
            # It holds on to the manifest.
            entry_with if len(entry["terms"]) > _CUTS[-1] else None,
        )

    def register_prepared(self, datasets: Mapping[str, _Prepared]) -> None:
        """Index datasets; of a very large one not every term of its manifest.

        :raises StoreUnavailableError: if MongoDB does not answer
        :raises ValidationError: for a dataset that MongoDB cannot hold at all
        """
        documents = {uri: prepared.document for uri, prepared in datasets.items()}
        try:
            self.store.put(documents, "search")
        except TooLargeError:
            # Whichever it is.
            for uri, prepared in datasets.items():
                documents[uri] = self._put_what_fits(uri, prepared)
        _tell_of_cuts(documents)

    def takes_along(self, other: Any) -> bool:
        """Return whether another plugin keeps contents in the same documents."""
        return isinstance(other, MongoRetrieve) and self.store.is_same_as(other.store)

    def register_both(
        self,
        datasets: Mapping[str, _Prepared],
        other: MongoRetrieve,
        contents: Mapping[str, Document],
    ) -> None:
        """Index datasets and keep their contents, in one write.

        :raises StoreUnavailableError: if MongoDB does not answer
        :raises ValidationError: for a dataset that MongoDB cannot hold at all
        """
        kept = other.with_files(contents)
        documents = {
            uri: {**kept[uri], **prepared.document}
            for uri, prepared in datasets.items()
        }
        try:
            other.put(documents, "search")
        except TooLargeError:
            other.put(kept)
            self.register_prepared(datasets)
        else:
            _tell_of_cuts(documents)

    def _put_what_fits(self, uri: str, prepared: _Prepared) -> Document:
        """Index a dataset with as many terms as MongoDB takes; return its document."""
        for document in prepared.ever_smaller():
            with suppress(TooLargeError):
                self.store.put({uri: document}, "search")
                return document
        raise ValidationError("MongoDB cannot hold this dataset's search entry")

    def delete_dataset(self, uri: str) -> None:
        """Forget a dataset."""
        self.store.remove(uri, "search")

    def holds(self, dataset_info: DatasetInfo) -> bool:
        """Return whether a dataset is indexed as register_dataset does it."""
        held = self.store.get(dataset_info["uri"], "search", *HEAD)
        if held is None or any(held.get(k) != dataset_info.get(k) for k in HEAD):
            return False
        entry = held.get("search", {})
        kept = len(entry.get("terms", ())) + entry.get("cut", 0)
        analyzed = analyze_dataset(dataset_info)
        wanted = text.entry_of(analyzed, dataset_info.get("manifest"))
        if entry.get("cut") != wanted["cut"]:
            # MongoDB took less of it than we would have stored.
            return kept == len(wanted["terms"]) + wanted["cut"]
        return bool(entry == wanted)

    def list_uris(self, base_uri: str) -> Iterator[str]:
        """Yield the URIs of the datasets of a base URI that are indexed."""
        return self.store.uris(base_uri, "search")

    def tidy(self) -> None:
        """Unite the documents that 0.18 kept twice, and drop its index of all text."""
        self.store.unite()
        self.store.drop_index(TEXT_INDEX_OF_0_18)

    def search(self, query: Query) -> list[dict[str, Any]]:
        """Return every dataset that a query finds, as 0.18's plugin does.

        :returns: their administrative metadata and tags; the best first
        """
        collection = self.store.collection()
        find, wanted = _filter(query), _text_query(query)
        with self.store.answering():
            total = collection.count_documents(find)
            order = _order(query, wanted, total, None)
            found = collection.aggregate(_pipeline(find, wanted, order, _HEAD))
            return [_as_row(document) for document in found]

    def search_page(
        self,
        query: Query,
        *,
        offset: int,
        limit: int,
        sort: Mapping[str, int] | None = None,
    ) -> Hits:
        """Return one page of what a query finds.

        :param sort: fields and directions; None for the order of relevance or, where
            there are more than MOST_RANKED hits, the newest first
        """
        collection = self.store.collection()
        find, wanted = _filter(query), _text_query(query)
        with self.store.answering():
            order = _order(query, wanted, _FEW, sort)
            found = collection.aggregate(_pipeline(find, wanted, order, _URI, _FEW + 1))
            few = [document["uri"] for document in found]
            if len(few) <= _FEW:
                return Hits(few[offset : offset + limit], len(few))
            total = collection.count_documents(find)
            if offset >= total:
                return Hits([], total)
            order = _order(query, wanted, total, sort)
            pipeline = _pipeline(find, wanted, order, _URI)
            page = collection.aggregate(
                [*pipeline, {"$skip": offset}, {"$limit": limit}]
            )
            return Hits([document["uri"] for document in page], total)

    def lookup_uris(self, uuid: str, base_uris: list[str]) -> list[dict[str, Any]]:
        """Return the rows, as search does, of each place that holds a UUID."""
        return self.search({"uuids": [uuid], "base_uris": base_uris})

    def answers(self, tree: Node) -> bool:
        """Return whether all that a tree asks is in the head or the terms."""
        return fields.knows(tree)

    def check_health(self) -> None:
        """Return if MongoDB answers."""
        self.store.check_health()


def _tell_of_cuts(documents: Mapping[str, Document]) -> None:
    for uri, document in documents.items():
        if cut := document["search"]["cut"]:
            _log.warning(
                "%s: its search entry is too large for MongoDB: %d of %d terms"
                " were cut",
                uri,
                cut,
                cut + len(document["search"]["terms"]),
            )


def _text_query(query: Query) -> TextQuery | None:
    """Return the text that says which hits are the best."""
    for part in parts_of(query["tree"]) if "tree" in query else ():
        if isinstance(part, TextQuery):
            return with_labels(part)
    free_text = query.get("free_text")
    return parse(free_text) if free_text else None


def _filter(query: Query) -> Document:
    """Return what a query asks, as a filter of documents."""
    find: Document = {}
    if "base_uris" in query:
        find["base_uri"] = {"$in": list(query["base_uris"])}
    if "creator_usernames" in query:
        find["creator_username"] = {"$in": list(query["creator_usernames"])}
    if "uuids" in query:
        uuids = [spelling for uuid in query["uuids"] for spelling in spellings(uuid)]
        find["uuid"] = {"$in": uuids}
    if tags := query.get("tags"):
        find["tags"] = {"$all": list(tags)}
    if "tree" in query:
        return {"$and": [find, fields.matching(query["tree"])]}
    wanted = _text_query(query)
    return {"$and": [find, text.matching(wanted)]} if wanted else find


def _order(
    query: Query,
    wanted: TextQuery | None,
    total: int,
    sort: Mapping[str, int] | None,
) -> Mapping[str, int]:
    if sort:
        return {**sort, "uri": sort.get("uri", 1)}
    if wanted and wanted.groups and total <= MOST_RANKED:
        return {"relevance": -1, **_NEWEST_FIRST}
    places = query.get("base_uris", ())
    if wanted and text.is_one_term(wanted) and 0 < len(places) <= _MOST_MERGED:
        return _AS_INDEXED
    return _NEWEST_FIRST


def _pipeline(
    find: Document,
    wanted: TextQuery | None,
    order: Mapping[str, int],
    fields: Document,
    most: int | None = None,
) -> list[Document]:
    """Return the stages that find documents, sort them and keep some fields.

    :param most: number of documents that are looked at, whichever they are
    """
    stages: list[Document] = [{"$match": find}]
    if most is not None:
        stages.append({"$limit": most})
    if wanted and "relevance" in order:
        stages.append({"$addFields": {"relevance": text.relevance(wanted)}})
    return [*stages, {"$sort": dict(order)}, {"$project": fields}]


def _as_row(document: Document) -> dict[str, Any]:
    row: Document = {key: document.get(key) for key in ("uri", *HEAD)}
    row["uuid"] = str(row["uuid"])
    row["tags"] = row["tags"] or []
    for key in ("frozen_at", "created_at"):
        if isinstance(row[key], datetime):  # as 0.18 stored it
            row[key] = row[key].replace(tzinfo=UTC).timestamp()
    return row
