"""The text index in PostgreSQL: tsvectors made of analyzed terms, and a GIN index.

The literals of tsvector and tsquery take terms as they are: no configuration of a
language comes into it. A dataset with more terms than a tsvector takes has several
rows, each of which can tell by itself whether a term or a phrase occurs in it; which
dataset is found is told by all of them together.

Each row also has its dataset's base URI, and its terms and words are kept apart from
it: what very many datasets have is counted and paged by reading a few bytes of each.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Connection,
    Float,
    Integer,
    Select,
    String,
    and_,
    any_,
    bindparam,
    case,
    cast,
    false,
    func,
    literal,
    literal_column,
    not_,
    or_,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, REAL, TSQUERY, TSVECTOR

from ...prepared import Prepared
from ...sql_models import Dataset
from ..analysis import AnalyzedDataset
from ..interfaces import TextMatch
from ..text_query import ITEMS, Clause, Phrase, Prefix, Term, TextQuery, with_labels
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
    "best",
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
    "rest",
    "store_entries",
    "within",
]

# The weights of the labels D, C, B and A, which are the tiers in capitals. They are
# that far apart because ts_rank adds up what several words are worth.
_WEIGHTS = [0.0001, 0.001, 0.03, 1.0]
_RANKING: ColumnElement[Any] = cast(_WEIGHTS, ARRAY(REAL))

_CREATE = (
    f"CREATE TABLE IF NOT EXISTS {TABLE} ("
    "dataset_id INTEGER NOT NULL REFERENCES dataset (id) ON DELETE CASCADE, "
    "part INTEGER NOT NULL, "
    "terms TSVECTOR NOT NULL, "
    'words TEXT COLLATE "C" NOT NULL, '
    # A version before this column leaves it empty: `dataset verify` finds that.
    "base_uri_id INTEGER, "
    # Where a row is long, all that can be kept apart from it is.
    "PRIMARY KEY (dataset_id, part)) WITH (toast_tuple_target = 128)",
    # What is not sorted into the index yet is gone through by each search; in kB.
    f"CREATE INDEX IF NOT EXISTS ix_{TABLE}_terms ON {TABLE} USING gin (terms) "
    "WITH (gin_pending_list_limit = 512)",
)
_PLACE_OF_DATASET = "(SELECT base_uri_id FROM dataset WHERE dataset.id = :dataset_id)"
# Made once: they are executed for every dataset that is registered.
_FORGET = Prepared(text(f"DELETE FROM {TABLE} WHERE dataset_id = :forgotten_id"))
_INSERT = Prepared(
    text(
        f"INSERT INTO {TABLE} (dataset_id, part, terms, words, base_uri_id) "
        "VALUES (:dataset_id, :part, CAST(:terms AS tsvector), :words, "
        f"{_PLACE_OF_DATASET})"
    )
)
_TERMS: ColumnElement[str] = literal_column(f"{TABLE}.terms", TSVECTOR)
_PLACE: ColumnElement[int] = literal_column(f"{TABLE}.base_uri_id", Integer)

# True, and never found out by its second half. PostgreSQL does not count what it takes
# to read terms that are kept apart from their rows, and might read all of them; it does
# count what this would take.
_BY_INDEX = or_(
    ROWS.c.part >= literal_column("0"),
    func.to_tsvector(literal_column("'simple'"), ROWS.c.words).is_(None),
)

Entry = list[dict[str, Any]]

_log = logging.getLogger(__name__)


def create(connection: Connection) -> None:
    """Make the index where it is not there; the dataset table must be."""
    for statement in _CREATE:
        connection.execute(text(statement))


def entry_of(terms: AnalyzedDataset) -> Entry:
    """Return a dataset's terms as store_entries takes them: its rows."""
    return [
        {"part": part, "terms": _vector(row.tiers), "words": row.text}
        for part, row in enumerate(rows_of(terms, terms.labelled()))
    ]


def store_entries(
    session: AnySession, entries: Mapping[int, Entry], known: Collection[int]
) -> None:
    """Keep the terms of datasets in place of what was kept of them.

    :param entries: by the ids of the datasets, as entry_of returns them
    :param known: the ids of those of which something may be kept
    """
    ids = sorted(entries)
    _FORGET.run([{"forgotten_id": id_} for id_ in sorted(known)], session)
    _INSERT.run(
        [{**row, "dataset_id": id_} for id_ in ids for row in entries[id_]], session
    )
    for id_ in ids:
        if len(entries[id_]) > 1:
            _log.info("The terms of dataset %s take %s rows", id_, len(entries[id_]))


def holds(session: AnySession, dataset_id: int, terms: AnalyzedDataset) -> bool:
    """Return whether these terms of a dataset are kept, and no others."""
    of_dataset = ROWS.c.dataset_id == dataset_id
    same = select(ROWS.c.part).where(
        of_dataset,
        ROWS.c.part == bindparam("part"),
        cast(bindparam("terms"), TSVECTOR) == _TERMS,
        ROWS.c.words == bindparam("words"),
        Dataset.id == ROWS.c.dataset_id,
        Dataset.base_uri_id == _PLACE,
    )
    entry = entry_of(terms)
    for row in entry:
        if session.execute(same, row).first() is None:
            return False
    kept = select(func.count()).select_from(ROWS).where(of_dataset)
    return session.scalar(kept) == len(entry)


def match(query: TextQuery) -> TextMatch:
    """Return a query as a part of a statement over the dataset table."""
    newest_first = (Dataset.frozen_at.desc(), Dataset.id.desc())
    if query.finds_nothing:
        return TextMatch(false(), false(), newest_first)
    query = with_labels(query)
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


def expression_of(query: TextQuery) -> str | None:
    """Return a query in the language of tsquery, if one row can answer it.

    :returns: None where more is asked than one of some words: of phrases, and of what
        must or must not occur beside them
    """
    query = with_labels(query)
    clauses = query.wanted
    if query.groups != (clauses,) or query.none_of or phrases(clauses):
        return None
    return _either(plain(clauses))


def matched(expression: BindParameter[str]) -> TextMatch:
    """Return what an expression finds, as match() does.

    :param expression: stands for what expression_of returns
    """
    query = _tsquery(expression)
    rows = _first_rows(query)
    rank = func.ts_rank(_RANKING, _TERMS, query, type_=Float).label("rank")
    found = rows.add_columns(rank).subquery()
    return TextMatch(
        Dataset.id == found.c.dataset_id,
        Dataset.id.in_(rows),
        (found.c.rank.desc(), Dataset.frozen_at.desc(), Dataset.id.desc()),
    )


def newest() -> ColumnElement[bool]:
    """Return the condition that a dataset is on a page of the newest hits.

    The last registered come first. Its parameters are what within() returns, offset and
    limit.
    """
    # The sum keeps PostgreSQL from going through all rows in this order, and through
    # their terms, until the page is full.
    page = _FOUND_WITHIN.order_by((ROWS.c.dataset_id + 0).desc())
    page = page.limit(bindparam("limit", type_=Integer))
    return Dataset.id.in_(page.offset(bindparam("offset", type_=BigInteger)))


def best() -> TextMatch:
    """Return what newest() does where hits are not alike, and their order.

    Ranked are those that have most of the words, the last registered of them if they
    are too many. There is one more parameter, most: the number of those to rank.
    """
    top = _by_words().limit(bindparam("most", type_=Integer)).subquery()
    rows = ROWS.alias("ranked")
    terms: ColumnElement[str] = literal_column("ranked.terms", TSVECTOR)
    rank = (
        select(func.max(func.ts_rank(_RANKING, terms, _tsquery(_EXPRESSION))))
        .where(rows.c.dataset_id == top.c.dataset_id)
        .scalar_subquery()
        .label("worth")
    )
    return _page_of(select(top.c.dataset_id, rank))


def rest() -> TextMatch:
    """Return the same for all hits, in the order of which best() ranks the first."""
    return _page_of(_by_words())


def _by_words() -> Select[tuple[int, int]]:
    """Return a select of hits and how many of the words they have, these hits first."""
    words = func.string_to_array(_EXPRESSION, _OR)
    word: ColumnElement[str] = func.unnest(words).column_valued("word")
    worth = func.count().label("worth")
    return (
        _within(_first_rows(cast(word, TSQUERY)))
        .add_columns(worth)
        .group_by(ROWS.c.dataset_id)
        .order_by(worth.desc(), ROWS.c.dataset_id.desc())
    )


def _page_of(hits: Select[Any]) -> TextMatch:
    """Return the condition that a dataset is on a page of hits, the worthiest first."""
    id_, worth = hits.selected_columns
    page = hits.order_by(None).order_by(worth.desc(), id_.desc())
    page = page.limit(bindparam("limit", type_=Integer))
    found = page.offset(bindparam("offset", type_=BigInteger)).subquery()
    on_page = Dataset.id == found.c.dataset_id
    return TextMatch(on_page, on_page, (found.c.worth.desc(), Dataset.id.desc()))


def within(
    expression: str, shown: Sequence[int], hidden: Sequence[int]
) -> dict[str, Any]:
    """Return the parameters for what an expression finds in some of all base URIs.

    :param shown: the ids of these base URIs
    :param hidden: the ids of all others
    """
    return {"expression": expression, "places": [*shown]}


def _first_rows(query: ColumnElement[Any]) -> Select[tuple[int]]:
    """Return a select of the ids of the datasets with a row that a query finds.

    Each dataset is there once, for the first such row, so that nothing is sorted. To
    look for one before it seems so dear to PostgreSQL that it takes the index: see
    _BY_INDEX.
    """
    before = ROWS.alias("before")
    terms: ColumnElement[str] = literal_column("before.terms", TSVECTOR)
    found_before = select(before.c.part).where(
        before.c.dataset_id == ROWS.c.dataset_id,
        before.c.part < ROWS.c.part,
        # The operator by its function's name, which does not search the index.
        func.ts_match_vq(terms, query),
    )
    return select(ROWS.c.dataset_id).where(
        _TERMS.op("@@", is_comparison=True)(query),
        or_(ROWS.c.part == literal_column("0"), not_(found_before.exists())),
    )


def _tsquery(expression: ColumnElement[str]) -> ColumnElement[Any]:
    # By a subquery, so that the plan is the same for each word: what is known of the
    # frequent ones could only make PostgreSQL read all texts.
    return select(cast(expression, TSQUERY)).scalar_subquery()


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
        .where(_any_of(plain(clauses), phrases(clauses)), _BY_INDEX)
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
    query = _tsquery(literal(" | ".join(alternatives)))
    return _TERMS.op("@@", is_comparison=True)(query)


def _relevance(words: Words) -> ColumnElement[float]:
    """Return how well a row answers a query of these words."""
    query = cast(literal(_either(words)), TSQUERY)
    return func.ts_rank(_RANKING, _TERMS, query, type_=Float)


def _either(words: Words) -> str:
    return _OR.join(map(_compile, words))


def _compile(word: Term | Prefix) -> str:
    # In any other field it is a labelled term already.
    label = TIERS[ITEMS].upper() if word.field == ITEMS else ""
    if isinstance(word, Prefix):
        return f"{word.start}:*{label}"
    return f"{word.term}:{label}" if label else word.term


def _vector(tiers: dict[str, str]) -> str:
    # A position for each tier; they stand for nothing but its weight.
    return " ".join(
        f"{term}:{','.join(f'{n}{tier}' for n, tier in enumerate(letters, 1))}"
        for term, letters in tiers.items()
    )


def _within(found: Select[Any]) -> Select[Any]:
    return found.where(any_(_PLACES) == _PLACE)


_OR = " | "
_EXPRESSION: BindParameter[str] = bindparam("expression", type_=String())
_PLACES: BindParameter[Any] = bindparam("places", type_=ARRAY(Integer))
_FOUND = _first_rows(_tsquery(_EXPRESSION))
_FOUND_WITHIN = _within(_FOUND)
#: Counts what an expression finds, no further than the parameter most.
NUMBER_UP_TO = number(_FOUND.limit(bindparam("most", type_=Integer)))
#: Counts what within() says.
NUMBER_WITHIN = number(_FOUND_WITHIN)
