"""Words as people spell them, and which of them are nearly alike."""

from collections.abc import Iterable
from itertools import chain, islice
from typing import Any

from .analysis import leaves_of_json, relative_paths, words_of
from .folding import fold
from .interfaces import DatasetInfo
from .stop_words import STOP_WORDS

#: Words that are remembered, in characters: shorter ones are like too many others.
SHORTEST, LONGEST = 4, 32
#: Words that are remembered of a dataset, and how much of it is read for them: the
#: characters of a README, the values of annotations and the paths of items.
MOST_WORDS = 1_000
MOST_CHARACTERS, MOST_VALUES, MOST_PATHS = 100_000, 1_000, 10_000

# Words with more characters than this may differ in two places.
_LONG = 5


def words_of_dataset(info: DatasetInfo) -> set[str]:
    """Return the words of a dataset that a misspelled one may stand for.

    :param info: a dataset info; absent fields count as empty
    """
    annotations = leaves_of_json(info.get("annotations"))
    paths = islice(sorted(relative_paths(info.get("manifest"))), MOST_PATHS)
    texts: Iterable[Any] = chain(
        [info.get("name"), info.get("creator_username")],
        info.get("tags") or [],
        islice(annotations, MOST_VALUES),
        [str(info.get("readme") or "")[:MOST_CHARACTERS]],
        ["\n".join(paths)],
    )
    text = "\n".join(text for text in texts if isinstance(text, str))
    words = _remembered(words_of(fold(text)))
    if len(words) > MOST_WORDS:
        return set(islice(dict.fromkeys(words), MOST_WORDS))
    return set(words)


def is_remembered(word: str) -> bool:
    """Return whether a folded word is of those that a dataset is known by."""
    return bool(_remembered([word]))


def _remembered(words: Iterable[str]) -> list[str]:
    return [
        word
        for word in words
        if SHORTEST <= len(word) <= LONGEST
        and word.isalpha()
        and word not in STOP_WORDS
    ]


def differences_allowed(word: str) -> int:
    """Return in how many places a word may be misspelled to be known still."""
    return 1 if len(word) <= _LONG else 2


def distance(one: str, other: str) -> int:
    """Return how many letters are missing, superfluous, other or swapped."""
    before: list[int] = []
    last = list(range(len(other) + 1))
    for row, letter in enumerate(one, 1):
        line = [row]
        for column, wanted in enumerate(other, 1):
            steps = min(
                last[column] + 1,
                line[-1] + 1,
                last[column - 1] + (letter != wanted),
            )
            swapped = before and column > 1 and one[row - 2] == wanted
            if swapped and other[column - 2] == letter:
                steps = min(steps, before[column - 2] + 1)
            line.append(steps)
        before, last = last, line
    return last[-1]
