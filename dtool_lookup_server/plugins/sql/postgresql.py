"""The text index in PostgreSQL: tsvectors made of analyzed terms, and a GIN index.

The literals of tsvector and tsquery take terms as they are: no configuration of a
language comes into it.
"""

from collections.abc import Iterator, Sequence

from sqlalchemy import (
    ColumnElement,
    Connection,
    Float,
    bindparam,
    cast,
    func,
    literal,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, REAL, TSQUERY, TSVECTOR

from ..analysis import AnalyzedDataset
from ..interfaces import TextMatch
from ..text_query import Phrase, Prefix, Term, TextQuery
from . import term_rows
from .term_rows import ROWS, TABLE, TIERS, AnySession, Words, check, drop, forget

__all__ = ["check", "create", "drop", "forget", "holds", "match", "store"]

# The weights of the labels D, C, B and A, which are the tiers in capitals. They are
# that far apart because ts_rank adds up what several words are worth.
_WEIGHTS = [0.0001, 0.001, 0.03, 1.0]

_CREATE = (
    f"CREATE TABLE IF NOT EXISTS {TABLE} ("
    "dataset_id INTEGER NOT NULL REFERENCES dataset (id) ON DELETE CASCADE, "
    "part INTEGER NOT NULL, "
    "terms TSVECTOR NOT NULL, "
    'words TEXT COLLATE "C" NOT NULL, '
    "PRIMARY KEY (dataset_id, part))",
    f"CREATE INDEX IF NOT EXISTS ix_{TABLE}_terms ON {TABLE} USING gin (terms)",
)
_INSERT = text(
    f"INSERT INTO {TABLE} (dataset_id, part, terms, words) "
    "VALUES (:dataset_id, :part, CAST(:terms AS tsvector), :words)"
)


def create(connection: Connection) -> None:
    """Make the index where it is not there; the dataset table must be."""
    for statement in _CREATE:
        connection.execute(text(statement))


def store(session: AnySession, dataset_id: int, terms: AnalyzedDataset) -> None:
    """Keep a dataset's terms in place of what was kept of it."""
    term_rows.store(session, dataset_id, _rows(terms), _INSERT)


def holds(session: AnySession, dataset_id: int, terms: AnalyzedDataset) -> bool:
    """Return whether these terms of a dataset are kept, and no others."""
    same = cast(bindparam("terms"), TSVECTOR)
    return term_rows.holds(session, dataset_id, _rows(terms), same)


def _rows(terms: AnalyzedDataset) -> Iterator[tuple[str, str]]:
    for row in term_rows.rows_of(terms):
        yield _vector(row.tiers), row.text


def match(query: TextQuery) -> TextMatch:
    """Return a query as a part of a statement over the dataset table."""
    return term_rows.match(query, _Language())


class _Language:
    """tsquery."""

    def any_of(
        self, words: Words, phrases: Sequence[Phrase] = ()
    ) -> ColumnElement[bool]:
        """Return whether a row has one of the words, or all terms of a phrase."""
        alternatives = [
            *map(_compile, words),
            *(f"({' & '.join(phrase.terms)})" for phrase in phrases),
        ]
        query = cast(literal(" | ".join(alternatives)), TSQUERY)
        return ROWS.c.terms.op("@@", is_comparison=True)(query)

    def in_order(self, terms: str, words: ColumnElement[str]) -> ColumnElement[bool]:
        """Return whether words have these terms, one after the other."""
        return func.strpos(words, terms) > 0

    def between(self, start: str, end: str) -> ColumnElement[str]:
        """Return what of a row's words stands between two of them."""
        return func.split_part(func.split_part(ROWS.c.words, start, 2), end, 1)

    def relevance(self, words: Words) -> ColumnElement[float]:
        """Return how well a row answers a query of these words."""
        weights = cast(_WEIGHTS, ARRAY(REAL))
        query = cast(literal(" | ".join(map(_compile, words))), TSQUERY)
        return func.ts_rank(weights, ROWS.c.terms, query, type_=Float)


def _compile(word: Term | Prefix) -> str:
    label = TIERS[word.field].upper() if word.field else ""
    if isinstance(word, Prefix):
        return f"{word.start}:*{label}"
    return f"{word.term}:{label}" if label else word.term


def _vector(tiers: dict[str, str]) -> str:
    # A position for each tier; they stand for nothing but its weight.
    return " ".join(
        f"{term}:{','.join(f'{n}{tier}' for n, tier in enumerate(letters, 1))}"
        for term, letters in tiers.items()
    )
