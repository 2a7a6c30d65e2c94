"""The text index in SQLite: an FTS5 table, one row of analyzed terms per dataset.

The engines beside this one have the same functions: create, drop, entry_of,
store_entries, holds, forget, check and match; and for words that are one parameter of a
statement expression_of, matched, within, newest, NUMBER_UP_TO and NUMBER_WITHIN.

Each row also has a term for the dataset's base URI. What very many datasets have is
counted and paged by the index alone, since to look up the base URI of each in the
table of datasets would take twenty times as long.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Connection,
    Integer,
    Select,
    String,
    bindparam,
    false,
    func,
    literal_column,
    select,
    table,
    text,
)
from sqlalchemy.orm import Session, scoped_session

from ...prepared import Prepared
from ...sql_models import Dataset
from ..analysis import PHRASE_FIELDS, SET_FIELDS, AnalyzedDataset
from ..interfaces import TextMatch
from ..term_sets import in_order
from ..text_query import Clause, Phrase, Prefix, Term, TextQuery
from .term_rows import number

#: Name of the FTS5 table, and what the names of its shadow tables begin with.
TABLE = "dataset_text"

# What a word is worth, field by field. They are that far apart because bm25 makes
# little of a word in a long row, and it measures the row with all its items.
_WEIGHTS = {
    "name": 1000,
    "tags": 100,
    "creator": 10,
    "identifiers": 10,
    "readme": 1,
    "annotations": 1,
    "forms": 1,
    "items": 0.1,
}
_FIELDS = (*PHRASE_FIELDS, *SET_FIELDS)
# The field of the base URI's term.
_PLACE = "place"
# Base URIs that are named in a query, at most.
_MOST_PLACES = 100
_WEIGHTS_IN_ORDER: list[ColumnElement[float]] = [
    literal_column(str(_WEIGHTS[field])) for field in _FIELDS
]
_ROWID: ColumnElement[int] = literal_column("rowid", Integer)

_CREATE = (
    f"CREATE VIRTUAL TABLE IF NOT EXISTS {TABLE} USING fts5("
    f"{', '.join(_FIELDS)}, {_PLACE}, tokenize = \"unicode61 tokenchars '_'\")",
    # SQLite gives the id of a deleted row to the next one, which must not inherit
    # the terms, however the row was deleted.
    f"CREATE TRIGGER IF NOT EXISTS {TABLE}_forget AFTER DELETE ON dataset "
    f"BEGIN DELETE FROM {TABLE} WHERE rowid = old.id; END",
)
_DROP = (
    f"DROP TRIGGER IF EXISTS {TABLE}_forget",
    f"DROP TABLE IF EXISTS {TABLE}",
)
_FORGET = Prepared(text(f"DELETE FROM {TABLE} WHERE rowid = :id"))
# The term of a base URI, in SQL. It is none of a word: see analysis.BREAK.
_PLACE_OF_DATASET = (
    "(SELECT '_in_' || base_uri_id || '_' FROM dataset WHERE dataset.id = :id)"
)
_HELD = text(
    f"SELECT {', '.join(_FIELDS)} FROM {TABLE} "
    f"WHERE rowid = :id AND {_PLACE} = {_PLACE_OF_DATASET}"
)
_STORE = Prepared(
    text(
        f"INSERT INTO {TABLE} (rowid, {', '.join(_FIELDS)}, {_PLACE}) "
        f"VALUES (:id, {', '.join(f':{field}' for field in _FIELDS)}, "
        f"{_PLACE_OF_DATASET})"
    )
)


def _matching(expression: str | BindParameter[str]) -> Select[int]:
    """Return a select of the ids of the datasets that an expression finds."""
    matches: ColumnElement[bool]
    matches = literal_column(TABLE).op("MATCH", is_comparison=True)(expression)
    return select(_ROWID).select_from(table(TABLE)).where(matches)


_FOUND = _matching(bindparam("expression", type_=String()))
#: Counts what within() says.
NUMBER_WITHIN = number(_FOUND)
#: Counts what an expression finds, no further than the parameter most.
NUMBER_UP_TO = number(_FOUND.limit(bindparam("most", type_=Integer)))

AnySession = Session | scoped_session[Session]
Entry = dict[str, str]


def create(connection: Connection) -> None:
    """Make the index where it is not there; the dataset table must be."""
    for statement in _CREATE:
        connection.execute(text(statement))


def drop(connection: Connection) -> None:
    """Remove the index if it is there."""
    for statement in _DROP:
        connection.execute(text(statement))


def store_entries(
    session: AnySession, entries: Mapping[int, Entry], known: Collection[int]
) -> None:
    """Keep the terms of datasets in place of what was kept of them.

    :param entries: by the ids of the datasets, as entry_of returns them
    :param known: the ids of those of which something may be kept
    """
    _FORGET.run([{"id": id_} for id_ in sorted(known)], session)
    rows = [{"id": id_, **entry} for id_, entry in sorted(entries.items())]
    _STORE.run(rows, session)


def holds(session: AnySession, dataset_id: int, terms: AnalyzedDataset) -> bool:
    """Return whether these terms of a dataset are kept, and no others."""
    row = session.execute(_HELD, {"id": dataset_id}).first()
    return row is not None and row._asdict() == entry_of(terms)


def entry_of(terms: AnalyzedDataset) -> Entry:
    """Return a dataset's terms as store_entries takes them: the columns of its row."""
    texts = {field: " ".join(getattr(terms, field)) for field in PHRASE_FIELDS}
    # A million terms of a manifest are written twice as fast in order.
    texts |= {field: in_order(getattr(terms, field)) for field in SET_FIELDS}
    return texts


def forget(session: AnySession, dataset_id: int) -> None:
    """Remove a dataset's terms; nothing happens where there are none."""
    _FORGET.run([{"id": dataset_id}], session)


def check(session: AnySession) -> None:
    """Return if the index can be read.

    :raises SQLAlchemyError: if not
    """
    session.execute(text(f"SELECT rowid FROM {TABLE} LIMIT 1"))


def match(query: TextQuery) -> TextMatch:
    """Return a query as a part of a statement over the dataset table."""
    newest_first = (Dataset.frozen_at.desc(), Dataset.id.desc())
    if query.finds_nothing:
        return TextMatch(false(), false(), newest_first)
    if not query.groups:
        unwanted = _rows(_any(query.none_of)).with_only_columns(_ROWID)
        others = Dataset.id.not_in(unwanted)
        return TextMatch(others, others, newest_first)
    return matched(expression_of(query))


def matched(expression: str | BindParameter[str]) -> TextMatch:
    """Return what an expression of FTS5 finds, as match() does.

    :param expression: as expression_of returns it, or what stands for it
    """
    newest_first = (Dataset.frozen_at.desc(), Dataset.id.desc())
    rows = _rows(expression)
    found = rows.subquery()
    # A join, and no IN: the rank is then made while the index is read, once.
    return TextMatch(
        Dataset.id == found.c.id,
        Dataset.id.in_(rows.with_only_columns(_ROWID)),
        (found.c.rank, *newest_first),
    )


def newest() -> ColumnElement[bool]:
    """Return the condition that a dataset is on a page of the newest hits.

    The last registered come first. Its parameters are what within() returns, offset and
    limit.
    """
    page = _FOUND.order_by(_ROWID.desc())
    page = page.limit(bindparam("limit", type_=Integer))
    return Dataset.id.in_(page.offset(bindparam("offset", type_=BigInteger)))


def within(
    expression: str, shown: Sequence[int], hidden: Sequence[int]
) -> dict[str, Any] | None:
    """Return the parameters for what an expression finds in some of all base URIs.

    :param shown: the ids of these base URIs
    :param hidden: the ids of all others
    :returns: None where there are too many to name them
    """
    if not hidden:
        return {"expression": expression}
    few, operator = (hidden, "NOT") if len(hidden) <= len(shown) else (shown, "AND")
    if not few or len(few) > _MOST_PLACES:
        return None
    places = " OR ".join(f'"_in_{id_}_"' for id_ in few)
    return {"expression": f"({expression}) {operator} {_PLACE} : ({places})"}


def _rows(expression: str | BindParameter[str]) -> Select[tuple[int, float]]:
    # The sum hides from SQLite that this is the rowid: else it may go through the
    # datasets first and search the index again for each.
    id_ = (_ROWID + literal_column("0")).label("id")
    rank = func.bm25(literal_column(TABLE), *_WEIGHTS_IN_ORDER).label("rank")
    return _matching(expression).with_only_columns(id_, rank)


def expression_of(query: TextQuery) -> str:
    """Return a query with something to find in the language of FTS5."""
    any_of = _any(query.any_of)
    expression = " AND ".join(f"({_any(group)})" for group in query.groups)
    if query.all_of and any_of:
        # Whatever has all matches the second half too, and ranks by its words.
        expression = f"({expression}) AND ({expression} OR {any_of})"
    return (
        f"({expression}) NOT ({_any(query.none_of)})" if query.none_of else expression
    )


def _any(clauses: tuple[Clause, ...]) -> str:
    return " OR ".join(map(_compile, clauses))


def _compile(clause: Clause) -> str:
    # In quotes, no term can be an operator of FTS5.
    match clause:
        case Term(term, field):
            return f'{_within(field)}"{term}"'
        case Prefix(start, field):
            return f'{_within(field)}"{start}" *'
        case Phrase((), whole):
            return f'"{whole}"'
        case Phrase(terms, whole, field):
            fields = (field,) if field else PHRASE_FIELDS
            return f'({{{" ".join(fields)}}} : "{" ".join(terms)}" OR "{whole}")'


def _within(field: str | None) -> str:
    return f"{field} : " if field else ""
