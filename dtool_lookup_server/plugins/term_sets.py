"""Sets of very many terms, in as little memory as their text takes."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence, Set
from itertools import pairwise

from .packing import pack_text, unpack_text

#: Characters of a text of terms, nearly all that there may be. In FTS5 its terms, of 23
#: characters each, take 35 MB for a moment.
TEXT_LENGTH = 4_000_000

# Into so many ranges terms are divided, of which one at a time is a set.
_RANGES = 64


class TermText(Set[str]):
    """Terms as texts, each once: a set takes five times the memory.

    :param texts: the terms, with a blank between them; none of the texts is empty, and
        each is in order
    """

    def __init__(self, texts: Sequence[str]):
        self.texts = texts

    def __iter__(self) -> Iterator[str]:
        for text in self.texts:
            start = 0
            while start < len(text):
                end = text.find(" ", start)
                end = len(text) if end < 0 else end
                yield text[start:end]
                start = end + 1

    def __len__(self) -> int:
        return sum(text.count(" ") + 1 for text in self.texts)

    def __contains__(self, term: object) -> bool:
        return isinstance(term, str) and any(_is_in(term, text) for text in self.texts)

    @classmethod
    def _from_iterable(cls, it: Iterable[str]) -> Set[str]:  # type: ignore[override]
        return frozenset(it)


def _is_in(term: str, text: str) -> bool:
    # In order: half of what is left is out of question each time.
    low, high = 0, len(text)
    while low < high:
        start = text.rfind(" ", low, (low + high) // 2) + 1 or low
        end = text.find(" ", start, high)
        end = high if end < 0 else end
        found = text[start:end]
        if found == term:
            return True
        if found < term:
            low = end + 1
        else:
            high = start - 1
    return False


def in_texts(terms: Set[str]) -> Sequence[str]:
    """Return terms in order, with a blank between them: one text, which may be empty.

    Of very many, several texts of some TEXT_LENGTH. See united().
    """
    several = isinstance(terms, TermText) and terms.texts
    return several or [" ".join(sorted(terms))]


def united(sets: Iterable[Set[str]]) -> TermText:
    """Return the terms of several sets, of which one at a time is in memory.

    Where they are several texts, the terms of more than one set come first.
    """
    bounds: Sequence[str] = ()
    ranges: list[list[bytes]] = []
    for terms in sets:
        ordered = sorted(terms)
        if not ranges:
            # What is even in the first set is nearly so in the others.
            bounds = ordered[:: max(len(ordered) // _RANGES, 1)][1:]
            ranges = [[] for _bound in (*bounds, None)]
        places = [0, *(bisect_left(ordered, bound) for bound in bounds), len(ordered)]
        for packed, (start, end) in zip(ranges, pairwise(places), strict=True):
            packed.append(pack_text(" ".join(ordered[start:end])))
    often: list[str] = []
    once: list[str] = []
    for packed in ranges:
        found: set[str] = set()
        again: set[str] = set()
        for one in packed:
            some = set(unpack_text(one).split())
            again |= found & some
            found |= some
        _append(often, again)
        _append(once, found - again)
    texts = [*often, *once]
    if len(texts) > 1 and sum(map(len, texts)) < TEXT_LENGTH:
        texts = [" ".join(sorted(" ".join(texts).split()))]
    return TermText(texts)


def _append(texts: list[str], terms: set[str]) -> None:
    """Add terms to texts, those that come behind all others."""
    text = " ".join(sorted(terms))
    if text and texts and len(texts[-1]) + len(text) < TEXT_LENGTH:
        texts[-1] += f" {text}"
    elif text:
        texts.append(text)
