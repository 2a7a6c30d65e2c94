"""Contents that a plugin's store cannot keep: the core keeps them beside it, in SQL.

0.18's own plugins put a dataset into one document of MongoDB, which has 16 MB, whole
numbers of 8 bytes, and no NUL in a key. What they refuse is registered all the same:
the plugin gets the dataset without it, and who reads it gets what is kept here.
"""

import copy
import json
import logging
from typing import Any

from ..errors import StoreUnavailableError, UnknownURIError, ValidationError
from .interfaces import DatasetInfo
from .registry import in_use, registering_in
from .sql import SQLRetrieve

#: Largest content that a plugin which refused a dataset is given, in bytes of JSON.
#: The three of them fit into one document of MongoDB.
LARGEST = 4 * 1024 * 1024

_LARGEST_INTEGER = 2**63

_NOTHING: dict[str, Any] = {"manifest": {"items": {}}, "annotations": {}}

_KEPT = SQLRetrieve()

_log = logging.getLogger(__name__)


def register_in(plugin: Any, dataset: DatasetInfo) -> bool:
    """Register a dataset in a plugin that has a store of its own.

    One that refuses it is given, where that is another one, what is left of it within
    bounds that every store has.

    :returns: whether the plugin was given all of it
    :raises: as registry.registering_in does
    """
    try:
        with registering_in(plugin):
            plugin.register_dataset(copy.deepcopy(dataset))
        return True
    except (StoreUnavailableError, ValidationError):
        left = within_bounds(dataset)
        if _keeps_all(plugin) or left == dataset:
            raise
    with registering_in(plugin):
        plugin.register_dataset(left)
    _log.warning(
        "%s: the plugin %s cannot keep all of it: the rest is kept beside it",
        dataset["uri"],
        type(plugin).__name__,
    )
    return False


def within_bounds(dataset: DatasetInfo) -> DatasetInfo:
    """Return a copy of a dataset without the contents that a store may refuse.

    Of a README that is too large its beginning stays, for it to be found.
    """
    left = {key: value for key, value in dataset.items() if key not in _NOTHING}
    for key, nothing in _NOTHING.items():
        value = dataset[key]
        fits = len(json.dumps(value)) <= LARGEST and not _is_odd(value)
        left[key] = copy.deepcopy(value if fits else nothing)
    if len(left["readme"].encode()) > LARGEST:
        # A character has four bytes at most.
        left["readme"] = left["readme"][: LARGEST // 4]
    return left


def settle(dataset: DatasetInfo, complete: bool) -> None:
    """Keep a registered dataset's contents beside the retrieve plugin, or forget them.

    :param complete: whether the plugins have all of it
    """
    if _keeps_all(in_use().retrieve):
        return
    if complete:
        _KEPT.delete_dataset(dataset["uri"])
    else:
        _KEPT.register_dataset(dataset)


def reader() -> Any:
    """Return what reads all contents: the retrieve plugin, and what is kept beside."""
    plugin = in_use().retrieve
    return plugin if _keeps_all(plugin) else _Reader(plugin)


class _Reader:
    """Reads what is kept beside a retrieve plugin, and all else from the plugin."""

    def __init__(self, plugin: Any):
        self._plugin = plugin

    def __getattr__(self, name: str) -> Any:
        theirs = getattr(self._plugin, name)
        ours = getattr(_KEPT, name, None)
        if ours is None:
            return theirs

        def read(uri: str) -> Any:
            try:
                return ours(uri)
            except UnknownURIError:
                return theirs(uri)

        return read


def _keeps_all(plugin: Any) -> bool:
    names = ("keeps_all", "shares_sql_transaction")
    return any(getattr(plugin, name, False) for name in names)


def _is_odd(value: Any) -> bool:
    """Return whether there is a number or a key in it that a store may not have."""
    match value:
        case dict():
            return any("\0" in key or _is_odd(item) for key, item in value.items())
        case list():
            return any(map(_is_odd, value))
        case int():
            return not -_LARGEST_INTEGER <= value < _LARGEST_INTEGER
    return False
