"""The text index in SQLite: an FTS5 table, one row of analyzed terms per dataset.

The engines beside this one have the same functions: create, drop, entry_of,
store_entries, holds, forget, check and match; and for words that are one parameter of a
statement expression_of, matched, within, newest, NUMBER_UP_TO and NUMBER_WITHIN. This
one alone has is_scattered, steps_to_tidy and merge.

What a field that can be searched alone has beside its terms, wholes of identifiers and
forms of words, is in a column of its own.

Each row also has a term for the dataset's base URI. What very many datasets have is
counted and paged by the index alone, since to look up the base URI of each in the
table of datasets would take twenty times as long.

FTS5 holds all terms of a row in memory until it has the next row. Of very many items it
therefore has one text of terms in the dataset's row, and the others in rows of another
table, MORE; the dataset's row then also has a term that stands for the dataset. A word
of a query that is found in MORE is looked for together with the terms of its datasets,
so that one expression over the first table finds all, however it is put together. FTS5
takes long for thousands of these: what many items have, and thus many datasets, is in
the dataset's row.
"""

import functools
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Connection,
    Integer,
    Select,
    String,
    bindparam,
    column,
    false,
    func,
    literal_column,
    select,
    table,
    text,
)
from sqlalchemy.orm import Session, scoped_session

from ...prepared import Prepared, RememberedSelect
from ...sql_models import Dataset
from ..analysis import PHRASE_FIELDS, SEARCHED_ALONE, AnalyzedDataset
from ..interfaces import TextMatch
from ..term_sets import in_texts
from ..text_query import ITEMS, Clause, Phrase, Prefix, Term, TextQuery
from .term_rows import number

#: Name of the FTS5 table, and what the names of its shadow tables begin with.
TABLE = "dataset_text"
#: Name of the FTS5 table with the terms of items that are not in the first.
MORE = f"{TABLE}_more"

# What a word is worth, field by field. They are that far apart because bm25 makes
# little of a word in a long row, and it measures the row with all its items.
_WEIGHTS = {
    "name": 1000,
    "tags": 100,
    "creator": 10,
    "identifiers": 10,
    "readme": 1,
    "annotations": 1,
    "items": 0.1,
    "forms": 1,
}
_FORMS = "forms"
# The columns of forms: one for each field that can be searched alone, and one for the
# others together.
_FORMS_OF = {field: f"{field}_forms" for field in SEARCHED_ALONE}
_SETS = (ITEMS, _FORMS, *_FORMS_OF.values())
_FIELDS = (*PHRASE_FIELDS, *_SETS)
# The field of the base URI's term, and of that which stands for items in MORE.
_PLACE = "place"
# Base URIs that are named in a query, at most.
_MOST_PLACES = 100
_WEIGHTS_IN_ORDER: list[ColumnElement[float]] = [
    *(literal_column(str(_WEIGHTS.get(field, _WEIGHTS[_FORMS]))) for field in _FIELDS),
    literal_column(str(_WEIGHTS[ITEMS])),
]
_ROWID: ColumnElement[int] = literal_column("rowid", Integer)

# Rows of a dataset in MORE, at most: their ids begin with its own.
_MOST_ROWS = 4096
_MORE_OF = (
    f"{MORE} WHERE rowid BETWEEN"
    f" {{0}} * {_MOST_ROWS} AND {{0}} * {_MOST_ROWS} + {_MOST_ROWS - 1}"
)

_TOKENIZE = "tokenize = \"unicode61 tokenchars '_'\""
_CREATE = (
    f"CREATE VIRTUAL TABLE IF NOT EXISTS {TABLE} USING fts5("
    f"{', '.join(_FIELDS)}, {_PLACE}, {_TOKENIZE})",
    f"CREATE VIRTUAL TABLE IF NOT EXISTS {MORE} USING fts5("
    f"{ITEMS}, detail = none, columnsize = 0, {_TOKENIZE})",
    # SQLite gives the id of a deleted row to the next one, which must not inherit
    # the terms, however the row was deleted.
    f"CREATE TRIGGER IF NOT EXISTS {TABLE}_forget AFTER DELETE ON dataset "
    f"BEGIN DELETE FROM {TABLE} WHERE rowid = old.id; "
    f"DELETE FROM {_MORE_OF.format('old.id')}; END",
)
# How segments are united, see "Configuration Options" in https://www.sqlite.org/fts5.html:
# five of about the same size by the commit that makes the fifth, so that one that
# registers a dataset leaves few small ones, where 16 are usual; and by merge() any two.
# FTS5 begins with four, a little with each commit, so that a commit that unites five
# large ones is rare.
_SETTINGS = {"crisismerge": 5, "usermerge": 2}
_DROP = (
    f"DROP TRIGGER IF EXISTS {TABLE}_forget",
    f"DROP TABLE IF EXISTS {MORE}",
    f"DROP TABLE IF EXISTS {TABLE}",
)
_FORGET = (
    Prepared(text(f"DELETE FROM {TABLE} WHERE rowid = :id")),
    Prepared(text(f"DELETE FROM {_MORE_OF.format(':id')}")),
)
# The term of a base URI, in SQL. It is none of a word: see analysis.BREAK.
_PLACE_OF_DATASET = (
    "(SELECT '_in_' || base_uri_id || '_' || :more FROM dataset WHERE dataset.id = :id)"
)
_HELD = text(
    f"SELECT {', '.join(_FIELDS)} FROM {TABLE} "
    f"WHERE rowid = :id AND {_PLACE} = {_PLACE_OF_DATASET}"
)
_MORE_HELD = text(f"SELECT {ITEMS} FROM {_MORE_OF.format(':id')} ORDER BY rowid")
_STORE = Prepared(
    text(
        f"INSERT INTO {TABLE} (rowid, {', '.join(_FIELDS)}, {_PLACE}) "
        f"VALUES (:id, {', '.join(f':{field}' for field in _FIELDS)}, "
        f"{_PLACE_OF_DATASET})"
    )
)
_STORE_MORE = Prepared(
    text(f"INSERT INTO {MORE} (rowid, {ITEMS}) VALUES (:rowid, :{ITEMS})")
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

# Few have a dataset with so many items.
_ANY_MORE = RememberedSelect(
    select(literal_column("1", Integer)).select_from(table(MORE)).limit(1)
)
# The datasets that have something among their rows of MORE.
_IN_MORE = Prepared(
    select(literal_column(f"rowid / {_MOST_ROWS}", Integer))
    .distinct()
    .select_from(table(MORE))
    .where(
        literal_column(MORE).op("MATCH", is_comparison=True)(
            bindparam("expression", type_=String())
        )
    )
)

# Each commit adds a segment to the index, and some of about the same size are united
# now and then. Each word is looked for in every segment: with 26 of them that takes six
# times as long as with one.
_SEGMENTS = Prepared(
    select(func.count().label("pages"))
    .select_from(table(f"{TABLE}_idx", column("segid")))
    .group_by(column("segid"))
)
_MERGE = Prepared(text(f"INSERT INTO {TABLE} ({TABLE}, rank) VALUES ('merge', :pages)"))
# Pages that are written while nobody else can write: for less than a tenth of a second.
_MERGED_AT_ONCE = 1_000

AnySession = Session | scoped_session[Session]


class Entry(NamedTuple):
    """A dataset's terms as they are stored.

    :param columns: of its row, but for the place
    :param more: the texts of its rows of MORE
    """

    columns: dict[str, str]
    more: list[str]


def create(connection: Connection) -> None:
    """Make the index where it is not there; the dataset table must be."""
    for statement in _CREATE:
        connection.execute(text(statement))
    configure(connection)


def configure(connection: Connection, **settings: int) -> None:
    """Have FTS5 keep how it is to unite segments of the index.

    :param settings: others than those of this version
    """
    statement = text(f"INSERT INTO {TABLE} ({TABLE}, rank) VALUES (:name, :value)")
    for name, value in (_SETTINGS | settings).items():
        connection.execute(statement, {"name": name, "value": value})


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
    _forget(session, sorted(known))
    ordered = sorted(entries.items())
    rows = [
        {"id": id_, "more": _more(id_, entry.more), **entry.columns}
        for id_, entry in ordered
    ]
    _STORE.run(rows, session)
    more = [
        {"rowid": id_ * _MOST_ROWS + place, ITEMS: items}
        for id_, entry in ordered
        for place, items in enumerate(entry.more)
    ]
    _STORE_MORE.run(more, session)


def _more(dataset_id: int, more: Sequence[str]) -> str:
    """Return what is written behind the term of the base URI."""
    return f" {_term_of(dataset_id)}" if more else ""


def _term_of(dataset_id: int) -> str:
    """Return the term that stands for a dataset; like that of a base URI, no word's."""
    return f"_more_{dataset_id}_"


def holds(session: AnySession, dataset_id: int, terms: AnalyzedDataset) -> bool:
    """Return whether these terms of a dataset are kept, and no others.

    Terms of items and forms are kept in any order, and items however they are divided:
    once they were all in one row.
    """
    more = session.scalars(_MORE_HELD, {"id": dataset_id}).all()
    asked = {"id": dataset_id, "more": _more(dataset_id, more)}
    row = session.execute(_HELD, asked).first()
    if row is None:
        return False
    # A version that does not know a column leaves it empty.
    held = {name: kept or "" for name, kept in row._asdict().items()}
    held[ITEMS] = " ".join([held[ITEMS], *more])
    sets = {name: set(held.pop(name).split()) for name in _SETS}
    in_order = {name: " ".join(getattr(terms, name)) for name in PHRASE_FIELDS}
    return held == in_order and sets == {**_forms_of(terms), ITEMS: terms.items}


def entry_of(terms: AnalyzedDataset) -> Entry:
    """Return a dataset's terms as store_entries takes them."""
    texts = {field: " ".join(getattr(terms, field)) for field in PHRASE_FIELDS}
    # A million terms of a manifest are written twice as fast in order.
    first, *more = in_texts(terms.items)
    forms = {name: " ".join(some) for name, some in _forms_of(terms).items()}
    return Entry({**texts, ITEMS: first, **forms}, more)


def _forms_of(terms: AnalyzedDataset) -> dict[str, Set[str]]:
    """Return what each column of forms holds of a dataset.

    What is in one of its own need not be among the others.
    """
    alone = {column: terms.forms[field] for field, column in _FORMS_OF.items()}
    every: set[str] = set().union(*terms.forms.values())
    return {_FORMS: every.difference(*alone.values()), **alone}


def forget(session: AnySession, dataset_id: int) -> None:
    """Remove a dataset's terms; nothing happens where there are none."""
    _forget(session, [dataset_id])


def _forget(session: AnySession, dataset_ids: Sequence[int]) -> None:
    for statement in _FORGET:
        statement.run([{"id": id_} for id_ in dataset_ids], session)


def check(session: AnySession) -> None:
    """Return if the index can be read.

    :raises SQLAlchemyError: if not
    """
    session.execute(text(f"SELECT rowid FROM {TABLE} LIMIT 1"))


def is_scattered(session: AnySession) -> bool:
    """Return whether much of the index is in other segments than the largest.

    What is united then is a large part of all, so that each dataset's terms are written
    anew a few times, however many there will be.
    """
    pages = _pages_of_segments(session)
    return len(pages) > 1 and sum(pages) > 1.5 * max(pages)


def steps_to_tidy(session: AnySession) -> int:
    """Return about how often merge() is to be called for one segment."""
    return sum(_pages_of_segments(session)) // _MERGED_AT_ONCE + 1


def _pages_of_segments(session: AnySession) -> list[int]:
    return [number for (number,) in _SEGMENTS.all({}, session)]


def merge(session: AnySession, begin: bool) -> bool:
    """Go on uniting segments, within a transaction.

    See "The 'merge' Command" in https://www.sqlite.org/fts5.html.

    :param begin: unite all there are, and do not go on with what was begun
    :returns: whether there was something to do
    """
    driver: Any = session.connection().connection.driver_connection
    before = driver.total_changes
    pages = -_MERGED_AT_ONCE if begin else _MERGED_AT_ONCE
    _MERGE.run([{"pages": pages}], session)
    # One is that of the statement.
    return bool(driver.total_changes - before > 1)


def match(query: TextQuery) -> TextMatch:
    """Return a query as a part of a statement over the dataset table."""
    newest_first = (Dataset.frozen_at.desc(), Dataset.id.desc())
    if query.finds_nothing:
        return TextMatch(false(), false(), newest_first)
    if not query.groups:
        wanted = _any(query.none_of, _elsewhere(query.none_of))
        unwanted = _rows(wanted).with_only_columns(_ROWID)
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
    places = _in_place(f"_in_{id_}_" for id_ in few)
    return {"expression": f"({expression}) {operator} {places}"}


def _rows(expression: str | BindParameter[str]) -> Select[tuple[int, float]]:
    # The sum hides from SQLite that this is the rowid: else it may go through the
    # datasets first and search the index again for each.
    id_ = (_ROWID + literal_column("0")).label("id")
    rank = func.bm25(literal_column(TABLE), *_WEIGHTS_IN_ORDER).label("rank")
    return _matching(expression).with_only_columns(id_, rank)


def expression_of(query: TextQuery) -> str:
    """Return a query with something to find in the language of FTS5."""
    elsewhere = _elsewhere([*query.wanted, *query.none_of])
    return _expression_of(query, elsewhere) if elsewhere else _in_rows(query)


# For the next page of the same query.
@functools.lru_cache(maxsize=128)
def _in_rows(query: TextQuery) -> str:
    return _expression_of(query, {})


def _expression_of(query: TextQuery, elsewhere: Mapping[str, str]) -> str:
    any_of = _any(query.any_of, elsewhere)
    expression = " AND ".join(f"({_any(group, elsewhere)})" for group in query.groups)
    if query.all_of and any_of:
        # Whatever has all matches the second half too, and ranks by its words.
        expression = f"({expression}) AND ({expression} OR {any_of})"
    if query.none_of:
        return f"({expression}) NOT ({_any(query.none_of, elsewhere)})"
    return expression


def _elsewhere(clauses: Iterable[Clause]) -> dict[str, str]:
    """Return what else finds the datasets that have a clause in MORE.

    :returns: by what the clause is in MORE, of those that are there
    """
    if not _ANY_MORE.all({}):
        return {}
    asked = [one for one in dict.fromkeys(map(_in_more, clauses)) if one]
    if len(asked) > 1 and not _IN_MORE.all({"expression": " OR ".join(asked)}):
        return {}
    found = {one: _IN_MORE.all({"expression": one}) for one in asked}
    return {
        one: _in_place(_term_of(id_) for (id_,) in ids)
        for one, ids in found.items()
        if ids
    }


def _in_place(terms: Iterable[str]) -> str:
    """Return what finds the datasets that have one of some terms in their place."""
    any_of = " OR ".join(f'"{term}"' for term in terms)
    return f"{_PLACE} : ({any_of})"


def _in_more(clause: Clause) -> str | None:
    """Return a clause as it is looked for in MORE; None for what has no items."""
    if clause.field not in (None, ITEMS):
        return None
    match clause:
        case Term(term) | Phrase(_, term):
            return f'"{term}"'
        case Prefix(start):
            return f'"{start}" *'


def _any(clauses: tuple[Clause, ...], elsewhere: Mapping[str, str]) -> str:
    return " OR ".join(_compile(clause, elsewhere) for clause in clauses)


def _compile(clause: Clause, elsewhere: Mapping[str, str]) -> str:
    found = _in_row(clause)
    in_more = _in_more(clause)
    more = elsewhere.get(in_more) if in_more else None
    return f"({found} OR {more})" if more else found


def _in_row(clause: Clause) -> str:
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
            in_order = f'{_columns(fields)} : "{" ".join(terms)}"'
            return f'({in_order} OR {_within(field)}"{whole}")'


def _within(field: str | None) -> str:
    if field is None:
        return ""
    forms = [_FORMS_OF[field]] if field in _FORMS_OF else []
    return f"{_columns([field, *forms])} : "


def _columns(names: Iterable[str]) -> str:
    return f"{{{' '.join(names)}}}"
