"""Folders: one pass through the directories, without opening a file.

What tells that a file is another one is what `stat` says of it: size, times and inode.
A time alone does not say it of a file that was written a moment ago, since it may be
written once more within the same tick of the file system's clock.
"""

import os
import re
import stat
import time
from collections.abc import Iterator
from typing import Any

from dtoolcore.utils import generous_parse_uri

from .interface import Found, Storage, digest

#: Nanoseconds after which a file's time tells it from what is written from now on; two
#: seconds are the coarsest clock of a file system.
SETTLED = 2 * 10**9

# The file that makes a folder a dataset.
_MARKER = ".dtool/dtool"

# dtoolcore takes these for parts of a URL, and finds another folder, or none.
_ODD = re.compile(r"[#?;\t\r\n]")


class Folder(Storage):
    """A folder, with a folder for each dataset."""

    # While one waits for a disk, or a file server, another is parsed.
    jobs = 4

    def find(self) -> list[Found]:
        """Return the datasets, frozen or not, that are there, sorted by URI."""
        # Before any file is looked at.
        settled = time.time_ns() - SETTLED
        found = []
        # dtoolcore takes as long to spell a URI as it takes to look at its dataset.
        spelled = self._broker.generate_uri("", None, self.base_uri).rstrip("/")
        with os.scandir(generous_parse_uri(self.base_uri).path) as entries:
            for entry in entries:
                if not entry.is_dir():
                    continue
                uri = f"{spelled}/{entry.name}"
                if _ODD.search(entry.path):
                    if self._broker(entry.path, None).has_admin_metadata():
                        found.append(Found(uri))
                elif marker := _status_of_file(f"{entry.path}/{_MARKER}"):
                    found.append(Found(uri, *_look_at(entry.path, marker, settled)))
        return sorted(found)

    def holds(self, uri: str) -> bool:
        """Return whether a dataset is there.

        :raises OSError: where the folder cannot be looked into, which dtoolcore takes
            for its absence
        """
        try:
            os.stat(self._broker(uri, None).get_admin_metadata_key())
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True


def _status_of_file(path: str) -> os.stat_result | None:
    """Return the status of a file, or None where there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status if stat.S_ISREG(status.st_mode) else None


def _look_at(path: str, marker: os.stat_result, settled: int) -> tuple[str | None, int]:
    """Return fingerprint and size of a dataset.

    :param marker: the status of the file that makes it one
    :param settled: time before which files are to have been written, in nanoseconds
    """
    parts: list[tuple[Any, ...]] = []
    size = newest = 0
    try:
        for name, status in _files(path, marker):
            times = (status.st_mtime_ns, status.st_ctime_ns)
            parts.append((name, status.st_size, status.st_ino, *times))
            size += status.st_size
            newest = max(newest, *times)
        tags = sorted(entry.name for entry in _entries(f"{path}/.dtool/tags"))
    except OSError:
        # Reading it tells what is wrong.
        return None, size
    if newest >= settled:
        return None, size
    return f"{digest('folder', sorted(parts), tags):032x}", size


def _files(path: str, marker: os.stat_result) -> Iterator[tuple[str, os.stat_result]]:
    """Yield name and status of each file that is read to register a dataset."""
    yield _MARKER, marker
    for name in (".dtool/manifest.json", "README.yml"):
        yield name, os.stat(f"{path}/{name}")
    for entry in _entries(f"{path}/.dtool/annotations"):
        yield f"annotation {entry.name}", entry.stat()


def _entries(path: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(path) as entries:
            return list(entries)
    except FileNotFoundError:
        return []
