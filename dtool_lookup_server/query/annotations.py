"""Annotations as they can be searched: the text of each value under its name."""

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

#: Longest name and longest value, in characters; a longer value is searched by its
#: beginning, a longer name not at all.
LONGEST = 255
#: Values of a dataset that can be searched.
MOST_VALUES = 1000


def searchable_values(annotations: Any) -> set[tuple[str, str]]:
    """Return the names and texts of a dataset's annotations.

    :param annotations: any JSON; members within a member are named with a dot between,
        the elements of a list have the list's name
    """
    leaves = (
        (name, text_of(value))
        for name, value in _leaves(annotations)
        if 0 < len(name) <= LONGEST
    )
    return set(islice(((_storable(name), text) for name, text in leaves), MOST_VALUES))


def text_of(value: Any) -> str:
    """Return a value as it is searched: text as it is, anything else as JSON."""
    if type(value) is int:
        # As JSON has it; most of what is not text is one.
        return str(value)[:LONGEST]
    text = value if isinstance(value, str) else json.dumps(value)
    return _storable(text[:LONGEST])


def _leaves(annotations: Any) -> Iterator[tuple[str, Any]]:
    # Not by recursion: they may be nested as deeply as JSON is read.
    waiting = [("", annotations)]
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, dict):
            start = f"{name}." if name else ""
            members = [(f"{start}{key}", one) for key, one in value.items()]
            waiting.extend(reversed(members))
        elif isinstance(value, list):
            waiting.extend((name, one) for one in reversed(value))
        else:
            yield name, value


def _storable(text: str) -> str:
    """Return text as every database takes it."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\1").encode("utf-8", "replace").decode()
