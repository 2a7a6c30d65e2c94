"""Digests of what is registered: equal ones mean that nothing has changed."""

import functools
import hashlib
import json
from typing import Any

import orjson

from ..plugins.analysis import ANALYSIS_VERSION
from ..plugins.interfaces import DatasetInfo
from ..plugins.registry import in_use
from ..sql_models import DIGEST_LENGTH


def digest_of(dataset: DatasetInfo) -> str:
    """Return what changes when a registration would change something anywhere.

    The plugins are a part of it, so that indexing fills one that is new.

    :param dataset: as dataset_info.checked returns it
    """
    return plugins_digest() + content_digest(dataset)


def plugins_digest() -> str:
    """Return what changes when the plugins would keep something else."""
    return _digest_of_plugins(ANALYSIS_VERSION, *map(type, in_use().instances))


@functools.lru_cache
def _digest_of_plugins(version: int, *kinds: type) -> str:
    names = (f"{kind.__module__}.{kind.__qualname__}" for kind in kinds)
    return _half_digest((version, *names))


def content_digest(dataset: DatasetInfo) -> str:
    """Return what changes when a dataset info does.

    :param dataset: as dataset_info.checked returns it
    """
    return _half_digest(dataset)


def _half_digest(value: Any) -> str:
    try:
        text = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        # Whole numbers of more than eight bytes, for one.
        text = json.dumps(value, sort_keys=True).encode()
    return hashlib.sha256(text).hexdigest()[: DIGEST_LENGTH // 2]
