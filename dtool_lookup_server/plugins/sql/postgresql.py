"""The text index in PostgreSQL: tsvectors made of analyzed terms, and a GIN index.

The literals of tsvector and tsquery take terms as they are: no configuration of a
language comes into it. A dataset with more terms than a tsvector takes has several
rows, each of which can tell by itself whether a term or a phrase occurs in it; which
dataset is found is told by all of them together.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Float,
    Select,
    and_,
    bindparam,
    case,
    cast,
    false,
    func,
    literal,
    literal_column,
    or_,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, REAL, TSQUERY, TSVECTOR

from ...sql_models import Dataset
from ..analysis import AnalyzedDataset
from ..interfaces import TextMatch
from ..text_query import Clause, Phrase, Prefix, Term, TextQuery
from .term_rows import (
    ROWS,
    TABLE,
    TIERS,
    AnySession,
    Words,
    begin,
    check,
    drop,
    end,
    forget,
    phrases,
    plain,
    rows_of,
    spaced,
    words_of,
)

__all__ = ["add", "check", "create", "drop", "forget", "holds", "match", "store"]

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
_TERMS: ColumnElement[str] = literal_column(f"{TABLE}.terms", TSVECTOR)

_log = logging.getLogger(__name__)


def create(connection: Connection) -> None:
    """Make the index where it is not there; the dataset table must be."""
    for statement in _CREATE:
        connection.execute(text(statement))


def store(session: AnySession, dataset_id: int, terms: AnalyzedDataset) -> None:
    """Keep a dataset's terms in place of what was kept of it."""
    forget(session, dataset_id)
    add(session, {dataset_id: terms})


def add(session: AnySession, datasets: Mapping[int, AnalyzedDataset]) -> None:
    """Keep the terms of datasets, by their ids, of which nothing is kept yet."""
    rows = []
    for dataset_id, terms in datasets.items():
        values = list(_values(terms))
        rows += [value | {"dataset_id": dataset_id} for value in values]
        if len(values) > 1:
            _log.info("The terms of dataset %s take %s rows", dataset_id, len(values))
    if rows:
        session.execute(_INSERT, rows)


def _values(terms: AnalyzedDataset) -> Iterator[dict[str, Any]]:
    """Yield the columns of each of a dataset's rows, but for its id."""
    for part, row in enumerate(rows_of(terms)):
        yield {"part": part, "terms": _vector(row.tiers), "words": row.text}


def holds(session: AnySession, dataset_id: int, terms: AnalyzedDataset) -> bool:
    """Return whether these terms of a dataset are kept, and no others."""
    of_dataset = ROWS.c.dataset_id == dataset_id
    same = select(ROWS.c.part).where(
        of_dataset,
        ROWS.c.part == bindparam("part"),
        cast(bindparam("terms"), TSVECTOR) == _TERMS,
        ROWS.c.words == bindparam("words"),
    )
    parts = 0
    for values in _values(terms):
        if session.execute(same, values).first() is None:
            return False
        parts += 1
    kept = select(func.count()).select_from(ROWS).where(of_dataset)
    return session.scalar(kept) == parts


def match(query: TextQuery) -> TextMatch:
    """Return a query as a part of a statement over the dataset table."""
    newest_first = (Dataset.frozen_at.desc(), Dataset.id.desc())
    if query.finds_nothing:
        return TextMatch(false(), false(), newest_first)
    if not query.groups:
        others = Dataset.id.not_in(_found([query.none_of], ()))
        return TextMatch(others, others, newest_first)
    rank = func.max(_relevance(words_of(query.wanted))).label("rank")
    rows = _found(query.groups, query.none_of)
    found = rows.add_columns(rank).subquery()
    return TextMatch(
        Dataset.id == found.c.dataset_id,
        Dataset.id.in_(rows),
        (found.c.rank.desc(), *newest_first),
    )


def _found(
    wanted: Sequence[Sequence[Clause]], unwanted: Sequence[Clause]
) -> Select[tuple[int]]:
    """Return a select of the ids of the datasets that a query finds.

    :param wanted: groups, of each of which one clause must occur
    :param unwanted: none of these may
    """
    clauses = [clause for group in [*wanted, unwanted] for clause in group]
    found = (
        select(ROWS.c.dataset_id)
        .where(_any_of(plain(clauses), phrases(clauses)))
        .group_by(ROWS.c.dataset_id)
    )
    if len(wanted) > 1 or unwanted or phrases(clauses):
        found = found.having(and_(*map(_in_some_row, wanted)))
    if unwanted:
        found = found.having(~_in_some_row(unwanted))
    return found


def _in_some_row(clauses: Sequence[Clause]) -> ColumnElement[bool]:
    conditions = [_any_of(plain(clauses))] if plain(clauses) else []
    for phrase in phrases(clauses):
        words: ColumnElement[str] = ROWS.c.words
        if phrase.field:
            # With the blanks that stand before and behind its words.
            words = _between(f" {begin(phrase.field)}", end(phrase.field))
        conditions.append(func.strpos(words, spaced(phrase.terms)) > 0)
    return func.max(case((or_(*conditions), 1), else_=0)) == 1


def _between(start: str, end: str) -> ColumnElement[str]:
    """Return what of a row's words stands between two of them.

    Empty where the row does not have the start, and up to the end of the row where it
    does not have the end.
    """
    return func.split_part(func.split_part(ROWS.c.words, start, 2), end, 1)


def _any_of(words: Words, phrases: Sequence[Phrase] = ()) -> ColumnElement[bool]:
    """Return whether a row has one of the words, or all terms of a phrase.

    By this the row is found in the index. Whether the terms of the phrase are in order
    is not asked.
    """
    alternatives = [
        *map(_compile, words),
        *(f"({' & '.join(phrase.terms)})" for phrase in phrases),
    ]
    query = cast(literal(" | ".join(alternatives)), TSQUERY)
    return _TERMS.op("@@", is_comparison=True)(query)


def _relevance(words: Words) -> ColumnElement[float]:
    """Return how well a row answers a query of these words."""
    weights = cast(_WEIGHTS, ARRAY(REAL))
    query = cast(literal(" | ".join(map(_compile, words))), TSQUERY)
    return func.ts_rank(weights, _TERMS, query, type_=Float)


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
