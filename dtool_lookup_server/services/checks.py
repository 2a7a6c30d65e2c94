"""Rules for the values of single fields, wherever they come from."""

import math
import re
import unicodedata
from datetime import datetime
from typing import Any

from ..errors import InvalidFieldError
from ..sql_models import from_timestamp

LARGEST_COUNT = 2**63 - 1

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def text(field: str, value: Any, longest: int) -> str:
    """Return a value that is a line of text and fits its column.

    :param longest: in characters
    :raises InvalidFieldError: if it is no text, empty, too long, or has characters
        that nobody can see
    """
    if not isinstance(value, str):
        raise InvalidFieldError(field, "Not a valid string.")
    if not value.strip():
        raise InvalidFieldError(field, "Must not be empty.")
    if len(value) > longest:
        raise InvalidFieldError(field, f"Longer than {longest} characters.")
    # Cc: control characters, NUL among them; Cs: halves of a surrogate pair.
    if not value.isprintable() and any(
        unicodedata.category(character) in ("Cc", "Cs") for character in value
    ):
        raise InvalidFieldError(field, "Must not contain control characters.")
    return value


def storable(field: str, value: str) -> str:
    """Return a text of any length and content that UTF-8 can write.

    :raises InvalidFieldError: if it has half of a surrogate pair
    """
    if value.isascii():
        return value
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidFieldError(field, "Not a valid string.") from None
    return value


def absolute(field: str, uri: str) -> str:
    """Return a URI that says which kind of storage it is in, as s3://bucket does.

    :raises InvalidFieldError: if it has no scheme, or nothing after it
    """
    match = _SCHEME.match(uri)
    if not match or not uri[match.end() :].strip("/"):
        raise InvalidFieldError(field, "No scheme and place, such as s3://bucket.")
    return uri


def count(field: str, value: Any) -> int | None:
    """Return a value that is a whole number of things or bytes, or None.

    :raises InvalidFieldError: if it is anything else, or no database can hold it
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidFieldError(field, "Not a valid integer.")
    if not 0 <= value <= LARGEST_COUNT:
        raise InvalidFieldError(field, f"Not from 0 to {LARGEST_COUNT}.")
    return value


def moment(field: str, value: Any) -> datetime:
    """Return seconds since the epoch, a number or its text, as a naive UTC time.

    :raises InvalidFieldError: if it is no number, not finite, or outside the years
        1 to 9999
    """
    try:
        if isinstance(value, bool):
            raise ValueError
        seconds = float(value)
        if not math.isfinite(seconds):
            raise ValueError
        return from_timestamp(seconds)
    except (TypeError, ValueError):
        raise InvalidFieldError(field, "Not a finite number of seconds.") from None
    except OverflowError:
        raise InvalidFieldError(field, "Outside the years 1 to 9999.") from None
