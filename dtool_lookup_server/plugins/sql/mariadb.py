"""The text index in MariaDB: a FULLTEXT index over analyzed terms, in boolean mode.

A term is kept under a letter in front of it: under d in a path of the manifest, under
t anywhere else and, for the relevance, once more under the letter of each other tier.
With the letter no term is too short for InnoDB, or one of its stop words.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    bindparam,
    func,
    text,
)
from sqlalchemy.dialects.mysql import match as mysql_match

from ..analysis import AnalyzedDataset
from ..interfaces import TextMatch
from ..text_query import Phrase, Prefix, Term, TextQuery
from . import term_rows
from .term_rows import ROWS, TABLE, TIERS, AnySession, Words, check, drop, forget

__all__ = ["check", "create", "drop", "forget", "holds", "match", "store"]

_ITEMS = TIERS["items"]
_NOT_ITEMS = "t"
_WEIGHTS = {_ITEMS: 1, "c": 10, "b": 1_000, "a": 100_000}

_CREATE = (
    f"CREATE TABLE IF NOT EXISTS {TABLE} ("
    "dataset_id INTEGER NOT NULL, "
    "part INTEGER NOT NULL, "
    "terms LONGTEXT CHARACTER SET ascii COLLATE ascii_bin NOT NULL, "
    "words LONGTEXT CHARACTER SET ascii COLLATE ascii_bin NOT NULL, "
    "PRIMARY KEY (dataset_id, part), "
    f"FULLTEXT INDEX ix_{TABLE}_terms (terms), "
    f"CONSTRAINT {TABLE}_dataset FOREIGN KEY (dataset_id) "
    "REFERENCES dataset (id) ON DELETE CASCADE) ENGINE = InnoDB"
)
_INSERT = text(
    f"INSERT INTO {TABLE} (dataset_id, part, terms, words) "
    "VALUES (:dataset_id, :part, :terms, :words)"
)


def create(connection: Connection) -> None:
    """Make the index where it is not there; the dataset table must be."""
    connection.execute(text(_CREATE))


def store(session: AnySession, dataset_id: int, terms: AnalyzedDataset) -> None:
    """Keep a dataset's terms in place of what was kept of it.

    MariaDB finds them once the transaction is committed.
    """
    term_rows.store(session, dataset_id, _rows(terms), _INSERT)


def holds(session: AnySession, dataset_id: int, terms: AnalyzedDataset) -> bool:
    """Return whether these terms of a dataset are kept, and no others."""
    same: ColumnElement[str] = bindparam("terms")
    return term_rows.holds(session, dataset_id, _rows(terms), same)


def _rows(terms: AnalyzedDataset) -> Iterator[tuple[str, str]]:
    for row in term_rows.rows_of(terms):
        yield _marked(row.tiers), row.text


def match(query: TextQuery) -> TextMatch:
    """Return a query as a part of a statement over the dataset table."""
    return term_rows.match(query, _Language())


class _Language:
    """MATCH ... AGAINST (... IN BOOLEAN MODE)."""

    def any_of(
        self, words: Words, phrases: Sequence[Phrase] = ()
    ) -> ColumnElement[bool]:
        """Return whether a row has one of the words, or all terms of a phrase."""
        alternatives = [
            _compile(tier, word)
            for word in words
            for tier in ((_ITEMS,) if word.field else (_NOT_ITEMS, _ITEMS))
        ]
        for phrase in phrases:
            required = (f"+{_NOT_ITEMS}{term}" for term in phrase.terms)
            alternatives.append(f"({' '.join(required)})")
        return _match(alternatives)

    def in_order(self, terms: str, words: ColumnElement[str]) -> ColumnElement[bool]:
        """Return whether words have these terms, one after the other."""
        return func.locate(terms, words) > 0

    def between(self, start: str, end: str) -> ColumnElement[str]:
        """Return what of a row's words stands between two of them."""
        # The first would be all of the words where the start is missing.
        after = func.substring_index(ROWS.c.words, start, -1)
        between = func.substring_index(after, end, 1)
        return func.if_(func.locate(start, ROWS.c.words) > 0, between, "")

    def relevance(self, words: Words) -> ColumnElement[float]:
        """Return how well a row answers a query of these words."""
        ranks = [
            _match([_compile(tier, word) for word in words]) * weight
            for tier, weight in _WEIGHTS.items()
        ]
        return sum(ranks[1:], ranks[0])


def _compile(tier: str, word: Term | Prefix) -> str:
    return f"{tier}{word.start}*" if isinstance(word, Prefix) else f"{tier}{word.term}"


def _match(alternatives: Sequence[str]) -> ColumnElement[Any]:
    """Return how well rows match, which is zero, and false, for those that do not."""
    return mysql_match(ROWS.c.terms, against=" ".join(alternatives)).in_boolean_mode()


def _marked(tiers: dict[str, str]) -> str:
    marked = []
    for term, letters in tiers.items():
        if letters != _ITEMS:
            marked.append(_NOT_ITEMS + term)
        marked += [tier + term for tier in letters]
    return " ".join(marked)
