"""Contents of datasets as the built-in plugins store them, compressed."""

import json
import zlib
from typing import Any

import orjson

from ..errors import ValidationError

# Little is gained above: a manifest shrinks to a tenth, and twice as slowly at 6.
_COMPRESSION = 3
# Bits of the smallest window that zlib can write.
_SMALLEST_WINDOW = 9


def pack_text(text: str) -> bytes:
    """Return text as it is stored, NUL characters and lone surrogates included."""
    return _compressed(text.encode("utf-8", "surrogatepass"))


def unpack_text(stored: bytes) -> str:
    """Return what pack_text stored."""
    return zlib.decompress(stored).decode("utf-8", "surrogatepass")


def pack_json(value: Any) -> bytes:
    """Return a value as compressed JSON.

    :raises ValidationError: where JSON cannot hold it, or not that deeply nested
    """
    return _compressed(_json_of(value))


def _compressed(content: bytes) -> bytes:
    """Return content in the format of zlib (RFC 1950).

    With a window no larger than the content: to make ready for one of 32 KiB takes
    longer than to compress a README.
    """
    window = len(content).bit_length()
    if window >= zlib.MAX_WBITS:
        return zlib.compress(content, _COMPRESSION)
    window = max(window, _SMALLEST_WINDOW)
    # Its other tables are made as small: 8 goes with windows of 14 bits and more.
    memory = window - 6
    compressor = zlib.compressobj(_COMPRESSION, zlib.DEFLATED, window, memory)
    return compressor.compress(content) + compressor.flush()


def _json_of(value: Any) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError:
        # It has no whole numbers of more than eight bytes, nor halves of characters.
        pass
    try:
        return json.dumps(value, separators=(",", ":")).encode("ascii")
    except (RecursionError, TypeError, ValueError) as error:
        raise ValidationError(f"cannot be kept as JSON: {error}") from error


def unpack_json(stored: bytes) -> bytes:
    """Return the JSON that pack_json stored, not parsed."""
    return zlib.decompress(stored)
