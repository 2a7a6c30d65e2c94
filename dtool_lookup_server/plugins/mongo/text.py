"""Analyzed terms in MongoDB: how a dataset's are stored and how they are asked for.

All terms of a dataset stand in one array with an index of its own. MongoDB's $text
would read every hit to count them; from this index hits are counted, filtered by
base URI and sorted by age without reading any. The fields' terms stand beside it, in
order, for phrases and for what a hit is worth.
"""

from collections.abc import Iterable
from itertools import islice
from typing import Any

from pymongo import ASCENDING, DESCENDING
from pymongo.operations import IndexModel

from ..analysis import (
    ANALYSIS_VERSION,
    BREAK,
    PHRASE_FIELDS,
    AnalyzedDataset,
    names_of_items,
)
from ..text_query import Clause, Phrase, Prefix, Term, TextQuery

Document = dict[str, Any]

TERMS = "search.terms"

# The terms of a dataset are all over the index. A page with a new one is written anew,
# in which MongoDB spends half of its time where pages have 16 kB, as by default.
_SMALL_PAGES = {"wiredTiger": {"configString": "leaf_page_max=4KB"}}

INDEX = IndexModel(
    [(TERMS, ASCENDING), ("base_uri", ASCENDING), ("frozen_at", DESCENDING)],
    name="text",
    storageEngine=_SMALL_PAGES,
)

#: What is kept of a dataset at most, so that its document stays below 16 MB: terms,
#: their characters, and characters of the fields' terms in order.
MOST_TERMS = 300_000
MOST_CHARACTERS = 5_000_000
MOST_IN_ORDER = 4_000_000

# Comes after every character of a term.
_AFTER = "{"
# The terms that no path of the manifest has.
_NOT_ITEMS = "search.not_items"

# What a word is worth, field by field; in a path of the manifest it is worth nothing.
_WEIGHTS = {
    "name": 1000,
    "tags": 100,
    "creator": 10,
    "identifiers": 10,
    "readme": 1,
    "annotations": 1,
}


def entry_of(
    analyzed: AnalyzedDataset, manifest: Any, most_terms: int = MOST_TERMS
) -> Document:
    """Return what is stored of a dataset's terms.

    :param most_terms: how many terms are kept; those of the manifest go first, and of
        these the words in letters and the whole names last
    :returns: with the key "cut", the number of terms that are left out
    """
    fields = {name: getattr(analyzed, name) for name in PHRASE_FIELDS}
    in_order = (term for terms in fields.values() for term in terms)
    wanted = dict.fromkeys(in_order)
    forms = analyzed.labelled().union(*analyzed.forms.values())
    wanted.update(dict.fromkeys(sorted(forms)))
    wanted.pop(BREAK, None)
    others = list(wanted)
    not_items = {term for term in others if term not in analyzed.items}
    wanted.update(dict.fromkeys(sorted(analyzed.items)))
    terms = _cut(wanted, most_terms)
    if len(terms) < len(wanted):
        best = [*others, *_best_first(analyzed.items, manifest)]
        terms = _cut(dict.fromkeys(best), most_terms)
    return {
        "version": ANALYSIS_VERSION,
        "terms": terms,
        "not_items": [term for term in terms if term in not_items],
        "fields": _in_order(fields, MOST_IN_ORDER * most_terms // MOST_TERMS),
        "cut": len(wanted) - len(terms),
    }


def _cut(wanted: Iterable[str], most_terms: int) -> list[str]:
    return list(_up_to(MOST_CHARACTERS, islice(wanted, most_terms)))


def _best_first(items: Iterable[str], manifest: Any) -> list[str]:
    """Return the terms of a manifest, those first that should be cut last."""
    names = names_of_items(manifest)

    def rank(term: str) -> tuple[int, str]:
        return (0 if term.isalpha() else 1 if term in names else 2), term

    return sorted(items, key=rank)


def _up_to(characters: int, terms: Iterable[str]) -> Iterable[str]:
    for term in terms:
        characters -= len(term) + 10  # and what BSON needs beside each
        if characters < 0:
            return
        yield term


def _in_order(fields: dict[str, tuple[str, ...]], characters: int) -> Document:
    texts = {}
    for name in sorted(fields, key=lambda name: len(fields[name])):
        text = f" {' '.join(fields[name])} " if fields[name] else ""
        texts[name] = text[:characters]
        characters -= len(texts[name])
    return texts


def matching(query: TextQuery) -> Document:
    """Return a query as a filter of documents."""
    if query.finds_nothing:
        return {TERMS: {"$in": []}}
    conditions = [_any(group) for group in query.groups]
    conditions = conditions or [{TERMS: {"$exists": True}}]
    if query.none_of:
        conditions.append({"$nor": [_any([clause]) for clause in query.none_of]})
    return conditions[0] if len(conditions) == 1 else {"$and": conditions}


def is_one_term(query: TextQuery) -> bool:
    """Return whether matching() asks for one term and for nothing else."""
    match query.groups:
        case ((Term(_, None) | Phrase((), _),),):
            return not query.none_of
    return False


def _any(clauses: Iterable[Clause]) -> Document:
    """Return a filter: at least one of these occurs."""
    terms: list[str] = []
    others: list[Document] = []
    for clause in clauses:
        match clause:
            case Term(term, "items"):
                others.append({"$and": [{TERMS: term}, {_NOT_ITEMS: {"$ne": term}}]})
            case Term(term) | Phrase((), term):
                terms.append(term)
            case Prefix(start, field):
                # The index is read between two places; a pattern would be tried on
                # each of its terms.
                span = {TERMS: {"$elemMatch": {"$gte": start, "$lt": start + _AFTER}}}
                others.append({"$and": [span, _in_items(start)]} if field else span)
            case Phrase(words, whole, field):
                terms.append(whole)
                in_order = _in_a_field(words, (field,) if field else PHRASE_FIELDS)
                others.append({"$and": [{TERMS: {"$all": words}}, in_order]})
    if terms:
        others.insert(0, {TERMS: {"$in": terms} if len(terms) > 1 else terms[0]})
    return others[0] if len(others) == 1 else {"$or": others}


def _in_items(start: str) -> Document:
    begins = {"$eq": [{"$indexOfBytes": ["$$term", start]}, 0]}
    terms = {"$filter": {"input": f"${TERMS}", "as": "term", "cond": begins}}
    in_items = {"$setDifference": [terms, f"${_NOT_ITEMS}"]}
    return {"$expr": {"$gt": [{"$size": in_items}, 0]}}


def _in_a_field(words: tuple[str, ...], fields: Iterable[str]) -> Document:
    # Terms have no character that means anything in a pattern.
    pattern = {"$regex": _spaced(words)}
    return {"$or": [{f"search.fields.{name}": pattern} for name in fields]}


def relevance(query: TextQuery) -> Document:
    """Return an expression: the more, the better a document matches what is asked."""
    worths = [
        _worth(needle, name) for needle in _needles(query.wanted) for name in _WEIGHTS
    ]
    return {"$add": worths}


def _needles(clauses: Iterable[Clause]) -> Iterable[str]:
    for clause in clauses:
        match clause:
            case Term(term) | Phrase((), term):
                yield _spaced((term,))
            case Prefix(start):
                yield f" {start}"
            case Phrase(words, _whole):
                yield _spaced(words)


def _worth(needle: str, name: str) -> Document:
    place = {"$indexOfBytes": [f"$search.fields.{name}", needle]}
    # No number where the field is not there at all.
    found = {"$gte": [{"$ifNull": [place, -1]}, 0]}
    return {"$cond": [found, _WEIGHTS[name], 0]}


def _spaced(words: tuple[str, ...]) -> str:
    return f" {' '.join(words)} "
