"""Parts of words: texts in which any characters in a row can be looked for.

They are the same characters in every store: case and accents are folded as the
analyzer folds them, whatever stands between words is one hyphen, and a slash is the
end of a line. Of a manifest each name in its paths is there once, however many items
are in a folder.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from ..query import Part
from ..query.grammar import PART_FIELDS, SHORTEST_PART
from .analysis import relative_paths
from .folding import fold_as_written
from .interfaces import DatasetInfo

#: Characters of items in one row, so that a row is no larger than a database takes.
ROW_CHARACTERS = 1_000_000

# Values that are spelled as one text, which takes far less time than each by itself but
# twenty times the memory of the text.
_AT_ONCE = 5_000

_HYPHENS = re.compile(r"-{2,}")


def rows_of(info: DatasetInfo) -> list[dict[str, str]]:
    """Return the texts of a dataset's fields, in as many rows as its items need."""
    texts = texts_of(info)
    first, *others = _pieces_of(texts.pop("item"))
    empty = dict.fromkeys(texts, "")
    return [{**texts, "item": first}, *({**empty, "item": other} for other in others)]


def texts_of(info: DatasetInfo) -> dict[str, str]:
    """Return the text of each field of a dataset info; absent ones are empty."""
    values: dict[str, Iterable[Any]] = {
        "name": [info.get("name")],
        "tag": info.get("tags") or [],
        "creator": [info.get("creator_username")],
        "uri": [info.get("uri")],
    }
    texts = {field: _lines(_present(values[field])) for field in values}
    paths = relative_paths(info.get("manifest"))
    names = {name for path in paths for name in path.split("/")}
    return {**texts, "item": _lines(sorted(names))}


def needles_of(text: str) -> tuple[str, ...]:
    """Return what a text must have to have a part, in the spelling of texts_of.

    Names that stand beside each other in a path are kept once for all paths, so that
    those on either side of a slash are looked for each by itself: one that ends so,
    and one that begins so.

    :param text: a Part's
    :returns: of SHORTEST_PART characters or more; nothing where nothing can be found
    """
    needles = (needle for piece in text.split("*") for needle in _needles_of(piece))
    return tuple(dict.fromkeys(one for one in needles if len(one) >= SHORTEST_PART))


def contains(texts: dict[str, str], part: Part) -> bool:
    """Return whether a dataset has a part.

    :param texts: as texts_of returns them
    """
    needles = needles_of(part.text)
    fields = (part.field,) if part.field else PART_FIELDS
    return bool(needles) and any(
        all(needle in texts[field] for needle in needles) for field in fields
    )


def places(text: str, part: Part) -> Iterator[tuple[int, int]]:
    """Yield where a part stands in one value: start and end, in code points."""
    wanted = [spelled(piece) for piece in part.text.split("*")]
    wanted = [one for one in wanted if len(one) >= SHORTEST_PART]
    held = spelled(text)
    if not any(one in held for one in wanted):
        return
    letters, origins = _traced(text)
    for one in wanted:
        start = letters.find(one)
        while start >= 0:
            yield origins[start], origins[start + len(one) - 1] + 1
            start = letters.find(one, start + len(one))


def _traced(text: str) -> tuple[str, list[int]]:
    """Return text as it is looked for, and where each of its characters comes from."""
    letters: list[str] = []
    origins: list[int] = []
    for place, char in enumerate(text):
        for letter in spelled(char):
            if letter != "-" or letters[-1:] != ["-"]:
                letters.append(letter)
                origins.append(place)
    return "".join(letters), origins


def spelled(text: str) -> str:
    """Return text as it is looked for."""
    folded = fold_as_written(text.replace("/", "\n"))
    joined = folded.replace("/", "-").replace(".", "-").replace(" ", "-")
    return _HYPHENS.sub("-", joined) if "--" in joined else joined


def _present(values: Iterable[Any]) -> Iterator[str]:
    return (str(value) for value in values if value is not None)


def _lines(values: Iterable[str]) -> str:
    """Return separate values, each between line ends; empty where there is none."""
    waiting = list(values)
    starts = range(0, len(waiting), _AT_ONCE)
    some = ("\n".join(waiting[start : start + _AT_ONCE]) for start in starts)
    text = "\n".join(map(spelled, some))
    return f"\n{text}\n" if text else ""


def _needles_of(piece: str) -> Iterator[str]:
    first, *others = spelled(piece).split("\n")
    if not others:
        yield first
        return
    *between, last = others
    yield f"{first}\n"
    yield from (f"\n{name}\n" for name in between if name)
    yield f"\n{last}"


def _pieces_of(text: str) -> list[str]:
    """Return a text cut at the ends of lines; each piece has one on either side."""
    pieces = []
    while len(text) > ROW_CHARACTERS:
        # A name is far shorter than a row; what is not is cut where it is.
        end = text.rfind("\n", 1, ROW_CHARACTERS)
        end = end if end > 0 else ROW_CHARACTERS
        pieces.append(text[: end + 1])
        text = text[end:]
    return [*pieces, text]
