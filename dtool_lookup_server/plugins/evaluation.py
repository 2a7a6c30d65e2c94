"""What a tree finds, told from a dataset alone: for what no store can be asked.

It is slow, and says what every store must say.
"""

from collections.abc import Set
from typing import Any

from ..query import And, Annotation, Between, Match, Node, Not, Or, Part, Value
from ..query.annotations import searchable_values, text_of
from .analysis import PHRASE_FIELDS as PHRASES
from .analysis import AnalyzedDataset, analyze_dataset
from .interfaces import DatasetInfo
from .parts import contains, texts_of
from .text_query import ITEMS, Clause, Phrase, Prefix, Term, TextQuery

#: Where each of the query language's fields stands in a dataset info.
INFO_KEYS = {
    "creator": "creator_username",
    "tag": "tags",
    "base_uri": "base_uri",
    "uuid": "uuid",
    "uploader": "uploaded_by",
    "created": "created_at",
    "frozen": "frozen_at",
    "size": "size_in_bytes",
    "items": "number_of_items",
}


def finds(tree: Node, info: DatasetInfo) -> bool:
    """Return whether a tree finds a dataset.

    :param tree: with terms, as text_query.with_terms makes it
    :param info: a dataset info, with uploaded_by where it is known
    """
    return _Evaluation(info).finds(tree)


class _Evaluation:
    def __init__(self, info: DatasetInfo):
        self._info = info
        self._terms = analyze_dataset(info)
        self._parts = texts_of(info)
        self._annotations = searchable_values(info.get("annotations"))

    def finds(self, tree: Node) -> bool:
        match tree:
            case And(parts):
                return all(map(self.finds, parts))
            case Or(parts):
                return any(map(self.finds, parts))
            case Not(part):
                return not self.finds(part)
            case TextQuery():
                return _occurs(tree, self._terms)
            case Part():
                return contains(self._parts, tree)
            case Match("uuid", values):
                uuid = self._info["uuid"]
                return any(uuid.startswith(value.text.lower()) for value in values)
            case Match(field, values):
                held = self._info.get(INFO_KEYS[field])
                return _has_one_of(held if isinstance(held, list) else [held], values)
            case Annotation(key, values):
                held = [text for name, text in self._annotations if name == key]
                cut = tuple(Value(text_of(one.text), one.begins) for one in values)
                return _has_one_of(held, cut)
            case Between(field, low, below):
                number = self._info.get(INFO_KEYS[field])
                return number is not None and (
                    (low is None or number >= low) and (below is None or number < below)
                )
        raise TypeError(type(tree))


def _has_one_of(held: list[Any], values: tuple[Value, ...]) -> bool:
    texts = [text for text in held if isinstance(text, str)]
    return any(
        text.startswith(value.text) if value.begins else text == value.text
        for text in texts
        for value in values
    )


def _occurs(query: TextQuery, terms: AnalyzedDataset) -> bool:
    def some(clauses: tuple[Clause, ...]) -> bool:
        return any(_is_in(clause, terms) for clause in clauses)

    if query.finds_nothing:
        return False
    return all(map(some, query.groups)) and not some(query.none_of)


def _is_in(clause: Clause, terms: AnalyzedDataset) -> bool:
    fields = [name for name in PHRASES if clause.field in (None, name)]
    sets: list[Set[str]] = [terms.found_in(name) for name in fields]
    if clause.field in (None, ITEMS):
        sets.append(terms.items)
    match clause:
        case Term(term):
            return any(term in held for held in sets)
        case Prefix(start):
            return any(term.startswith(start) for one in sets for term in one)
        case Phrase(words, whole):
            texts = [getattr(terms, name) for name in fields]
            in_order = bool(words) and any(_in_order(words, text) for text in texts)
            return in_order or any(whole in held for held in sets)


def _in_order(words: tuple[str, ...], terms: tuple[str, ...]) -> bool:
    starts = range(len(terms) - len(words) + 1)
    return any(terms[n : n + len(words)] == words for n in starts)
