"""What indexing asks of a storage; here by dtoolcore's means alone."""

from hashlib import blake2b
from typing import Any, NamedTuple

import dtoolcore
from dtoolcore.utils import DEFAULT_CONFIG_PATH, sanitise_uri

# Raised whenever something else is read out of the same files.
_READING = 1


class Found(NamedTuple):
    """A dataset, frozen or not, that a storage has.

    :param fingerprint: what changes when something of it does that is registered; None
        where only reading it can tell
    :param size: of what is to be read, in bytes, as far as it is known
    """

    uri: str
    fingerprint: str | None = None
    size: int = 0


class StoredDataset(dtoolcore.DataSet):
    """A dataset that is read by a broker that is there already."""

    def __init__(self, uri: str, admin_metadata: dict[str, Any], broker: Any):
        self._uri = uri
        self._admin_metadata = admin_metadata
        self._storage_broker = broker
        self._manifest_cache = None

    def get_annotation(self, annotation_name: str) -> Any:
        """Return an annotation; dtoolcore would list all of them once more."""
        return self._storage_broker.get_annotation(annotation_name)


class Storage:
    """A base URI of any kind, which is read by dtoolcore, one dataset at a time.

    What a method raises, beside what it names, is up to the storage.

    :param base_uri: as dtoolcore takes it
    :param broker: dtoolcore's class for such a storage
    """

    #: How many datasets are read at once: of a storage that we know nothing of, one.
    jobs = 1

    def __init__(self, base_uri: str, broker: Any):
        self.base_uri = base_uri
        self._broker = broker

    def find(self) -> list[Found]:
        """Return the datasets, frozen or not, that are there, sorted by URI."""
        uris = self._broker.list_dataset_uris(self.base_uri, DEFAULT_CONFIG_PATH)
        return [Found(uri) for uri in sorted(uris)]

    def open(self, uri: str) -> StoredDataset:
        """Return a dataset; may be called by several threads at once.

        :raises DtoolCoreTypeError: if there is none, or one that is not frozen
        """
        uri = sanitise_uri(uri)
        broker = self._broker(uri, None)
        metadata = self._metadata_of(broker)
        if metadata is None or metadata["type"] != "dataset":
            raise dtoolcore.DtoolCoreTypeError(f"{uri} is not a dataset")
        return StoredDataset(uri, metadata, broker)

    def holds(self, uri: str) -> bool:
        """Return whether a dataset is there, frozen or not, which find missed."""
        return self._metadata_of(self._broker(sanitise_uri(uri), None)) is not None

    def _metadata_of(self, broker: Any) -> dict[str, Any] | None:
        """Return what makes a dataset one, or None."""
        if not broker.has_admin_metadata():
            return None
        return broker.get_admin_metadata()


def digest(*parts: Any) -> int:
    """Return 16 bytes, as a number, that are others when a part is.

    :param parts: text, numbers, and lists and tuples of such
    """
    what = repr((_READING, dtoolcore.__version__, *parts))
    return int.from_bytes(
        blake2b(what.encode("utf-8", "replace"), digest_size=16).digest()
    )
