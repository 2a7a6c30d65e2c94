"""The retrieve plugin for MongoDB: READMEs, manifests and annotations of any size.

They are kept as compressed JSON, which has any key and any number, beside the head of
a dataset's document; what is large goes to GridFS. Documents of 0.18, which hold
them as fields of their own, are read as they are.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from bson import ObjectId
from flask import Flask
from gridfs import GridFSBucket
from gridfs.errors import NoFile

from ...errors import StoreUnavailableError, UnknownURIError
from ..interfaces import DatasetInfo, GroupingABC, RetrieveABC
from ..packing import pack_json, pack_text, unpack_json, unpack_text
from . import settings
from .store import HEAD, Document, Store, head_of

#: Bytes, compressed, above which something is kept in GridFS.
MOST_INLINE = 256 * 1024

_ATTEMPTS = 3


class MongoRetrieve(GroupingABC, RetrieveABC):
    """Keeps what datasets hold in a MongoDB collection, with GridFS beside it."""

    shares_sql_transaction = False
    keeps_all = True

    def __init__(self) -> None:
        self.store = Store(settings.RETRIEVE)

    def get_config(self) -> Any:
        """Return the settings RETRIEVE_MONGO_..., from the environment."""
        return settings.read(settings.RETRIEVE, os.environ)

    def get_config_secrets_to_obfuscate(self) -> list[str]:
        """Return RETRIEVE_MONGO_URI, which may hold a password."""
        return settings.secrets_of(settings.RETRIEVE)

    def init_app(self, app: Flask, *args: Any, **kwargs: Any) -> None:
        """Take the settings and, if MongoDB answers, make the indexes."""
        self.store.init_app(app)

    def prepare_dataset(self, dataset_info: DatasetInfo) -> Document:
        """Return a dataset's document, with the contents compressed.

        :raises ValidationError: where JSON cannot hold what is in it
        """
        packed = {
            "readme": pack_text(dataset_info.get("readme") or ""),
            "manifest": pack_json(dataset_info.get("manifest") or {}),
            "annotations": pack_json(dataset_info.get("annotations") or {}),
        }
        return {**head_of(dataset_info), "content": packed}

    def register_prepared(self, datasets: Mapping[str, Document]) -> None:
        """Keep the contents of datasets.

        :raises StoreUnavailableError: if MongoDB does not answer
        """
        self.put(self.with_files(datasets))

    def with_files(self, datasets: Mapping[str, Document]) -> dict[str, Document]:
        """Return the documents of datasets, when the files are kept that they name."""
        return {
            uri: {**document, "content": self._keep(uri, document["content"])}
            for uri, document in datasets.items()
        }

    def put(self, documents: Mapping[str, Document], *others: str) -> None:
        """Keep documents, and no files that they do not name.

        :param documents: by URI, as with_files() returns them
        :param others: the parts that are not the contents, and are in them too
        """
        if self.store.put(documents, "content", *others):
            self._drop_files(documents)

    def delete_dataset(self, uri: str) -> None:
        """Forget the contents of a dataset."""
        self.store.remove(uri, "content")
        self._drop_files({uri: {}})

    def list_uris(self, base_uri: str) -> Iterator[str]:
        """Yield the URIs of the datasets of a base URI whose contents are kept."""
        return self.store.uris(base_uri, "content")

    def holds(self, dataset_info: DatasetInfo) -> bool:
        """Return whether the contents are kept as register_dataset does it."""
        held = self.store.get(dataset_info["uri"], "content", *HEAD)
        if held is None or "content" not in held:
            return False
        return all(held.get(key) == dataset_info.get(key) for key in HEAD)

    def tidy(self) -> None:
        """Unite the documents that 0.18 kept twice."""
        self.store.unite()

    def get_readme(self, uri: str) -> str:
        """Return a README as it was registered.

        :raises UnknownURIError: if there is no dataset at this URI
        """
        stored = self._stored(uri, "readme")
        return unpack_text(stored) if isinstance(stored, bytes) else stored

    def get_manifest(self, uri: str) -> dict[str, Any]:
        """Return a manifest as a dictionary.

        :raises UnknownURIError: if there is no dataset at this URI
        """
        return json.loads(self.get_manifest_json(uri))

    def get_annotations(self, uri: str) -> dict[str, Any]:
        """Return annotations as a dictionary.

        :raises UnknownURIError: if there is no dataset at this URI
        """
        return json.loads(self.get_annotations_json(uri))

    def get_manifest_json(self, uri: str) -> bytes:
        """Return a manifest as JSON, to be sent on without being parsed.

        :raises UnknownURIError: if there is no dataset at this URI
        """
        return self._stored_json(uri, "manifest")

    def get_annotations_json(self, uri: str) -> bytes:
        """Return annotations as JSON, to be sent on without being parsed.

        :raises UnknownURIError: if there is no dataset at this URI
        """
        return self._stored_json(uri, "annotations")

    def get_tags(self, uri: str) -> list[str]:
        """Return the tags of a dataset, which 0.18 kept here alone.

        :raises UnknownURIError: if there is no dataset at this URI
        """
        document = self.store.get(uri, "tags")
        if document is None:
            raise UnknownURIError(f"no dataset at {uri}")
        return document.get("tags") or []

    def check_health(self) -> None:
        """Return if MongoDB answers."""
        self.store.check_health()

    def _stored_json(self, uri: str, part: str) -> bytes:
        stored = self._stored(uri, part)
        if isinstance(stored, bytes):
            return unpack_json(stored)
        return json.dumps(stored, separators=(",", ":")).encode()

    def _stored(self, uri: str, part: str) -> Any:
        """Return a part as it is packed, or as 0.18 stored it."""
        for _attempt in range(_ATTEMPTS):
            document = self.store.get(uri, f"content.{part}", part)
            content = (document or {}).get("content")
            if not content:
                break
            try:
                return self._fetch(content[part])
            except NoFile:  # replaced since we read the document
                continue
        else:
            raise StoreUnavailableError(f"The {part} of {uri} is damaged: reindex it")
        if document is None or part not in document:
            raise UnknownURIError(f"no dataset at {uri}")
        return document[part]

    def _keep(self, uri: str, packed: Mapping[str, bytes]) -> Document:
        """Return what stands for contents in a document: they, or their files' ids."""
        content: Document = dict(packed)
        for part, data in packed.items():
            if len(data) > MOST_INLINE:
                with self.store.answering():
                    content[part] = self._bucket().upload_from_stream(uri, data)
        return content

    def _fetch(self, kept: Any) -> bytes:
        if not isinstance(kept, ObjectId):
            return bytes(kept)
        with self.store.answering():
            return self._bucket().open_download_stream(kept).read()

    def _drop_files(self, documents: Mapping[str, Document]) -> None:
        """Remove the files of datasets that their documents do not name.

        :param documents: by URI, as they are now
        """
        kept = [
            part
            for document in documents.values()
            for part in document.get("content", {}).values()
            if isinstance(part, ObjectId)
        ]
        others = {"filename": {"$in": [*documents]}, "_id": {"$nin": kept}}
        bucket = self._bucket()
        with self.store.answering():
            spare = [file._id for file in bucket.find(others)]
        for file_id in spare:
            # Whoever else replaced it was faster.
            with suppress(NoFile), self.store.answering():
                bucket.delete(file_id)

    def _bucket(self) -> GridFSBucket:
        collection = self.store.collection()
        return GridFSBucket(collection.database, f"{collection.name}.content")
