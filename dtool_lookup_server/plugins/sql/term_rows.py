"""The terms of a dataset where the text index is tables: PostgreSQL and MariaDB.

The text of a dataset has one row in a table there, or several where there is more of
it than the engine takes: rows of limited size, none of which cuts a phrase.
"""

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Integer, Select, column, func, select, table, text
from sqlalchemy.orm import Session, scoped_session

from ...prepared import RememberedSelect
from ..analysis import PHRASE_FIELDS, AnalyzedDataset
from ..text_query import MAX_TERMS, Clause, Phrase, Prefix, Term

#: Name of the table.
TABLE = "dataset_text"
#: The table: a row's text, each term between blanks. There may be more columns.
ROWS = table(
    TABLE,
    column("dataset_id", Integer),
    column("part", Integer),
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
        return spaced(self.words)


def rows_of(
    terms: AnalyzedDataset, labels: Set[str] = frozenset()
) -> Iterator[TextRow]:
    """Yield the rows that hold a dataset's terms, one of them at least.

    Where a row is full in the midst of a text the next one repeats the last terms,
    as many as a phrase may have, so that no phrase is cut.

    :param labels: terms to keep beside them
    """
    row = TextRow()
    before: list[tuple[str, str]] = []
    for name in PHRASE_FIELDS:
        tier = TIERS.get(name, OTHER_TIER)
        row.words.append(begin(name))
        for term in getattr(terms, name):
            if not row.takes(term):
                yield row
                row, before = TextRow(), before[-MAX_TERMS:]
                row.words.append(begin(name))
                for repeated in before:
                    row.add_word(*repeated)
            row.add_word(term, tier)
            before.append((term, tier))
        row.words.append(end(name))
        before = []
    forms: set[str] = set().union(labels, *terms.forms.values())
    for tier, others in ((OTHER_TIER, forms), (TIERS["items"], terms.items)):
        for term in sorted(others):
            if not row.takes(term):
                yield row
                row = TextRow()
            row.add(term, tier)
    yield row


def begin(field: str) -> str:
    """Return what stands before a field's words; like BREAK it is no word's term.

    :param field: one of analysis.PHRASE_FIELDS
    """
    return f"_{field}_"


def end(field: str) -> str:
    """Return what stands behind a field's words.

    :param field: one of analysis.PHRASE_FIELDS
    """
    return f"_end_{field}_"


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


def number(found: Select[Any]) -> RememberedSelect:
    """Return what counts the rows of a select, once for all pages of what is found."""
    return RememberedSelect(select(func.count()).select_from(found.subquery()))


def plain(clauses: Iterable[Clause]) -> Words:
    """Return what can be asked for without regard to order."""
    return [
        Term(clause.whole, clause.field) if isinstance(clause, Phrase) else clause
        for clause in clauses
    ]


def phrases(clauses: Iterable[Clause]) -> list[Phrase]:
    """Return the phrases whose terms may stand in order."""
    return [clause for clause in clauses if isinstance(clause, Phrase) and clause.terms]


def words_of(clauses: Iterable[Clause]) -> Words:
    """Return every word of the clauses, for the order of what is found."""
    clauses = list(clauses)
    terms = [term for phrase in phrases(clauses) for term in phrase.terms]
    return [*plain(clauses), *map(Term, terms)]


def spaced(terms: Iterable[str]) -> str:
    """Return terms as a row's text has them where they follow one another."""
    return f" {' '.join(terms)} "
