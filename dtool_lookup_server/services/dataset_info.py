"""The rules of a dataset info: what may be registered, in its one form."""

import json
import math
import uuid
from datetime import datetime
from typing import Any

import yaml

from ..errors import InvalidFieldError, ValidationError
from ..plugins.interfaces import DatasetInfo
from ..sql_models import NAME_LENGTH, URI_LENGTH, UUID_LENGTH, to_timestamp
from . import base_uris, checks

REQUIRED_KEYS = (
    "uuid",
    "base_uri",
    "uri",
    "name",
    "type",
    "creator_username",
    "frozen_at",
)

#: The type of a dataset that is complete; one that is being made is a protodataset.
FROZEN = "dataset"

#: Levels of objects and lists within annotations; every store can hold these.
DEEPEST_ANNOTATION = 50

_ITEM_FIELDS: dict[str, type | tuple[type, ...]] = {
    "hash": str,
    "relpath": str,
    "size_in_bytes": int,
    "utc_timestamp": (int, float),
}
# As 0.18 did, the numbers of an item are also taken as text, and as another number.
_ITEM_NUMBERS: dict[str, type] = {"size_in_bytes": int, "utc_timestamp": float}
# Made once: to make one takes as long as to write a few annotations.
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False)
_MANIFEST_FIELDS = {"items", "hash_function", "dtoolcore_version"}


def checked(info: dict[str, Any]) -> DatasetInfo:
    """Return a dataset info in its one form, complete, as plugins are given it.

    Keys that are not a dataset's are left out.

    :param info: the required keys and, optionally, created_at, readme, manifest,
        annotations, tags, dtoolcore_version, number_of_items and size_in_bytes
    :raises ValidationError: for a missing key, a type that is not a dataset's, or a
        URI that is not directly under the base URI
    :raises InvalidFieldError: for a value that its field cannot have
    """
    for key in REQUIRED_KEYS:
        if key not in info:
            raise ValidationError(f"Dataset info not valid: {key} is missing")
    base_uri, uri = _place(info["base_uri"], info["uri"])
    if info["type"] != FROZEN:
        raise ValidationError(f"Dataset info not valid: type is not {FROZEN!r}")
    frozen_at = checks.moment("frozen_at", info["frozen_at"])
    manifest = _manifest(info.get("manifest", {"items": {}}))
    number, size = _counts(info, manifest)
    return {
        "uuid": _uuid(info["uuid"]),
        "base_uri": base_uri,
        "uri": uri,
        "name": checks.text("name", info["name"], NAME_LENGTH),
        "type": FROZEN,
        "creator_username": checks.text(
            "creator_username", info["creator_username"], NAME_LENGTH
        ),
        "frozen_at": to_timestamp(frozen_at),
        "created_at": to_timestamp(_created_at(info, frozen_at)),
        "readme": _readme(info.get("readme", "")),
        "manifest": manifest,
        "annotations": _annotations(info.get("annotations", {})),
        "tags": _tags(info.get("tags", [])),
        "dtoolcore_version": _version(info.get("dtoolcore_version")),
        "number_of_items": number,
        "size_in_bytes": size,
    }


def checked_field(field: str, value: Any) -> Any:
    """Return the value of one field that can be edited, in its one form.

    :param field: readme, annotations or tags
    :raises InvalidFieldError: for a value that the field cannot have
    """
    check = {"readme": _readme, "annotations": _annotations, "tags": _tags}[field]
    return check(value)


def _place(base_uri: Any, uri: Any) -> tuple[str, str]:
    checks.text("base_uri", base_uri, URI_LENGTH)
    checks.text("uri", uri or "-", URI_LENGTH)
    if base_uri.endswith("/"):
        raise ValidationError("Dataset info not valid: base_uri ends with a slash")
    parent, name = base_uris.split(uri)
    spelled = base_uris.normalised(base_uri)
    # A dot or two would lead to another folder than it says.
    if parent != spelled or name in ("", ".", "..") or uri.endswith(f"//{name}"):
        raise ValidationError("Dataset info not valid: uri is not under base_uri")
    return spelled, checks.text("uri", f"{spelled}/{name}", URI_LENGTH)


def _uuid(value: Any) -> str:
    text = str(value)
    try:
        parsed = str(uuid.UUID(text))
    except ValueError:
        parsed = ""
    # uuid.UUID also takes braces, urn: and missing hyphens.
    if len(text) != UUID_LENGTH or parsed != text.lower():
        raise InvalidFieldError("uuid", "Not a valid UUID.")
    return parsed


def _created_at(info: dict[str, Any], frozen_at: datetime) -> datetime:
    if "created_at" not in info:
        return frozen_at
    return checks.moment("created_at", info["created_at"])


def _readme(value: Any) -> str:
    if isinstance(value, dict):
        # The README of 0.18 showed an object here.
        return yaml.safe_dump(value, sort_keys=False, allow_unicode=True)
    if not isinstance(value, str):
        raise InvalidFieldError("readme", "Neither text nor an object.")
    return checks.storable("readme", value)


def _annotations(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidFieldError("annotations", "Not an object.")
    if _deeper(value, DEEPEST_ANNOTATION):
        raise InvalidFieldError(
            "annotations", f"Nested deeper than {DEEPEST_ANNOTATION} levels."
        )
    try:
        text = _ENCODER.encode(value)
    except (TypeError, ValueError):
        raise InvalidFieldError("annotations", "Not JSON.") from None
    checks.storable("annotations", text)
    return value


def _deeper(value: Any, levels: int) -> bool:
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list):
        return False
    return levels == 0 or any(_deeper(item, levels - 1) for item in value)


def _tags(value: Any) -> list[str]:
    if not isinstance(value, list | tuple):
        raise InvalidFieldError("tags", "Not a list.")
    return list(dict.fromkeys(checks.text("tags", tag, NAME_LENGTH) for tag in value))


def _version(value: Any) -> str | None:
    if value is None:
        return None
    return checks.text("dtoolcore_version", value, NAME_LENGTH)


def _manifest(manifest: Any) -> dict[str, Any]:
    if not isinstance(manifest, dict):
        raise InvalidFieldError("manifest", "Not an object.")
    items = manifest.get("items", {})
    if unknown := manifest.keys() - _MANIFEST_FIELDS:
        raise InvalidFieldError("manifest", f"Unknown field: {min(unknown)!r}.")
    if not isinstance(items, dict):
        raise InvalidFieldError("manifest", "items is not an object.")
    for name in ("hash_function", "dtoolcore_version"):
        if not isinstance(manifest.get(name, ""), str):
            raise InvalidFieldError("manifest", f"{name} is not text.")
        checks.storable("manifest", manifest.get(name, ""))
    if "items" in manifest:
        changed = {}
        for key, item in items.items():
            checks.storable("manifest", key)
            if (one := _item(item)) is not item:
                changed[key] = one
        if changed:
            manifest = {**manifest, "items": {**items, **changed}}
    return manifest


def _item(item: Any) -> dict[str, Any]:
    """Return an item in its one form: itself, unless its numbers are written else."""
    if not isinstance(item, dict):
        raise InvalidFieldError("manifest", "An item is not an object.")
    for name, value in item.items():
        if name not in _ITEM_FIELDS:
            raise InvalidFieldError("manifest", f"Unknown field of an item: {name!r}.")
        if isinstance(value, str) and _ITEM_FIELDS[name] is str:
            checks.storable("manifest", value)
        elif _is_odd(value) or not isinstance(value, _ITEM_FIELDS[name]):
            item = {**item, name: _item_number(name, value)}
    if item.get("size_in_bytes", 0) < 0:
        raise InvalidFieldError("manifest", "size_in_bytes of an item is below zero.")
    return item


def _is_odd(value: Any) -> bool:
    """Return whether Python takes for a number what is none."""
    return isinstance(value, bool) or (
        isinstance(value, float) and not math.isfinite(value)
    )


def _item_number(name: str, value: Any) -> int | float:
    try:
        if isinstance(value, bool):
            raise ValueError
        number = _ITEM_NUMBERS[name](value)
        if not math.isfinite(number):
            raise ValueError
    except (KeyError, OverflowError, TypeError, ValueError):
        raise InvalidFieldError(
            "manifest", f"{name} of an item is of a wrong type."
        ) from None
    return number


def _counts(
    info: dict[str, Any], manifest: dict[str, Any]
) -> tuple[int | None, int | None]:
    number = checks.count("number_of_items", info.get("number_of_items"))
    size = checks.count("size_in_bytes", info.get("size_in_bytes"))
    items = manifest.get("items")
    if items and number is None:
        number = len(items)
    if items and size is None:
        sizes = (item.get("size_in_bytes", 0) for item in items.values())
        size = checks.count("size_in_bytes", sum(sizes))
    return number, size
