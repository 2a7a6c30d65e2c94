"""A corpus of any size, the same in every run, whose every answer is known.

The n-th dataset is made of the digest of n alone: its fields are as good as drawn by
lot, independent of each other, and nothing has to be kept to know what it holds.
"""

import hashlib
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, NamedTuple

BASE_URIS = [f"s3://bucket-{number}" for number in range(10)]
#: The reader may search all base URIs but this one.
HIDDEN = BASE_URIS[-1]
#: Where registering is measured; the reader may not search it either.
INCOMING = "s3://incoming"

READER = "reader"
WRITER = "writer"

CREATORS = [f"creator-{number}" for number in range(50)]
TAGS = [f"tag-{number}" for number in range(20)]
#: A word in a third of all datasets.
COMMON_WORD = "zebrafish"
#: A dataset in so many has a large manifest.
LARGE_MANIFEST_EACH = 100
_ITEMS, _MANY_ITEMS = 5, 50

_CONSONANTS = "bdfgklmnprtvz"
_VOWELS = "aeiou"
_WORDS = [
    f"{a}{b}{c}{d}{e}"
    for a in _CONSONANTS
    for b in _VOWELS
    for c in _CONSONANTS
    for d in "aou"
    for e in "kmpr"
]
_README_WORDS = 40
_FIRST_CREATION, _SECONDS = 1_500_000_000, 100_000_000


class Digits(NamedTuple):
    """What the n-th dataset is made of."""

    base_uri: str
    creator: str
    is_common: bool
    tags: tuple[str, ...]
    digest: bytes


def digits(number: int) -> Digits:
    """Return what the n-th dataset is made of."""
    digest = hashlib.blake2b(number.to_bytes(8, "big")).digest()
    tags = dict.fromkeys(TAGS[byte % len(TAGS)] for byte in digest[3:5])
    return Digits(
        BASE_URIS[digest[0] % len(BASE_URIS)],
        CREATORS[digest[1] % len(CREATORS)],
        digest[2] % 3 == 0,
        tuple(tags),
        digest,
    )


def rare_word(number: int) -> str:
    """Return a word that at most four datasets have: the n-th and its neighbours."""
    letters = "bkmprtvz"
    number //= 4
    word = ""
    while number or len(word) < 3:
        number, place = divmod(number, len(letters))
        word += letters[place]
    return f"xq{word}x"


def dataset(number: int, base_uri: str | None = None) -> dict[str, Any]:
    """Return the n-th dataset as it is registered.

    :param base_uri: where it is, if not where the corpus has it
    """
    made = digits(number)
    identifier = str(uuid.UUID(bytes=made.digest[16:32], version=4))
    place = base_uri or made.base_uri
    items = _items(number)
    return {
        "uuid": identifier,
        "base_uri": place,
        "uri": f"{place}/{identifier}",
        "name": f"dataset-{number:08}",
        "type": "dataset",
        "creator_username": made.creator,
        "created_at": _FIRST_CREATION + number % _SECONDS + 0.25,
        "frozen_at": _FIRST_CREATION + number % _SECONDS + 0.5,
        "readme": _readme(number, made),
        "manifest": {
            "dtoolcore_version": "3.19.0",
            "hash_function": "md5sum_hexdigest",
            "items": items,
        },
        "annotations": {"project": made.creator[::-1], "run": number, "good": True},
        "tags": list(made.tags),
        "number_of_items": len(items),
        "size_in_bytes": sum(item["size_in_bytes"] for item in items.values()),
    }


def spelled(info: dict[str, Any]) -> dict[str, Any]:
    """Return a dataset with its times as text, the one form that 0.18 takes, too."""
    return info | {key: str(info[key]) for key in ("created_at", "frozen_at")}


def _readme(number: int, made: Digits) -> str:
    places = hashlib.shake_128(made.digest).digest(2 * _README_WORDS)
    words = [
        _WORDS[int.from_bytes(places[start : start + 2], "big") % len(_WORDS)]
        for start in range(0, len(places), 2)
    ]
    words.append(rare_word(number))
    if made.is_common:
        words.append(COMMON_WORD)
    return f"---\ndescription: {' '.join(words)}\nproject: {made.creator}\n"


def _items(number: int) -> dict[str, dict[str, Any]]:
    count = _MANY_ITEMS if number % LARGE_MANIFEST_EACH == 0 else _ITEMS
    paths = [f"data/run_{number}/image_{place:03}.tif" for place in range(count)]
    return {
        hashlib.sha1(path.encode()).hexdigest(): {
            "hash": hashlib.md5(path.encode()).hexdigest(),
            "relpath": path,
            "size_in_bytes": 1000 + place,
            "utc_timestamp": _FIRST_CREATION + number % _SECONDS + 0.125,
        }
        for place, path in enumerate(paths)
    }


class Corpus:
    """The first datasets, and what their reader finds among them.

    :param size: number of datasets
    """

    def __init__(self, size: int):
        self.size = size

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return map(dataset, range(self.size))

    def sample(
        self, number: int, accept: Callable[[int], bool] = lambda number: True
    ) -> list[int]:
        """Return numbers of datasets that the reader may see, from all over.

        :param number: of how many at most
        :param accept: tells which are wanted
        """
        step = max(self.size // number, 1)
        found = []
        for start in range(0, self.size, step):
            for candidate in range(start, min(start + step, self.size)):
                if digits(candidate).base_uri != HIDDEN and accept(candidate):
                    found.append(candidate)
                    break
        return found

    @cached_property
    def totals(self) -> Counter[str]:
        """How many datasets the reader may see: all, per creator, tag, and word."""
        totals: Counter[str] = Counter()
        for number in range(self.size):
            made = digits(number)
            if made.base_uri != HIDDEN:
                words = (COMMON_WORD,) if made.is_common else ()
                totals.update(("all", made.creator, made.base_uri, *made.tags, *words))
        return totals

    def find(self, uri: str, name: str) -> dict[str, Any]:
        """Return the dataset with a URI and a name; empty if the reader has none."""
        number = int(name.removeprefix("dataset-"))
        info = dataset(number)
        known = number < self.size and info["base_uri"] != HIDDEN
        return info if known and info["uri"] == uri else {}
