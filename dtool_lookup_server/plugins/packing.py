"""Contents of datasets as the built-in plugins store them, compressed."""

import json
import zlib
from typing import Any

import orjson

from ..errors import ValidationError

# Little is gained above: a manifest shrinks to a tenth, and twice as slowly at 6.
_COMPRESSION = 3
# Bytes from which on it is worth while: below, it takes ten times as long as to do
# without, to save a hundred bytes.
_SHORTEST = 512


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
    """Return content in the format of zlib (RFC 1950); what is short, as it is.

    With a window no larger than the content: to make ready for one of 32 KiB takes
    longer than to compress a README.
    """
    length = len(content)
    if length < _SHORTEST:
        return _stored(content, length)
    window = length.bit_length()
    if window >= zlib.MAX_WBITS:
        return zlib.compress(content, _COMPRESSION)
    # Its other tables are made as small: 8 goes with windows of 14 bits and more.
    memory = window - 6
    compressor = zlib.compressobj(_COMPRESSION, zlib.DEFLATED, window, memory)
    return compressor.compress(content) + compressor.flush()


def _stored(content: bytes, length: int) -> bytes:
    """Return content in zlib's format as one block that is not compressed.

    RFC 1950, 2.2: two bytes of header, the data, their Adler-32. RFC 1951, 3.2.4: a
    byte that says that the block is the last and stored, its length, the complement.
    """
    lengths = (length | (length ^ 0xFFFF) << 16).to_bytes(4, "little")
    return b"x\x01\x01" + lengths + content + zlib.adler32(content).to_bytes(4, "big")


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
