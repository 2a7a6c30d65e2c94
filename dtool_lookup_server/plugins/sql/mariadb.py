"""The text index in MariaDB: a table of analyzed terms, and one of text in order.

MariaDB's own FULLTEXT is left aside: InnoDB answers from a cache and from tables that
the cache is moved to, and a search in that moment misses rows that were committed long
before. It also finds nothing of the transaction that it is asked in. A table whose
primary key begins with the term is as quick for whole terms and for beginnings, and is
a part of every transaction like any other.

Each term of a dataset also has the dataset's base URI: what very many datasets have is
counted and paged along the key, without looking each of them up.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Connection,
    Integer,
    Select,
    String,
    and_,
    bindparam,
    case,
    cast,
    column,
    delete,
    exists,
    false,
    func,
    insert,
    literal_column,
    or_,
    select,
    table,
    text,
)

from ...prepared import Prepared, PreparedForMany
from ...sql_models import Dataset
from ..analysis import MAX_TERM, AnalyzedDataset
from ..interfaces import TextMatch
from ..text_query import ITEMS, Clause, Phrase, Prefix, Term, TextQuery
from . import term_rows
from .term_rows import (
    ROWS,
    TABLE,
    TIERS,
    AnySession,
    Words,
    begin,
    check,
    end,
    number,
    phrases,
    plain,
    rows_of,
    spaced,
    words_of,
)

__all__ = [
    "NUMBER_UP_TO",
    "NUMBER_WITHIN",
    "check",
    "create",
    "drop",
    "entry_of",
    "expression_of",
    "forget",
    "holds",
    "match",
    "matched",
    "newest",
    "store_entries",
    "within",
]

TERMS_TABLE = f"{TABLE}_term"
#: A dataset's terms, with the bits of the tiers and of the fields that each occurs in.
TERMS = table(
    TERMS_TABLE,
    column("term", String),
    column("dataset_id", Integer),
    column("tiers", Integer),
    column("base_uri_id", Integer),
)

#: The bit of each tier, and of each field that can be searched alone.
BITS = {"a": 1, "b": 2, "c": 4, "d": 8}
FIELD_BITS = {"identifiers": 16, "readme": 32, "name": 64}
# They are that far apart because what several words are worth is added up.
_WEIGHTS = {"a": 100_000, "b": 1_000, "c": 10, "d": 1}
_BIT_OF = {ITEMS: BITS[TIERS[ITEMS]], **FIELD_BITS}
_ANYWHERE = sum(BITS.values())
# Between a term and the bits of its fields, in an expression.
_IN = " "

#: Terms in one statement: a megabyte, as MariaDB takes it however it is set up.
_BATCH = 5_000
# Comes after each character that terms are written in.
_LAST_CHARACTER = "{"

_ASCII = "CHARACTER SET ascii COLLATE ascii_bin NOT NULL"
_CREATE = (
    f"CREATE TABLE IF NOT EXISTS {TABLE} ("
    "dataset_id INTEGER NOT NULL, "
    "part INTEGER NOT NULL, "
    f"words LONGTEXT {_ASCII}, "
    "PRIMARY KEY (dataset_id, part), "
    f"CONSTRAINT {TABLE}_dataset FOREIGN KEY (dataset_id) "
    "REFERENCES dataset (id) ON DELETE CASCADE) ENGINE = InnoDB",
    f"CREATE TABLE IF NOT EXISTS {TERMS_TABLE} ("
    f"term VARCHAR({MAX_TERM}) {_ASCII}, "
    "dataset_id INTEGER NOT NULL, "
    "tiers TINYINT NOT NULL, "
    # The default is what a migration that came before this column leaves it at.
    "base_uri_id INTEGER NOT NULL DEFAULT 0, "
    "PRIMARY KEY (term, dataset_id), "
    f"INDEX ix_{TERMS_TABLE}_dataset_id (dataset_id, term), "
    f"CONSTRAINT {TERMS_TABLE}_dataset FOREIGN KEY (dataset_id) "
    "REFERENCES dataset (id) ON DELETE CASCADE) ENGINE = InnoDB",
)
# Made once, since they are executed for every dataset.
_FORGET = [
    Prepared(delete(rows).where(rows.c.dataset_id == bindparam("forgotten_id")))
    for rows in (ROWS, TERMS)
]
_PLACES_OF = PreparedForMany(
    Integer(),
    lambda ids: select(Dataset.id, Dataset.base_uri_id).where(Dataset.id.in_(ids)),
)
_ADD_TEXT = insert(ROWS)
_ADD_TERMS = Prepared(
    insert(TERMS).values({column.name: bindparam(column.name) for column in TERMS.c})
)


class Entry(NamedTuple):
    """What is kept of a dataset.

    :param texts: its terms in order, row by row
    :param tiers: its terms with the bits of the tiers and fields that each occurs in
    """

    texts: list[str]
    tiers: dict[str, int]


def create(connection: Connection) -> None:
    """Make the index where it is not there; the dataset table must be."""
    for statement in _CREATE:
        connection.execute(text(statement))


def drop(connection: Connection) -> None:
    """Remove the index if it is there."""
    connection.execute(text(f"DROP TABLE IF EXISTS {TERMS_TABLE}"))
    term_rows.drop(connection)


def entry_of(terms: AnalyzedDataset) -> Entry:
    """Return a dataset's terms as store_entries takes them."""
    texts: list[str] = []
    tiers: dict[str, int] = {}
    for row in rows_of(terms):
        if row.words:
            texts.append(row.text)
        for term, letters in row.tiers.items():
            bits = sum(BITS[letter] for letter in letters)
            tiers[term] = tiers.get(term, 0) | bits
    for field, bit in FIELD_BITS.items():
        for term in terms.found_in(field):
            tiers[term] |= bit
    return Entry(texts, tiers)


def store_entries(
    session: AnySession, entries: Mapping[int, Entry], known: Collection[int]
) -> None:
    """Keep the terms of datasets in place of what was kept of them.

    :param entries: by the ids of the datasets, as entry_of returns them
    :param known: the ids of those of which something may be kept
    """
    ids = sorted(entries)
    _forget(session, sorted(known))
    rows = [
        {"dataset_id": id_, "part": part, "words": words}
        for id_ in ids
        for part, words in enumerate(entries[id_].texts)
    ]
    if rows:
        session.execute(_ADD_TEXT, rows)
    places: dict[int, int] = dict(_PLACES_OF.all(ids, session=session))
    # In the order of the index, whose pages are then each written once.
    terms = sorted((term, id_) for id_ in ids for term in entries[id_].tiers)
    for batch in _batches(terms):
        _ADD_TERMS.run(
            [
                {
                    "term": term,
                    "dataset_id": id_,
                    "tiers": entries[id_].tiers[term],
                    "base_uri_id": places[id_],
                }
                for term, id_ in batch
            ],
            session,
        )


def forget(session: AnySession, dataset_id: int) -> None:
    """Remove a dataset's terms; nothing happens where there are none."""
    _forget(session, [dataset_id])


def _forget(session: AnySession, dataset_ids: Iterable[int]) -> None:
    forgotten = [{"forgotten_id": id_} for id_ in dataset_ids]
    for statement in _FORGET:
        statement.run(forgotten, session)


def holds(session: AnySession, dataset_id: int, terms: AnalyzedDataset) -> bool:
    """Return whether these terms of a dataset are kept, and no others."""
    texts, tiers = entry_of(terms)
    words = select(ROWS.c.words).where(ROWS.c.dataset_id == dataset_id)
    if list(session.scalars(words.order_by(ROWS.c.part))) != texts:
        return False
    kept = select(TERMS.c.term, TERMS.c.tiers).where(
        TERMS.c.dataset_id == dataset_id,
        Dataset.id == TERMS.c.dataset_id,
        Dataset.base_uri_id == TERMS.c.base_uri_id,
    )
    return {term: bits for term, bits in session.execute(kept)} == tiers


def match(query: TextQuery) -> TextMatch:
    """Return a query as a part of a statement over the dataset table."""
    newest_first = (Dataset.frozen_at.desc(), Dataset.id.desc())
    if query.finds_nothing:
        return TextMatch(false(), false(), newest_first)
    if not query.groups:
        others = Dataset.id.not_in(_ids(_found([query.none_of], (), query.none_of)))
        return TextMatch(others, others, newest_first)
    rows = _found(query.groups, query.none_of, query.wanted)
    found = rows.add_columns(_rank(query).label("rank")).subquery()
    return TextMatch(
        Dataset.id == found.c.dataset_id,
        Dataset.id.in_(_ids(rows)),
        (found.c.rank.desc(), *newest_first),
    )


def expression_of(query: TextQuery) -> str | None:
    """Return a query for one term, with the bits of what it may be in.

    :returns: None for any other query
    """
    if query.none_of or len(query.wanted) != 1 or not query.groups:
        return None
    match query.wanted[0]:
        case Term(term, field) | Phrase((), term, field):
            return f"{term}{_IN}{_BIT_OF[field] if field else _ANYWHERE}"
    return None


def matched(expression: BindParameter[str]) -> TextMatch:
    """Return what an expression finds, as match() does.

    :param expression: stands for what expression_of returns
    """
    rows = _found_by(expression)
    found = rows.add_columns(_weight().label("rank")).subquery()
    return TextMatch(
        Dataset.id == found.c.dataset_id,
        Dataset.id.in_(_ids(rows)),
        (found.c.rank.desc(), Dataset.frozen_at.desc(), Dataset.id.desc()),
    )


def newest() -> ColumnElement[bool]:
    """Return the condition that a dataset is on a page of the newest hits.

    The last registered come first. Its parameters are what within() returns, offset and
    limit.
    """
    page = _FOUND_WITHIN.order_by(TERMS.c.dataset_id.desc())
    page = page.limit(bindparam("limit", type_=Integer))
    return Dataset.id.in_(_ids(page.offset(bindparam("offset", type_=BigInteger))))


def within(
    expression: str, shown: Sequence[int], hidden: Sequence[int]
) -> dict[str, Any]:
    """Return the parameters for what an expression finds in some of all base URIs.

    :param shown: the ids of these base URIs
    :param hidden: the ids of all others
    """
    return {"expression": expression, "places": ",".join(map(str, shown))}


def _batches(terms: list[tuple[str, int]]) -> Iterator[list[tuple[str, int]]]:
    return (terms[at : at + _BATCH] for at in range(0, len(terms), _BATCH))


def _found(
    wanted: Sequence[Sequence[Clause]],
    unwanted: Sequence[Clause],
    looked_for: Sequence[Clause],
) -> Select[tuple[int]]:
    """Return a select of the ids of the datasets that a query finds.

    Each is one row of TERMS where there is but one term to find, else a group of rows.

    :param wanted: groups, of each of which one clause must occur
    :param unwanted: none of these may
    :param looked_for: the wanted ones, and those that count for the relevance only
    """
    words = words_of([*looked_for, *unwanted])
    found = select(TERMS.c.dataset_id).where(_any_of(words))
    if _is_one_term(words):
        return found
    found = found.group_by(TERMS.c.dataset_id).having(and_(*map(_has, wanted)))
    return found.having(~_has(unwanted)) if unwanted else found


def _is_one_term(words: Words) -> bool:
    return len(words) == 1 and isinstance(words[0], Term)


def _ids(found: Select[Any]) -> Select[Any]:
    """Return the ids of what _found selects, for IN.

    In a table within the subquery MariaDB finds all of them at once; else it may go
    through the datasets, and look for each.
    """
    return select(found.subquery().c.dataset_id)


def _has(clauses: Sequence[Clause]) -> ColumnElement[bool]:
    """Return whether the terms that were found of a dataset answer one of the clauses.

    Where the terms of a phrase stand is looked up last, when all of them are there.
    """
    is_there = func.max(case((_any_of(plain(clauses)), 1), else_=0)) == 1
    return or_(is_there, *map(_in_order, phrases(clauses)))


def _in_order(phrase: Phrase) -> ColumnElement[bool]:
    terms = set(phrase.terms)
    number = func.sum(case((TERMS.c.term.in_(sorted(terms)), 1), else_=0))
    words: ColumnElement[str] = ROWS.c.words
    if phrase.field:
        # With the blanks that stand before and behind its words.
        words = _between(f" {begin(phrase.field)}", end(phrase.field))
    one_after_the_other = (
        exists()
        .where(ROWS.c.dataset_id == TERMS.c.dataset_id)
        .where(func.locate(spaced(phrase.terms), words) > 0)
        .correlate(TERMS)
    )
    return and_(number == len(terms), one_after_the_other)


def _between(start: str, end: str) -> ColumnElement[str]:
    """Return what of a row's words stands between two of them.

    Empty where the row does not have the start, and up to the end of the row where it
    does not have the end.
    """
    # The first would be all of the words where the start is missing.
    after = func.substring_index(ROWS.c.words, start, -1)
    between = func.substring_index(after, end, 1)
    return func.if_(func.locate(start, ROWS.c.words) > 0, between, "")


def _any_of(words: Words) -> ColumnElement[bool]:
    """Return whether a row of TERMS is one of these words."""
    exact = [word.term for word in words if isinstance(word, Term) and not word.field]
    others = [word for word in words if isinstance(word, Prefix) or word.field]
    return or_(
        *([TERMS.c.term.in_(exact)] if exact else []),
        *map(_is, others),
    )


def _is(word: Term | Prefix) -> ColumnElement[bool]:
    conditions: list[ColumnElement[bool]] = []
    if isinstance(word, Prefix):
        last = word.start + _LAST_CHARACTER
        conditions.append(TERMS.c.term.between(word.start, last))
    else:
        conditions.append(TERMS.c.term == word.term)
    if word.field:
        conditions.append(_has_bit(_BIT_OF[word.field]))
    return and_(*conditions)


def _has_bit(bit: int) -> ColumnElement[bool]:
    return TERMS.c.tiers.bitwise_and(bit) > 0


def _rank(query: TextQuery) -> ColumnElement[int]:
    """Return what the terms that _found finds of a dataset are worth.

    Terms that begin alike are worth what the best of them is: a thousand files are no
    more than one name.
    """
    weight = _weight()
    words = words_of(query.wanted)
    if _is_one_term([*words, *plain(query.none_of)]):
        return weight
    terms = [word for word in words if isinstance(word, Term)]
    rank: ColumnElement[int] = literal_column("0")
    if terms:
        rank += func.sum(case((_any_of(terms), weight), else_=0))
    for word in words:
        if isinstance(word, Prefix):
            rank += func.max(case((_is(word), weight), else_=0))
    return rank


def _weight() -> ColumnElement[int]:
    """Return what a row of TERMS is worth by the tiers that the term occurs in."""
    weight: ColumnElement[int] = literal_column("0")
    for tier, bit in BITS.items():
        weight += case((_has_bit(bit), _WEIGHTS[tier]), else_=0)
    return weight


def _found_by(expression: BindParameter[str]) -> Select[tuple[int]]:
    bits = cast(func.substring_index(expression, _IN, -1), Integer)
    return select(TERMS.c.dataset_id).where(
        TERMS.c.term == func.substring_index(expression, _IN, 1),
        TERMS.c.tiers.bitwise_and(bits) > 0,
    )


_FOUND = _found_by(bindparam("expression", type_=String()))
_PLACES = bindparam("places", type_=String())
_FOUND_WITHIN = _FOUND.where(func.find_in_set(TERMS.c.base_uri_id, _PLACES) > 0)
#: Counts what an expression finds, no further than the parameter most.
NUMBER_UP_TO = number(_FOUND.limit(bindparam("most", type_=Integer)))
#: Counts what within() says.
NUMBER_WITHIN = number(_FOUND_WITHIN)
