"""Contents as they are stored: whatever their length, they come back as they were."""

import json
import zlib
from random import Random

import pytest

from dtool_lookup_server.plugins.packing import (
    pack_json,
    pack_text,
    unpack_json,
    unpack_text,
)

#: Lengths at and beside the ends of the windows that zlib has, in bytes.
LENGTHS = [0, 1, 500, *(2**bits + more for bits in range(8, 17) for more in (-1, 0, 1))]


@pytest.mark.parametrize("length", LENGTHS)
def test_a_text_of_any_length_comes_back(length):
    text = "".join(Random(length).choices("abc \n\0", k=length))
    assert unpack_text(pack_text(text)) == text


@pytest.mark.parametrize("length", [0, 1, 511])
def test_what_is_short_is_not_compressed(length):
    assert "a" * length in pack_text("a" * length).decode("latin-1")


@pytest.mark.parametrize("length", [length for length in LENGTHS if length >= 512])
def test_it_takes_hardly_more_room_than_with_the_largest_window(length):
    text = " ".join(Random(length).choices(["forest", "dwarf", "mirror"], k=length))
    text = text[:length]
    assert len(pack_text(text)) <= 1.02 * len(zlib.compress(text.encode(), 3)) + 8


def test_json_comes_back_as_bytes():
    items = {str(number): {"size_in_bytes": number} for number in range(1000)}
    for value in ({}, {"one": 1}, items):
        assert json.loads(unpack_json(pack_json(value))) == value
