"""S3: one listing of the bucket, and clients that are kept.

dtool-s3 keeps a dataset in objects named PREFIX UUID/..., and an object dtool-UUID,
whose content is the prefix, at the top of the bucket. The listing has the ETag, the
size and the time of every object, and so the fingerprint of every dataset. It leaves
out the items of each dataset, which may be millions, by going on behind them.
"""

import re
import threading
from collections import defaultdict
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

from dtoolcore.utils import generous_parse_uri

from .interface import Found, Storage, digest

_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_MARK = re.compile(r"dtool-(.+)", re.DOTALL)
_OF_DATASET = re.compile(rf"({_UUID})/")
_ITEM = re.compile(rf"(.*{_UUID}/data/)[^/]*", re.DOTALL)
_PLAIN = re.compile(_UUID)
_METADATA = "/dtool"

# Objects in one answer of a listing, which are as many as S3 gives.
_PAGE = 1000

# An item is named by a digest in hexadecimal, which is before this in any order.
_BEHIND_ITEMS = "~"

_NOT_THERE = {"404", "NoSuchKey", "NotFound"}

# Making clients is not safe in several threads at once.
_making_clients = threading.Lock()


class Bucket(Storage):
    """A bucket that dtool-s3 reads, with clients that it makes once for each thread."""

    # Each mostly waits for the answers to a handful of requests.
    jobs = 8

    def __init__(self, base_uri: str, broker: Any):
        self._name = generous_parse_uri(base_uri).netloc
        self._makes_clients = broker
        self._kept = threading.local()
        clients = staticmethod(lambda _bucket_name: self._clients())
        kept = {"_get_resource_and_client": clients}
        super().__init__(base_uri, type(broker.__name__, (broker,), kept))

    def find(self) -> list[Found]:
        """Return the datasets, frozen or not, that are there, sorted by URI."""
        marks: dict[str, int] = {}
        # A sum, for which the order does not count.
        sums: defaultdict[str, int] = defaultdict(int)
        sizes: defaultdict[str, int] = defaultdict(int)
        datasets = set()
        reader = f"dtool-s3 {version('dtool-s3')}"
        for item in self._objects():
            key, size = item["Key"], item["Size"]
            if _ITEM.fullmatch(key):
                continue
            changed = digest(reader, key, item["ETag"], size, str(item["LastModified"]))
            if mark := _MARK.fullmatch(key):
                marks[mark[1]] = changed
            for uuid in set(_OF_DATASET.findall(key)):
                sums[uuid] += changed
                sizes[uuid] += size
                if key.endswith(uuid + _METADATA):
                    datasets.add(uuid)
        found = []
        for uuid, changed in marks.items():
            uri = self._broker.generate_uri(None, uuid, self.base_uri)
            if uuid in datasets:
                fingerprint = f"{(sums[uuid] + changed) % 2**128:032x}"
                found.append(Found(uri, fingerprint, sizes[uuid]))
            elif not _PLAIN.fullmatch(uuid) and self.holds(uri):
                found.append(Found(uri))
        return sorted(found)

    def _objects(self) -> Iterator[dict[str, Any]]:
        """Yield the bucket's objects in order, but not all items of datasets."""
        _resource, client, _unsigned = self._clients()
        marker, more = "", True
        while more:
            # The first version of this request, which dtool-s3 itself relies on.
            page = client.list_objects(Bucket=self._name, Marker=marker, MaxKeys=_PAGE)
            objects = page.get("Contents", [])
            yield from objects
            more = page["IsTruncated"] and bool(objects)
            if more:
                last = objects[-1]["Key"]
                if last <= marker:
                    raise OSError("the listing of the bucket does not go on")
                item = _ITEM.fullmatch(last)
                marker = item[1] + _BEHIND_ITEMS if item else last

    def holds(self, uri: str) -> bool:
        """Return whether a dataset is there; raises where the bucket does not say."""
        _resource, client, _unsigned = self._clients()
        mark = f"dtool-{uri.rpartition('/')[2]}"
        try:
            client.head_object(Bucket=self._name, Key=mark)
        except Exception as error:
            if _is_not_there(error):
                return False
            raise
        return super().holds(uri)

    def _metadata_of(self, broker: Any) -> dict[str, Any] | None:
        try:
            return broker.get_admin_metadata()
        except Exception as error:
            if _is_not_there(error):
                return None
            raise

    def _clients(self) -> Any:
        """Return resource, client and unsigned client of this thread."""
        if not hasattr(self._kept, "clients"):
            with _making_clients:
                made = self._makes_clients._get_resource_and_client(self._name)
            self._kept.clients = made
        return self._kept.clients


def _is_not_there(error: Exception) -> bool:
    """Return whether a request failed since there is no such object."""
    answer = getattr(error, "response", None) or {}
    return answer.get("Error", {}).get("Code") in _NOT_THERE
