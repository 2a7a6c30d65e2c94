"""The words of a query to terms: a query that every store can answer.

    apple juice         either word, in any of its forms
    "apple juice"       these words, one after the other
    -apple  -"a b"      not this word, not this phrase
    app*                any word that begins so
    U00096.3.rev        this identifier, or its parts one after the other

Case and accents do not matter. Where there are phrases, all of them must occur and
the other words count for the order of the hits only.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from ..query import And, Leaf, Node, Not, Or, Piece, Text, Words
from ..query.grammar import QUOTES, words
from .analysis import labelled, labelled_prefix, prefix_of, terms_of, whole_of, words_of
from .folding import fold

#: Terms of a query that are looked for; what comes after them is left out, so that
#: a pasted book does not occupy the store.
MAX_TERMS = 200

#: Where each of the query language's fields of words is looked for.
FIELDS = {"name": "name", "readme": "readme", "uri": "identifiers", "item": "items"}
#: The field of an item's paths, a set of terms.
ITEMS = FIELDS["item"]


@dataclass(frozen=True)
class Term:
    """A term, anywhere in a dataset.

    :param field: one of analysis.SEARCHED_ALONE, or "items" for the manifest's paths,
        if it must be in that one
    """

    term: str
    field: str | None = None


@dataclass(frozen=True)
class Prefix:
    """Any term that begins like this, anywhere in a dataset.

    :param field: as for Term
    """

    start: str
    field: str | None = None


@dataclass(frozen=True)
class Phrase:
    """Terms in order in one of analysis.PHRASE_FIELDS, or the whole anywhere.

    :param terms: two terms or more; none where only the whole will do
    :param whole: the one term of all the words together
    :param field: one of analysis.SEARCHED_ALONE, if it must be in that one
    """

    terms: tuple[str, ...]
    whole: str
    field: str | None = None


@dataclass(frozen=True)
class OneOf:
    """One of several terms, beginnings and phrases.

    :param clauses: two or more
    """

    clauses: tuple[Term | Prefix | Phrase, ...]


Clause = Term | Prefix | Phrase


@dataclass(frozen=True)
class TextQuery(Leaf):
    """What a dataset must have to be found; clauses in the order they were typed.

    :param all_of: all of these must occur
    :param any_of: where all_of is empty, one of these must; else these only make
        a hit more relevant
    :param none_of: none of these may occur; if nothing else is asked, every other
        dataset is found
    """

    any_of: tuple[Clause, ...] = ()
    all_of: tuple[Clause | OneOf, ...] = ()
    none_of: tuple[Clause, ...] = ()

    @property
    def finds_nothing(self) -> bool:
        """True where nothing is left to look for, as with stop words only."""
        return not (self.any_of or self.all_of or self.none_of)

    @property
    def finds_alike(self) -> bool:
        """True where a hit cannot have more of what is wanted than another."""
        every = all(not isinstance(clause, OneOf) for clause in self.all_of)
        return every and not self.any_of if self.all_of else len(self.any_of) < 2

    @cached_property
    def groups(self) -> tuple[tuple[Clause, ...], ...]:
        """Clauses of which one must occur, for each that must."""
        if not self.all_of:
            return (self.any_of,) if self.any_of else ()
        return tuple(
            clause.clauses if isinstance(clause, OneOf) else (clause,)
            for clause in self.all_of
        )

    @cached_property
    def wanted(self) -> tuple[Clause, ...]:
        """Every clause that makes a dataset more relevant, the required ones first."""
        required = [clause for group in self.groups for clause in group]
        return tuple(dict.fromkeys([*required, *self.any_of]))


def parse(free_text: str) -> TextQuery:
    """Return what a text asks for that has no fields and operators.

    :param free_text: any text at all
    """
    return _text_query(words(free_text.translate(QUOTES)))


def with_terms(tree: Node) -> Node:
    """Return a tree whose words are terms: its leaves of text are a TextQuery each.

    Words that count for nothing, such as stop words, are left out where there is
    something else to find; text that must all occur is one TextQuery.
    """
    match tree:
        case Text(pieces):
            return _text_query(pieces)
        case Words(field, pieces):
            clauses = _clauses(pieces, MAX_TERMS, FIELDS[field])
            return TextQuery(any_of=_distinct(clause for _piece, clause in clauses))
        case Not(part):
            return Not(with_terms(part))
        case And(parts):
            return _together(map(with_terms, parts))
        case Or(parts):
            return _either(map(with_terms, parts))
    return tree


def _together(parts: Iterable[Node]) -> Node:
    texts, others = _sorted_out(parts)
    if texts:
        others.append(_both(texts))
    return others[0] if len(others) == 1 else And(tuple(others))


def _either(parts: Iterable[Node]) -> Node:
    texts, others = _sorted_out(parts)
    plain = [text for text in texts if not (text.all_of or text.none_of)]
    others += [text for text in texts if text not in plain]
    if plain:
        others.append(TextQuery(_distinct(c for text in plain for c in text.any_of)))
    return others[0] if len(others) == 1 else Or(tuple(others))


def _sorted_out(parts: Iterable[Node]) -> tuple[list[TextQuery], list[Node]]:
    """Return the texts among some nodes, and the others.

    Text that finds nothing is left out, unless there is nothing else.
    """
    nodes = list(parts)
    others = [node for node in nodes if not isinstance(node, TextQuery)]
    texts = [node for node in nodes if isinstance(node, TextQuery)]
    found = [text for text in texts if not text.finds_nothing]
    return (found if found or others else texts[:1]), others


def _both(texts: list[TextQuery]) -> TextQuery:
    if len(texts) == 1:
        return texts[0]
    return TextQuery(
        any_of=_distinct(c for text in texts if text.all_of for c in text.any_of),
        all_of=tuple(
            dict.fromkeys(
                group[0] if len(group) == 1 else OneOf(group)
                for text in texts
                for group in text.groups
            )
        ),
        none_of=_distinct(clause for text in texts for clause in text.none_of),
    )


def _text_query(pieces: Iterable[Piece]) -> TextQuery:
    found = list(_clauses(pieces, MAX_TERMS))

    def those(wanted: Callable[[Piece], bool]) -> tuple[Clause, ...]:
        return _distinct(clause for piece, clause in found if wanted(piece))

    return TextQuery(
        any_of=those(lambda piece: not piece.excluded and not piece.quoted),
        all_of=those(lambda piece: not piece.excluded and piece.quoted),
        none_of=those(lambda piece: piece.excluded),
    )


def _distinct(clauses: Iterable[Clause]) -> tuple[Clause, ...]:
    # A dictionary is a set that keeps the order: a word typed again asks nothing new.
    return tuple(dict.fromkeys(clauses))


def _clauses(
    pieces: Iterable[Piece], left: int, field: str | None = None
) -> Iterator[tuple[Piece, Clause]]:
    for piece in pieces:
        if left <= 0:
            return
        clause = _clause(piece, left)
        if clause:
            left -= len(clause.terms) if isinstance(clause, Phrase) else 1
            yield piece, _in_field(clause, field) if field else clause


def _in_field(clause: Clause, field: str) -> Clause:
    """Return a clause that looks into one field only."""
    match clause:
        case Term(term) | Phrase((), term):
            return Term(term, field)
        case Prefix(start):
            return Prefix(start, field)
        case Phrase(terms, whole):
            # Paths are kept without order: only the whole can be told to be there.
            return Term(whole, ITEMS) if field == ITEMS else Phrase(terms, whole, field)
    raise TypeError(type(clause))


def with_labels(query: TextQuery) -> TextQuery:
    """Return a query for a store that has labelled() terms.

    Terms and beginnings then have no field but the items, and the whole of a phrase
    has the label of the phrase's field.
    """

    def each(clauses: Iterable[Clause]) -> tuple[Clause, ...]:
        return tuple(map(_labelled, clauses))

    return TextQuery(
        any_of=each(query.any_of),
        all_of=tuple(
            OneOf(each(one.clauses)) if isinstance(one, OneOf) else _labelled(one)
            for one in query.all_of
        ),
        none_of=each(query.none_of),
    )


def _labelled(clause: Clause) -> Clause:
    field = clause.field
    if field is None or field == ITEMS:
        return clause
    match clause:
        case Term(term):
            return Term(labelled(field, term))
        case Prefix(start):
            return Prefix(labelled_prefix(field, start))
        case Phrase(terms, whole):
            return Phrase(terms, labelled(field, whole), field)


def _clause(piece: Piece, limit: int) -> Clause | None:
    if piece.quoted:
        return _phrase(piece.text, limit)
    start, star, rest = piece.text.rpartition("*")
    if star and not words_of(fold(rest)) and (begun := words_of(fold(start))):
        return Prefix(prefix_of(begun))
    return _phrase(piece.text, limit)


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
