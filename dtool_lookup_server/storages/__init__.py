"""Storages of datasets, as indexing reads them.

dtoolcore looks at one dataset at a time and begins anew with each: it searches for its
storage brokers three times, and dtool-s3 makes nine clients. So a kind of storage that
is common has a small module here. It lists a whole base URI by reading as little as it
can, and says what tells whether a dataset has changed since it was read. What is in a
dataset is read by the brokers of dtoolcore everywhere, and all other kinds of storage
are left to them altogether.
"""

from importlib.metadata import entry_points
from typing import Any

from dtoolcore.utils import generous_parse_uri, sanitise_uri

from .folder import Folder
from .interface import Found, Storage
from .s3 import Bucket

__all__ = ["Found", "Storage", "storage_of"]

# Scheme and kind, by where the broker is: that of somebody else may keep its datasets
# in another way.
_KINDS: dict[str, tuple[str, type[Storage]]] = {
    "dtoolcore.storagebroker:DiskStorageBroker": ("file", Folder),
    "dtool_s3.storagebroker:S3StorageBroker": ("s3", Bucket),
}


def storage_of(base_uri: str) -> Storage:
    """Return the storage that a base URI is.

    :param base_uri: one that dtoolcore can read
    :raises KeyError: if no broker of its scheme is installed
    """
    scheme = generous_parse_uri(sanitise_uri(base_uri)).scheme
    broker, kind = _brokers_of(scheme)[scheme]
    return kind(base_uri, broker)


def _brokers_of(scheme: str) -> dict[str, tuple[Any, type[Storage]]]:
    """Return the brokers that may be a scheme's, with their kinds, by their schemes.

    As dtoolcore has them, but for those known to be another scheme's: one for a cloud
    takes longer to be loaded than thousands of datasets in a folder to be listed.
    """
    brokers = {}
    for entry_point in entry_points(group="dtool.storage_brokers"):
        known, kind = _KINDS.get(entry_point.value, (scheme, Storage))
        if known == scheme:
            broker = entry_point.load()
            brokers[broker.key] = broker, kind
    return brokers
