"""Sets of very many terms, in as little memory as their text takes."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence, Set
from itertools import pairwise

# Into so many ranges terms are divided, of which one at a time is a set.
_RANGES = 16


class TermText(Set[str]):
    """Terms as a text, in order, each once: a set takes five times the memory.

    :param text: the terms, with a blank between them
    """

    def __init__(self, text: str):
        self.text = text

    def __iter__(self) -> Iterator[str]:
        start = 0
        while start < len(self.text):
            end = self.text.find(" ", start)
            end = len(self.text) if end < 0 else end
            yield self.text[start:end]
            start = end + 1

    def __len__(self) -> int:
        return self.text.count(" ") + bool(self.text)

    def __contains__(self, term: object) -> bool:
        # In order: half of what is left is out of question each time.
        low, high = 0, len(self.text) if isinstance(term, str) else 0
        while low < high:
            start = self.text.rfind(" ", low, (low + high) // 2) + 1 or low
            end = self.text.find(" ", start, high)
            end = high if end < 0 else end
            found = self.text[start:end]
            if found == term:
                return True
            if found < str(term):
                low = end + 1
            else:
                high = start - 1
        return False

    @classmethod
    def _from_iterable(cls, it: Iterable[str]) -> Set[str]:  # type: ignore[override]
        return frozenset(it)


def in_order(terms: Set[str]) -> str:
    """Return terms in order, with a blank between them."""
    return terms.text if isinstance(terms, TermText) else " ".join(sorted(terms))


def united(sets: Iterable[Set[str]]) -> TermText:
    """Return the terms of several sets, of which one at a time is in memory."""
    bounds: Sequence[str] = ()
    ranges: list[list[str]] = []
    for terms in sets:
        ordered = sorted(terms)
        if not ranges:
            # What is even in the first set is nearly so in the others.
            bounds = ordered[:: max(len(ordered) // _RANGES, 1)][1:]
            ranges = [[] for _bound in (*bounds, None)]
        places = [0, *(bisect_left(ordered, bound) for bound in bounds), len(ordered)]
        for texts, (start, end) in zip(ranges, pairwise(places), strict=True):
            texts.append(" ".join(ordered[start:end]))
    for place, texts in enumerate(ranges):
        ranges[place] = sorted({term for text in texts for term in text.split()})
        ranges[place] = [" ".join(ranges[place])]
    return TermText(" ".join(text for [text] in ranges if text))
