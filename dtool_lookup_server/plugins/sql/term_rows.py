"""The text index where it is a table: what PostgreSQL and MariaDB have in common.

A dataset has one row of terms there, or several where there are more terms than the
engine takes: rows of limited size, each of which can tell by itself whether a term
or a phrase occurs in it. Which dataset is found is told by all rows together.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Select,
    and_,
    bindparam,
    case,
    column,
    false,
    func,
    or_,
    select,
    table,
    text,
)
from sqlalchemy.orm import Session, scoped_session

from ...sql_models import Dataset
from ..analysis import PHRASE_FIELDS, AnalyzedDataset
from ..interfaces import TextMatch
from ..text_query import MAX_TERMS, Clause, Phrase, Prefix, Term, TextQuery

#: Name of the table.
TABLE = "dataset_text"
#: The table: a row's terms as the engine indexes them, and in order for phrases.
ROWS = table(
    TABLE,
    column("dataset_id", Integer),
    column("part", Integer),
    column("terms"),
    column("words"),
)

#: How well a field's terms are worth finding: the first letter is worth the most.
TIERS = {"name": "a", "tags": "b", "items": "d"}
OTHER_TIER = "c"

# PostgreSQL takes 1 MiB of terms with what it adds to each.
_ROW_BYTES = 700_000
_TERM_OVERHEAD = 10

AnySession = Session | scoped_session[Session]
Words = Sequence[Term | Prefix]

logger = logging.getLogger(__name__)


class Language(Protocol):
    """How an engine is asked for terms."""

    def any_of(
        self, words: Words, phrases: Sequence[Phrase] = ()
    ) -> ColumnElement[bool]:
        """Return whether a row has one of the words, or all terms of a phrase.

        By this the engine finds the row in its index. Whether the terms of the
        phrase are in order is not asked.
        """

    def in_order(self, terms: str, words: ColumnElement[str]) -> ColumnElement[bool]:
        """Return whether words have these terms, one after the other.

        :param terms: with a blank on either side of each
        """

    def between(self, start: str, end: str) -> ColumnElement[str]:
        """Return what of a row's words stands between two of them.

        Empty where the row does not have the start, and up to the end of the row
        where it does not have the end.
        """

    def relevance(self, words: Words) -> ColumnElement[float]:
        """Return how well a row answers a query of these words."""


@dataclass
class TextRow:
    """One row of the table.

    :param tiers: the letters of the tiers that each term occurs in, at most one
        of each
    :param words: the terms of phrase fields in order
    """

    tiers: dict[str, str] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)
    _size: int = 0

    def takes(self, term: str) -> bool:
        """Return whether there is room for one more term."""
        return self._size + len(term) + _TERM_OVERHEAD <= _ROW_BYTES

    def add(self, term: str, tier: str) -> None:
        """Keep a term."""
        known = self.tiers.get(term, "")
        if not known:
            self._size += len(term) + _TERM_OVERHEAD
        if tier not in known:
            self.tiers[term] = known + tier

    def add_word(self, term: str, tier: str) -> None:
        """Keep a term, and its place."""
        self.add(term, tier)
        self.words.append(term)
        self._size += len(term) + 1

    @property
    def text(self) -> str:
        """The terms in order, each between blanks."""
        return _spaced(self.words)


def rows_of(terms: AnalyzedDataset) -> Iterator[TextRow]:
    """Yield the rows that hold a dataset's terms, one of them at least.

    Where a row is full in the midst of a text the next one repeats the last terms,
    as many as a phrase may have, so that no phrase is cut.
    """
    row = TextRow()
    before: list[tuple[str, str]] = []
    for name in PHRASE_FIELDS:
        tier = TIERS.get(name, OTHER_TIER)
        row.words.append(_begin(name))
        for term in getattr(terms, name):
            if not row.takes(term):
                yield row
                row, before = TextRow(), before[-MAX_TERMS:]
                row.words.append(_begin(name))
                for repeated in before:
                    row.add_word(*repeated)
            row.add_word(term, tier)
            before.append((term, tier))
        row.words.append(_end(name))
        before = []
    for name in ("forms", "items"):
        for term in sorted(getattr(terms, name)):
            if not row.takes(term):
                yield row
                row = TextRow()
            row.add(term, TIERS.get(name, OTHER_TIER))
    yield row


def _begin(field: str) -> str:
    """Return what stands before a field's words; like BREAK it is no word's term."""
    return f"_{field}_"


def _end(field: str) -> str:
    return f"_end_{field}_"


def store(
    session: AnySession, dataset_id: int, rows: Iterable[tuple[str, str]], insert: Any
) -> None:
    """Keep a dataset's rows in place of what was kept of it.

    :param rows: of each, the terms as the engine takes them, and the text
    :param insert: the engine's statement, with dataset_id, part, terms and words
    """
    forget(session, dataset_id)
    parts = 0
    for part, (terms, words) in enumerate(rows):
        values = {"dataset_id": dataset_id, "part": part, "terms": terms}
        session.execute(insert, values | {"words": words})
        parts += 1
    if parts > 1:
        logger.info("The terms of dataset %s take %s rows", dataset_id, parts)


def holds(
    session: AnySession, dataset_id: int, rows: Iterable[tuple[str, str]], terms: Any
) -> bool:
    """Return whether a dataset has these rows, and no others.

    :param rows: as store takes them
    :param terms: the engine's expression for the parameter of this name
    """
    of_dataset = ROWS.c.dataset_id == dataset_id
    same = select(ROWS.c.part).where(
        of_dataset,
        ROWS.c.part == bindparam("part"),
        ROWS.c.terms == terms,
        ROWS.c.words == bindparam("words"),
    )
    parts = 0
    for part, (row_terms, words) in enumerate(rows):
        values = {"part": part, "terms": row_terms, "words": words}
        if session.execute(same, values).first() is None:
            return False
        parts += 1
    kept = select(func.count()).select_from(ROWS).where(of_dataset)
    return session.scalar(kept) == parts


def forget(session: AnySession, dataset_id: int) -> None:
    """Remove a dataset's rows; nothing happens where there are none."""
    session.execute(ROWS.delete().where(ROWS.c.dataset_id == dataset_id))


def drop(connection: Connection) -> None:
    """Remove the table if it is there."""
    connection.execute(text(f"DROP TABLE IF EXISTS {TABLE}"))


def check(session: AnySession) -> None:
    """Return if the table can be read.

    :raises SQLAlchemyError: if not
    """
    session.execute(select(ROWS.c.dataset_id).limit(1))


def match(query: TextQuery, language: Language) -> TextMatch:
    """Return a query as a part of a statement over the dataset table."""
    newest_first = (Dataset.frozen_at.desc(), Dataset.id.desc())
    if query.finds_nothing:
        return TextMatch(false(), false(), newest_first)
    if not query.groups:
        others = Dataset.id.not_in(_ids(_found([query.none_of], (), language)))
        return TextMatch(others, others, newest_first)
    rank = func.max(language.relevance(_words_of(query.wanted))).label("rank")
    rows = _found(query.groups, query.none_of, language)
    found = rows.add_columns(rank).subquery()
    return TextMatch(
        Dataset.id == found.c.dataset_id,
        Dataset.id.in_(_ids(rows)),
        (found.c.rank.desc(), *newest_first),
    )


def _found(
    wanted: Sequence[Sequence[Clause]], unwanted: Sequence[Clause], language: Language
) -> Select[Any]:
    """Return a select of the ids of the datasets that a query finds.

    :param wanted: groups, of each of which one clause must occur
    :param unwanted: none of these may
    """
    clauses = [clause for group in [*wanted, unwanted] for clause in group]
    found = (
        select(ROWS.c.dataset_id)
        .where(language.any_of(_plain(clauses), _phrases(clauses)))
        .group_by(ROWS.c.dataset_id)
    )
    if len(wanted) > 1 or unwanted or _phrases(clauses):
        found = found.having(and_(*(_in_some_row(group, language) for group in wanted)))
    if unwanted:
        found = found.having(~_in_some_row(unwanted, language))
    return found


def _ids(found: Select[Any]) -> Select[Any]:
    """Return the ids of what _found selects, for IN.

    MariaDB looks for each dataset in a subquery of its own, and some of them escape
    MATCH ... AGAINST then; in a table within the subquery all are found at once.
    """
    return select(found.subquery().c.dataset_id)


def _in_some_row(clauses: Sequence[Clause], language: Language) -> ColumnElement[bool]:
    conditions = [language.any_of(_plain(clauses))] if _plain(clauses) else []
    for phrase in _phrases(clauses):
        words: ColumnElement[str] = ROWS.c.words
        if phrase.field:
            # With the blanks that stand before and behind its words.
            words = language.between(f" {_begin(phrase.field)}", _end(phrase.field))
        conditions.append(language.in_order(_spaced(phrase.terms), words))
    return func.max(case((or_(*conditions), 1), else_=0)) == 1


def _plain(clauses: Iterable[Clause]) -> Words:
    """Return what can be asked for without regard to order."""
    return [
        Term(clause.whole) if isinstance(clause, Phrase) else clause
        for clause in clauses
    ]


def _words_of(clauses: Iterable[Clause]) -> Words:
    """Return every word of the clauses, for the order of what is found."""
    terms = [term for phrase in _phrases(clauses) for term in phrase.terms]
    return [*_plain(clauses), *map(Term, terms)]


def _spaced(terms: Iterable[str]) -> str:
    return f" {' '.join(terms)} "


def _phrases(clauses: Iterable[Clause]) -> list[Phrase]:
    return [clause for clause in clauses if isinstance(clause, Phrase) and clause.terms]
