"""Storages of datasets, as indexing reads them.

dtoolcore looks at one dataset at a time and begins anew with each: it searches for its
storage brokers three times, and dtool-s3 makes nine clients. So a kind of storage that
is common has a small module here. It lists a whole base URI by reading as little as it
can, and says what tells whether a dataset has changed since it was read. What is in a
dataset is read by the brokers of dtoolcore everywhere, and all other kinds of storage
are left to them altogether.
"""

import dtoolcore
from dtoolcore.utils import generous_parse_uri, sanitise_uri

from .folder import Folder
from .interface import Found, Storage
from .s3 import Bucket

__all__ = ["Found", "Storage", "storage_of"]

# By the module and the name of the broker: that of somebody else may keep its datasets
# in another way.
_KINDS: dict[tuple[str, str], type[Storage]] = {
    ("dtoolcore.storagebroker", "DiskStorageBroker"): Folder,
    ("dtool_s3.storagebroker", "S3StorageBroker"): Bucket,
}


def storage_of(base_uri: str) -> Storage:
    """Return the storage that a base URI is.

    :param base_uri: one that dtoolcore can read
    :raises KeyError: if no broker of its scheme is installed
    """
    scheme = generous_parse_uri(sanitise_uri(base_uri)).scheme
    broker = dtoolcore._generate_storage_broker_lookup()[scheme]
    kind = _KINDS.get((broker.__module__, broker.__qualname__), Storage)
    return kind(base_uri, broker)
