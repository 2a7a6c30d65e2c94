"""A collection of datasets in MongoDB: its connection, its indexes, its documents.

There is one document for each URI, and the search and retrieve plugins may share it:
each sets its own part of it beside the *head*, which is a dataset's administrative
metadata. Documents of 0.18 are such documents too, without these parts.
"""

import logging
import os
import weakref
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any
from uuid import UUID

import pymongo
from bson import Binary
from flask import Flask
from gridfs.errors import NoFile
from pymongo import ASCENDING, DESCENDING, MongoClient
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import (
    BulkWriteError,
    ConfigurationError,
    DocumentTooLarge,
    InvalidName,
    InvalidURI,
    OperationFailure,
    PyMongoError,
)
from pymongo.operations import IndexModel, UpdateOne

from ... import deadlines
from ...errors import (
    PluginError,
    StoreFullError,
    StoreUnavailableError,
    ValidationError,
)
from ..interfaces import DatasetInfo
from . import settings

Document = dict[str, Any]

# The name of an index, its fields with their directions, and whether it is unique.
_Index = tuple[str, list[tuple[str, Any]], bool]

#: What of a dataset info stands in the head of its document.
HEAD = (
    "uuid",
    "base_uri",
    "name",
    "type",
    "creator_username",
    "frozen_at",
    "created_at",
    "tags",
    "dtoolcore_version",
    "number_of_items",
    "size_in_bytes",
)

#: The index that keeps a URI from having two documents.
UNIQUE = IndexModel([("uri", ASCENDING)], name="uri", unique=True)

INDEXES = (
    IndexModel([("uuid", ASCENDING)], name="uuid"),
    IndexModel([("base_uri", ASCENDING), ("frozen_at", DESCENDING)], name="base_uri"),
)

#: The parts that the plugins set, with the fields that 0.18 had in place of each.
PARTS = {
    "search": ("search",),
    "content": ("content", "readme", "manifest", "annotations"),
}

# Which of our own parts a document has.
_KEPT = {part: {"$ne": [{"$type": f"${part}"}, "missing"]} for part in PARTS}

# The settings that say which collection it is.
_PLACE = ("URI", "DB", "COLLECTION")

# Seconds that the end of a process may wait for MongoDB.
_LONGEST_GOODBYE = 1

#: Number of documents that are listed at once.
BATCH = 1000

_DUPLICATE = 11000

# MongoDB's numbers (its error_codes.yml) for a document that grows too large, and
# for one whose index entries do not fit the cache in one transaction.
_TOO_LARGE = {10334, 17280, 17419, 17420, 388, 339}

# The same of a write where there is no room.
_FULL = {14031}

_log = logging.getLogger(__name__)


class TooLargeError(ValidationError):
    """MongoDB refused a document for its size."""


class Store:
    """A collection, connected when it is first used, in each process anew.

    :param kind: settings.SEARCH or settings.RETRIEVE
    :param indexes: indexes that are made beside those of every collection
    """

    def __init__(self, kind: str, indexes: tuple[IndexModel, ...] = ()):
        self._kind = kind
        self._indexes = (*INDEXES, *indexes)
        self._settings: dict[str, Any] = {}
        self._client: MongoClient[Document] | None = None
        self._process = 0
        self._prepared = False

    def init_app(self, app: Flask) -> None:
        """Take the settings, and make the indexes if MongoDB answers now.

        :raises ConfigurationError: for a setting that MongoDB's client refuses
        """
        values = {
            setting.name: app.config.get(setting.name, setting.default)
            for setting in settings.settings_of(self._kind)
        }
        self._settings = {
            name.removeprefix(f"{self._kind}_MONGO_"): value
            for name, value in values.items()
        }
        self._client = None
        try:
            self._collection()
        except (ConfigurationError, InvalidName, InvalidURI, ValueError) as error:
            # The URI may hold a password, and the error the URI.
            raise PluginError(
                f"Setting {self._kind}_MONGO_URI, _DB or _COLLECTION cannot be used:"
                f" {type(error).__name__}"
            ) from None
        try:
            self.collection()
        except StoreUnavailableError as error:
            _log.warning("%s Its indexes are made when it answers.", error)

    def collection(self) -> Collection[Document]:
        """Return the collection, with its indexes.

        :raises StoreUnavailableError: if MongoDB does not answer
        """
        collection = self._collection()
        if not self._prepared:
            with self.answering():
                self.make_indexes()
            self._prepared = True
        return collection

    def database(self) -> Database[Document]:
        """Return the collection's database."""
        return self._collection().database

    @contextmanager
    def answering(self, limited: bool = True) -> Iterator[None]:
        """Limit what is done within to the timeout.

        :param limited: False for what may take longer, and only must be answered
        :raises StoreUnavailableError: if MongoDB does not do it in this time
        :raises TooLargeError: for a document that it cannot take
        """
        try:
            with pymongo.timeout(self._longest(limited)):
                yield
        except NoFile:
            raise
        except (DocumentTooLarge, PyMongoError) as error:
            if deadlines.is_over():
                raise deadlines.too_late() from error
            codes = _codes_of(error)
            if codes & _TOO_LARGE or isinstance(error, DocumentTooLarge):
                raise TooLargeError from error
            name = self._kind.lower()
            if codes & _FULL:
                raise StoreFullError(
                    f"The {name} plugin's MongoDB has no room on its disk"
                ) from error
            _log.error("MongoDB of the %s plugin: %s", name, type(error).__name__)
            raise StoreUnavailableError(
                f"The {name} plugin's MongoDB does not answer"
                f" ({type(error).__name__}): try again later."
            ) from error

    def _longest(self, limited: bool) -> float | None:
        """Return the seconds that something may take; None for any number."""
        seconds = (
            float(self._settings["TIMEOUT"]) if limited else None,
            deadlines.remaining(),
        )
        return min((limit for limit in seconds if limit is not None), default=None)

    def make_indexes(self) -> None:
        """Make the indexes that are not there."""
        collection = self._collection()
        there = [_what_it_is(known) for known in collection.list_indexes()]
        _make(collection, _missing(self._indexes, there))
        try:
            _make(collection, _missing([UNIQUE], there))
        except OperationFailure as error:
            if error.code != _DUPLICATE:
                raise
            _log.warning(
                "Collection %s has a dataset of 0.18 in two documents:"
                " run `flask dataset reindex`",
                collection.name,
            )

    def is_same_as(self, other: "Store") -> bool:
        """Return whether another store has the same documents."""
        return all(self._settings[key] == other._settings[key] for key in _PLACE)

    def put(self, documents: Mapping[str, Document], *parts: str) -> bool:
        """Set parts and the head of datasets' documents, each document at once.

        Where one cannot be set, some of the others are.

        :param documents: by URI: the head, and the parts by their names
        :param parts: of PARTS
        :returns: whether one of them was there before
        """
        fields = (name for part in parts for name in PARTS[part])
        replaced = dict.fromkeys((name for name in fields if name not in parts), "")
        taken = {"$unset": replaced} if replaced else {}
        changes = [
            UpdateOne({"uri": uri}, {"$set": document, **taken}, upsert=True)
            for uri, document in documents.items()
        ]
        collection = self.collection()
        with self.answering():
            return collection.bulk_write(changes, ordered=False).matched_count > 0

    def get(self, uri: str, *fields: str) -> Document | None:
        """Return some fields of a dataset's document, or None where there is none."""
        collection = self.collection()
        with self.answering():
            # Of two documents of 0.18 one that is mended, else the newer one.
            best = [("content", DESCENDING), ("_id", DESCENDING)]
            return collection.find_one({"uri": uri}, list(fields), sort=best)

    def remove(self, uri: str, part: str) -> None:
        """Take a part out of a document, and all of it if no other is left."""
        others = [field for name in PARTS if name != part for field in PARTS[name]]
        taken = dict.fromkeys(PARTS[part], "")
        empty = {field: {"$exists": False} for field in others}
        collection = self.collection()
        with self.answering():
            collection.update_one({"uri": uri}, {"$unset": taken})
            collection.delete_many({"uri": uri, **empty})

    def uris(self, base_uri: str, part: str) -> Iterator[str]:
        """Yield the URI of each document in a base URI that has a part, in order."""
        held = [{field: {"$exists": True}} for field in PARTS[part]]
        collection = self.collection()
        last = ""
        while True:
            find = {"base_uri": base_uri, "uri": {"$gt": last}, "$or": held}
            with self.answering():
                page = collection.find(find, ["uri"]).sort("uri").limit(BATCH)
                found = [document["uri"] for document in page]
            yield from found
            if len(found) < BATCH:
                return
            last = found[-1]

    def unite(self) -> None:
        """Remove what 0.18 kept of a dataset in a second document.

        Takes as long as it takes: every document is looked at, unless the index says
        that no URI is there twice.
        """
        collection = self.collection()
        with self.answering(limited=False):
            if UNIQUE.document["name"] in collection.index_information():
                return
            twice = collection.aggregate(
                [
                    {"$project": {"uri": 1, **_KEPT}},
                    {"$sort": {"content": -1, "search": -1, "_id": -1}},
                    {"$group": {"_id": "$uri", "documents": {"$push": "$_id"}}},
                    {"$match": {"documents.1": {"$exists": True}}},
                ],
                allowDiskUse=True,
            )
            for document in twice:
                spare = {"_id": {"$in": document["documents"][1:]}}
                collection.delete_many(spare)
            self.make_indexes()

    def drop_index(self, name: str) -> None:
        """Remove an index, if it is there."""
        collection = self.collection()
        with self.answering():
            if name in collection.index_information():
                collection.drop_index(name)

    def check_health(self) -> None:
        """Return if the collection can be read.

        :raises StoreUnavailableError: if not
        """
        collection = self.collection()
        with self.answering():
            collection.find_one({}, ["uri"])

    def _collection(self) -> Collection[Document]:
        # A connection must not be used on both sides of a fork.
        if self._client is None or self._process != os.getpid():
            self._client = self._connect()
            self._process = os.getpid()
            weakref.finalize(self, _close, self._client, self._process)
            self._prepared = False
        return self._client[self._settings["DB"]][self._settings["COLLECTION"]]

    def _connect(self) -> MongoClient[Document]:
        milliseconds = 1000 * int(self._settings["TIMEOUT"])
        return MongoClient(
            self._settings["URI"],
            appname="dtool-lookup-server",
            maxPoolSize=int(self._settings["POOL_SIZE"]),
            serverSelectionTimeoutMS=milliseconds,
            connectTimeoutMS=milliseconds,
            waitQueueTimeoutMS=milliseconds,
            uuidRepresentation="standard",
            # What was acknowledged survives the loss of a replica set's primary.
            w="majority",
        )


def _missing(indexes: Iterable[IndexModel], there: list[_Index]) -> list[IndexModel]:
    """Return the indexes that are not there, however those that are are stored."""
    return [index for index in indexes if _what_it_is(index.document) not in there]


def _make(collection: Collection[Document], indexes: list[IndexModel]) -> None:
    if not indexes:
        return
    try:
        collection.create_indexes(indexes)
    except OperationFailure:
        if not any(map(_names_storage, indexes)):
            raise
        # What takes MongoDB's commands may store indexes otherwise than WiredTiger.
        collection.create_indexes([*map(_stored_anyhow, indexes)])


def _what_it_is(index: Mapping[str, Any]) -> _Index:
    return index["name"], [*index["key"].items()], index.get("unique", False)


def _names_storage(index: IndexModel) -> bool:
    return "storageEngine" in index.document


def _stored_anyhow(index: IndexModel) -> IndexModel:
    options = dict(index.document)
    options.pop("storageEngine", None)
    return IndexModel(options.pop("key"), **options)


def _codes_of(error: Exception) -> set[int | None]:
    """Return MongoDB's numbers of what went wrong, with all of a group."""
    codes = {getattr(error, "code", None)}
    if isinstance(error, BulkWriteError):
        codes |= {one["code"] for one in (error.details or {})["writeErrors"]}
    return codes


def head_of(info: DatasetInfo) -> Document:
    """Return the head of a dataset's document."""
    return {key: info.get(key) for key in HEAD}


def _close(client: MongoClient[Document], process: int) -> None:
    # After a fork the connections are still the other process's.
    if os.getpid() == process:
        # In a context of its own: the garbage collector may come while a variable of
        # the present one is set, and Python 3.11 crashes where another is set then.
        copy_context().run(_say_goodbye, client)


def _say_goodbye(client: MongoClient[Document]) -> None:
    # It tells the server, and waits for one that is away as for any other answer.
    with pymongo.timeout(_LONGEST_GOODBYE):
        client.close()


def spellings(uuid: Any) -> list[Any]:
    """Return a UUID as we store it and as 0.18 did, in lower case and in binary."""
    text = str(uuid).lower()
    try:
        return [text, Binary.from_uuid(UUID(text))]
    except ValueError:
        return [text]
