"""Indexing: registering every dataset that a base URI holds.

Several threads read datasets ahead, and one writes what they have read: SQLite lets one
write at a time anyway, and what is written in one transaction waits for the disk once.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import dtoolcore
import yaml
from sqlalchemy import select

from ..database import transactional
from ..errors import NothingThereError, StoreUnavailableError, ValidationError
from ..extensions import sql_db
from ..plugins.interfaces import DatasetInfo
from ..sql_models import Dataset, utc_now
from ..storages import Found, Storage, storage_of
from . import base_uris, fingerprints
from .dataset_info import checked
from .digests import content_digest, plugins_digest
from .fingerprints import Seen
from .registering import forget, register_all, share_transactions, take_groups
from .registrations import Registration, prepare

REGISTERED = "registered"
UNCHANGED = "unchanged"
FAILED = "failed"
FORGOTTEN = "forgotten"
DIFFERENT = "different"

# Datasets whose fingerprints are compared at once.
_COMPARED = 500

# Datasets that are registered in one transaction at most.
_TOGETHER = 100

# How far reading may be ahead of writing, for each thread that reads, and how large all
# that is read ahead may be: in memory it takes several times as much.
_AHEAD = 4
_BYTES_AHEAD = 8 * 1024 * 1024


@dataclass(frozen=True)
class Outcome:
    """What became of one dataset.

    :param kind: REGISTERED, UNCHANGED, FAILED, FORGOTTEN or DIFFERENT
    :param name: the dataset's name, as far as it is known
    :param reason: why it failed or in what it differs, else empty
    """

    kind: str
    uri: str
    name: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Listing:
    """What a base URI holds.

    :param base_uri: in its one spelling
    :param found: its datasets, frozen or not
    """

    base_uri: str
    storage: Storage
    found: list[Found]


@dataclass
class _Read:
    """What was read of one dataset, fit to be registered.

    :param uri: in its one spelling
    :param digest: of the content alone
    """

    found: Found
    uri: str
    name: str
    info: DatasetInfo
    digest: str

    def outcome(self, kind: str, reason: str = "") -> Outcome:
        """Return what became of it."""
        return Outcome(kind, self.uri, self.name, reason)

    def handed_over(self) -> DatasetInfo:
        """Return the dataset info, which may be large, and do not hold on to it."""
        info, self.info = self.info, {}
        return info


class BrokenReadmeError(ValidationError):
    """A README is not YAML."""


def list_datasets(base_uri: str) -> Listing:
    """Return what a base URI holds, without reading it.

    :param base_uri: one that dtoolcore can read
    :raises UnknownBaseURIError: if it is not registered
    :raises StoreUnavailableError: if its storage cannot be listed
    """
    spelled = base_uris.normalised(base_uri)
    base_uris.require(spelled)
    # A storage may take its time, and a transaction should not.
    sql_db.session.rollback()
    try:
        storage = storage_of(spelled)
        return Listing(spelled, storage, storage.find())
    except Exception as error:
        # Each kind of storage has exceptions of its own.
        raise StoreUnavailableError(
            f"Cannot list the datasets in '{spelled}': {described(error)}"
        ) from error


def only(base_uri: str, uri: str) -> Listing:
    """Return a listing of one dataset, which may be there or not."""
    spelled = base_uris.normalised(base_uri)
    return Listing(spelled, storage_of(spelled), [Found(uri)])


def index(
    listing: Listing, force: bool = False, jobs: int | None = None
) -> Generator[Outcome, None, None]:
    """Register datasets; one that fails does not stop the others.

    Closing the iterator ends it where it is: what was told of is registered.

    :param force: read and register those too that have not changed
    :param jobs: how many to read at once; None for what suits the storage
    :returns: what became of each; a protodataset, which is not frozen yet, is passed
        over
    """
    jobs = jobs or listing.storage.jobs
    pool = ThreadPoolExecutor(jobs, "reads-dataset")

    def begin(found: Found) -> "Future[_Read | Outcome | None]":
        return pool.submit(_read, listing.storage, listing.base_uri, found)

    try:
        ready: list[_Read] = []
        compared = _compared(listing.found, force)
        for item in _read_ahead(compared, begin, jobs * _AHEAD):
            if isinstance(item, Outcome):
                yield item
            elif item is not None:
                ready.append(item)
            # What is ready while the others are still read is registered together.
            if item is None or _is_enough(ready):
                yield from _registered(ready, force)
                ready.clear()
        yield from _registered(ready, force)
    finally:
        # Who stops it need not wait for a storage that does not answer.
        pool.shutdown(wait=False, cancel_futures=True)


def prune(listing: Listing, allow_empty: bool = False) -> Iterator[Outcome]:
    """Forget the datasets of a base URI that are not in its storage any more.

    Each is looked for by itself before it is forgotten: a listing that lacks something
    has not said that it is not there.

    :param allow_empty: forget them too where none is left; the folder that a file
        system is mounted at is as empty while it is not mounted
    :raises UnknownBaseURIError: if the base URI is not registered
    :raises NothingThereError: where none is left, unless that is allowed
    """
    kept = {base_uris.normalised_uri(item.uri) for item in listing.found}
    base_uri_id = base_uris.require(listing.base_uri)
    registered = sql_db.session.scalars(
        select(Dataset.uri).where(Dataset.base_uri_id == base_uri_id)
    )
    missing = [uri for uri in registered if uri not in kept]
    sql_db.session.rollback()
    if missing and not kept and not allow_empty:
        raise NothingThereError(
            f"'{listing.base_uri}' holds no dataset, and {len(missing)} are registered"
            " there. Nothing was forgotten: is its storage mounted, and the right one?"
            " If they are gone for good: base_uri index --prune --allow-empty"
        )
    for uri in missing:
        try:
            if listing.storage.holds(uri):
                continue
        except Exception as error:
            # Each kind of storage has exceptions of its own.
            yield Outcome(FAILED, uri, reason=described(error))
        else:
            forget(uri)
            yield Outcome(FORGOTTEN, uri)


def dataset_info(dataset: dtoolcore.DataSet, base_uri: str) -> dict[str, Any]:
    """Return the dataset info of a dataset in its storage.

    :param base_uri: the base URI that it is to be registered in
    """
    names = dataset.list_annotation_names()
    return {
        **dataset._admin_metadata,
        "uri": dataset.uri,
        "base_uri": base_uri,
        "readme": dataset.get_readme_content(),
        "manifest": dataset._manifest,
        "annotations": {name: dataset.get_annotation(name) for name in names},
        "tags": dataset.list_tags(),
        "number_of_items": len(dataset.identifiers),
        "size_in_bytes": sum(
            dataset.item_properties(identifier)["size_in_bytes"]
            for identifier in dataset.identifiers
        ),
    }


def checked_info(dataset: dtoolcore.DataSet, base_uri: str) -> DatasetInfo:
    """Return the dataset info of a dataset in its storage, as it may be registered.

    :param base_uri: the base URI that it is to be registered in
    :raises BrokenReadmeError: if the README is not YAML
    :raises ValidationError: for what cannot be registered
    """
    info = dataset_info(dataset, base_uri)
    _check_readme(info["readme"])
    return checked(info)


def described(error: Exception) -> str:
    """Return what a person is told of an error."""
    return str(error) or type(error).__name__


def _compared(found: Sequence[Found], force: bool) -> Iterator[Found | Outcome]:
    """Yield datasets that are to be read, and outcomes of those that are not."""
    for start in range(0, len(found), _COMPARED):
        batch = found[start : start + _COMPARED]
        known = set() if force else fingerprints.unchanged(batch)
        for item in batch:
            if item in known:
                yield Outcome(UNCHANGED, base_uris.normalised_uri(item.uri))
            else:
                yield item


def _read_ahead(
    items: Iterable[Found | Outcome],
    begin: Callable[[Found], "Future[_Read | Outcome | None]"],
    most: int,
) -> Iterator[_Read | Outcome | None]:
    """Yield what is read, and outcomes, in order; None before it waits for reading.

    :param begin: begins to read a dataset
    :param most: how many are begun before the first of them is yielded
    """
    begun: deque[tuple[Future[_Read | Outcome | None], int]] = deque()
    ahead = 0

    def first() -> Iterator[_Read | Outcome | None]:
        nonlocal ahead
        future, size = begun.popleft()
        ahead -= size
        if not future.done():
            yield None
        result = future.result()
        if result is not None:
            yield result

    for item in items:
        if isinstance(item, Outcome):
            yield item
            continue
        while begun and (len(begun) >= most or ahead + item.size > _BYTES_AHEAD):
            yield from first()
        begun.append((begin(item), item.size))
        ahead += item.size
    while begun:
        yield from first()


def _is_enough(ready: Sequence[_Read]) -> bool:
    size = sum(read.found.size for read in ready)
    return len(ready) >= _TOGETHER or size > _BYTES_AHEAD


def _is_protodataset(uri: str) -> bool:
    try:
        dtoolcore.ProtoDataSet.from_uri(uri)
    except Exception:
        # Each kind of storage has exceptions of its own.
        return False
    return True


def _read(storage: Storage, base_uri: str, found: Found) -> _Read | Outcome | None:
    """Read a dataset, in a thread without a database; None for one not frozen yet."""
    name, uri = "", found.uri
    try:
        try:
            dataset = storage.open(uri)
        except dtoolcore.DtoolCoreTypeError as error:
            # dtoolcore says the same of what has gone since it was listed.
            if _is_protodataset(uri):
                return None
            return Outcome(FAILED, uri, reason=described(error))
        name, uri = dataset.name, base_uris.normalised_uri(dataset.uri)
        info = checked_info(dataset, base_uri)
        return _Read(found, uri, name, info, content_digest(info))
    except Exception as error:
        # A storage may fail in any way; the others are to be indexed.
        return Outcome(FAILED, uri, name, described(error))


def _registered(reads: Sequence[_Read], force: bool) -> list[Outcome]:
    """Register datasets, all of them at once if that may be and nothing fails."""
    if not reads:
        return []
    if len(reads) > 1 and take_groups():
        write = _write_together if share_transactions() else _write
        try:
            return _register_each(reads, force, write, attrgetter("info"))
        except Exception:
            # One by one, to find the one that fails.
            sql_db.session.rollback()
    return [_registered_alone(read, force) for read in reads]


def _registered_alone(read: _Read, force: bool) -> Outcome:
    try:
        # Each in a transaction of its own, and then its fingerprint.
        [outcome] = _register_each([read], force, _write, _Read.handed_over)
        return outcome
    except Exception as error:
        # A plugin may fail in any way; the others are to be indexed.
        return read.outcome(FAILED, described(error))


def _register_each(
    reads: Sequence[_Read],
    force: bool,
    write: Callable[[list[Registration], dict[str, Seen]], None],
    info_of: Callable[[_Read], DatasetInfo],
) -> list[Outcome]:
    plugins = plugins_digest()
    known = {} if force else fingerprints.digests([read.uri for read in reads])
    changed = [read for read in reads if known.get(read.uri) != plugins + read.digest]
    registrations = [prepare(info_of(read), None, utc_now()) for read in changed]
    seen = {
        read.uri: Seen(read.found.fingerprint, plugins + read.digest)
        for read in reads
        if read.found.fingerprint
    }
    write(registrations, seen)
    return [
        read.outcome(REGISTERED if read in changed else UNCHANGED) for read in reads
    ]


def _write(registrations: list[Registration], seen: dict[str, Seen]) -> None:
    if registrations:
        register_all(registrations)
    if seen:
        fingerprints.keep(seen)


_write_together = transactional(_write)


def _check_readme(readme: str) -> None:
    try:
        yaml.load(readme, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise BrokenReadmeError(f"README YAML parsing issue: {error}") from error
