"""Free text, as users type it, to a query that every store can answer.

    apple juice         either word, in any of its forms
    "apple juice"       these words, one after the other
    -apple  -"a b"      not this word, not this phrase
    app*                any word that begins so
    U00096.3.rev        this identifier, or its parts one after the other

Case and accents do not matter. Where there are phrases, all of them must occur and
the other words count for the order of the hits only. Whatever cannot be read this
way is searched as plain words: nothing is a syntax error.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .analysis import prefix_of, terms_of, whole_of, words_of
from .folding import fold

#: Terms of a query that are looked for; what comes after them is left out, so that
#: a pasted book does not occupy the store.
MAX_TERMS = 200

_QUOTES = str.maketrans("“”„", '"""')
# What no identifier is written with stands between words, as white space does.
_PIECE = re.compile(
    r"(?P<minus>-(?!-))?"
    r'(?:"(?P<quoted>[^"]*)"|(?P<bare>[^\s"(){}\[\]<>,;!?|&^~\x00-\x1f]+))'
)


@dataclass(frozen=True)
class Term:
    """A term, anywhere in a dataset."""

    term: str


@dataclass(frozen=True)
class Prefix:
    """Any term that begins like this, anywhere in a dataset."""

    start: str


@dataclass(frozen=True)
class Phrase:
    """Terms in order in one of analysis.PHRASE_FIELDS, or the whole anywhere.

    :param terms: two terms or more; none where only the whole will do
    :param whole: the one term of all the words together
    """

    terms: tuple[str, ...]
    whole: str


Clause = Term | Prefix | Phrase


@dataclass(frozen=True)
class TextQuery:
    """What a dataset must have to be found; clauses in the order they were typed.

    :param all_of: all of these must occur
    :param any_of: where all_of is empty, one of these must; else these only make
        a hit more relevant
    :param none_of: none of these may occur; if nothing else is asked, every other
        dataset is found
    """

    any_of: tuple[Clause, ...] = ()
    all_of: tuple[Clause, ...] = ()
    none_of: tuple[Clause, ...] = ()

    @property
    def finds_nothing(self) -> bool:
        """True where nothing is left to look for, as with stop words only."""
        return not (self.any_of or self.all_of or self.none_of)


def parse(free_text: str) -> TextQuery:
    """Return what a user's free text asks for.

    :param free_text: any text at all
    """
    # Dictionaries as sets that keep the order: a word typed again asks nothing new.
    any_of: dict[Clause, None] = {}
    all_of: dict[Clause, None] = {}
    none_of: dict[Clause, None] = {}
    for piece, clause in _clauses(free_text.translate(_QUOTES)):
        if piece["minus"]:
            none_of[clause] = None
        elif piece["quoted"]:
            all_of[clause] = None
        else:
            any_of[clause] = None
    return TextQuery(tuple(any_of), tuple(all_of), tuple(none_of))


def _clauses(free_text: str) -> Iterator[tuple[re.Match[str], Clause]]:
    left = MAX_TERMS
    for piece in _PIECE.finditer(free_text):
        if left <= 0:
            return
        clause = _clause(piece, left)
        if clause:
            left -= len(clause.terms) if isinstance(clause, Phrase) else 1
            yield piece, clause


def _clause(piece: re.Match[str], limit: int) -> Clause | None:
    if piece["quoted"] is not None:
        return _phrase(piece["quoted"], limit)
    start, star, rest = piece["bare"].rpartition("*")
    if star and not words_of(fold(rest)) and (words := words_of(fold(start))):
        return Prefix(prefix_of(words))
    return _phrase(piece["bare"], limit)


def _phrase(text: str, limit: int) -> Clause | None:
    """Return what finds these words in this order; None if they are stop words."""
    folded = fold(text)
    words, terms = words_of(folded), tuple(terms_of(folded)[:limit])
    if len(words) > 1 and len(text.split()) == 1 and len(terms) < 2:
        # Stop words are parts of identifiers too: IS-10 must not find every 10.
        return Phrase((), whole_of(words))
    if len(terms) > 1:
        return Phrase(terms, whole_of(words))
    return Term(terms[0]) if terms else None
