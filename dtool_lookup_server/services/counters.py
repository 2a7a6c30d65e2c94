"""How many datasets there are, kept so that nobody has to count them.

A list is answered with its total, and the summary is made of nothing else: to count
them anew would take longer with every dataset. Each base URI has a counter of its
datasets, one for each creator, tag and uploader in it, and one for each block of
ids, by which a page far behind is found. They are changed by the same transactions as
the datasets, and `dataset verify` compares them with the datasets.
"""

import functools
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import (
    Connection,
    Integer,
    bindparam,
    delete,
    event,
    func,
    insert,
    literal,
    literal_column,
    select,
)
from sqlalchemy.orm import Session

from ..database import add_up, transactional
from ..extensions import sql_db
from ..plugins.interfaces import Query
from ..prepared import RememberedSelect, as_list, listed, size_for
from ..sql_models import (
    BaseURI,
    Dataset,
    DatasetTag,
    dataset_counter,
)
from . import base_uris
from .permissions import SEARCHABLE, holder
from .users import ActingUser

ALL = "all"
CREATOR = "creator"
TAG = "tag"
UPLOADER = "uploader"
BLOCK = "block"

_BLOCK_BITS = 12
#: Ids in one block: few enough to be gone through, and so many that blocks are few.
BLOCK_IDS = 1 << _BLOCK_BITS

# What of a query is counted, and by which kind of counter.
_COUNTED = {"creator_usernames": CREATOR, "tags": TAG}

_PENDING = "dtool_lookup_server_counters"
_HALF = 32
_SUMS = ("number", "size_upper", "size_lower")
_C = dataset_counter.c
_D = Dataset.__table__.c

_NONE = (0, 0, 0)

_FORGET_EMPTY = delete(dataset_counter).where(
    _C.kind == bindparam("of_kind"),
    _C.value == bindparam("of_value"),
    _C.base_uri_id == bindparam("of_base_uri"),
    _C.number == 0,
)

Key = tuple[str, str, int]
Sums = tuple[int, int, int]


class Counted(NamedTuple):
    """What of a dataset is counted.

    :param size: in bytes; None counts as none
    """

    id: int
    base_uri_id: int
    creator_username: str
    uploaded_by: str | None
    size: int | None
    tags: Sequence[str]

    def counters(self) -> Iterator[Key]:
        """Yield the keys of the counters that count it."""
        yield ALL, "", self.base_uri_id
        yield BLOCK, block_named(self.id // BLOCK_IDS), self.base_uri_id
        yield CREATOR, self.creator_username, self.base_uri_id
        if self.uploaded_by is not None:
            yield UPLOADER, self.uploaded_by, self.base_uri_id
        for tag in self.tags:
            yield TAG, tag, self.base_uri_id


def block_named(number: int) -> str:
    """Return the value of a block's counter: in the order of the blocks, as text."""
    return f"{number:010}"


def change(datasets: Iterable[tuple[Counted | None, Counted | None]]) -> None:
    """Count datasets that come, go or change, when the transaction is committed.

    At its end, and all in one order: others that count in the same base URI wait for
    the commit, and not for each other.

    :param datasets: each as it was before and is after; None where there is none
    """
    pending: dict[Key, list[int]] = sql_db.session.info.setdefault(
        _PENDING, defaultdict(lambda: [0, 0, 0])
    )
    for before, after in datasets:
        for dataset, sign in ((before, -1), (after, 1)):
            if dataset is not None:
                upper, lower = divmod(dataset.size or 0, 1 << _HALF)
                for key in dataset.counters():
                    sums = pending[key]
                    sums[0] += sign
                    sums[1] += sign * upper
                    sums[2] += sign * lower


@event.listens_for(sql_db.session, "before_commit")
def _apply(session: Session) -> None:
    pending = session.info.pop(_PENDING, {})
    rows = [
        dict(zip(("kind", "value", "base_uri_id", *_SUMS), (*key, *sums), strict=True))
        for key, sums in sorted(pending.items())
        if any(sums)
    ]
    if rows:
        add_up(session, dataset_counter, rows, _SUMS)
    # What nobody has any more is not to be read from what is left of it.
    fewer = [
        {"of_kind": kind, "of_value": value, "of_base_uri": base_uri_id}
        for (kind, value, base_uri_id), sums in sorted(pending.items())
        if sums[0] < 0
    ]
    if fewer:
        session.connection().execute(_FORGET_EMPTY, fewer)


@event.listens_for(sql_db.session, "after_rollback")
def _forget(session: Session) -> None:
    session.info.pop(_PENDING, None)


class Share(NamedTuple):
    """How many datasets a query finds.

    :param found: the number
    :param all: of so many that the user may see
    """

    found: int
    all: int


def total_of(user: ActingUser | None, query: Query) -> Callable[[], int] | None:
    """Return what knows the number of datasets that a query finds for a user.

    :param user: None for the machine's administrator, who sees all
    :returns: None where nobody keeps count of such a query
    """
    share = share_of(user, query) if user is not None else None
    return (lambda: share().found) if share is not None else None


def share_of(user: ActingUser, query: Query) -> Callable[[], Share] | None:
    """Return what knows the share of the datasets that a query finds for a user.

    :returns: None where nobody keeps count of such a query
    """
    asked = {key: value for key, value in query.items() if value not in (None, [], "")}
    places = asked.pop("base_uris", query.get("base_uris"))
    kind, values = ALL, {""}
    if asked:
        key, *more = asked
        values = set(asked[key]) if key in _COUNTED else set()
        if more or not values or (key == "tags" and len(values) > 1):
            return None
        kind = _COUNTED[key]
    parameters = {"kind": kind, **as_list("value", [*values], ""), **holder(user)}
    sizes: tuple[int, int | None] = (size_for([*values]), None)
    if places is not None:
        names = [*{base_uris.normalised(place) for place in places}]
        parameters |= as_list("base_uri", names, "")
        sizes = (sizes[0], size_for(names))
    return lambda: Share(*map(int, _share_of(*sizes).all(parameters)[0]))


@functools.lru_cache
def _share_of(values: int, places: int | None) -> RememberedSelect:
    """Return a select of a share, for numbers of values and of base URIs."""
    total = select(func.coalesce(func.sum(_C.number), 0)).where(
        _C.kind == bindparam("kind"),
        _C.value.in_(listed("value", values, _C.value.type)),
        _C.base_uri_id.in_(SEARCHABLE),
    )
    if places is not None:
        place = BaseURI.__table__.c
        named = place.base_uri.in_(listed("base_uri", places, place.base_uri.type))
        total = total.where(_C.base_uri_id.in_(select(place.id).where(named)))
    return RememberedSelect(total.add_columns(_ALL.scalar_subquery()))


#: The number of datasets that a user may see.
_ALL = select(func.coalesce(func.sum(_C.number), 0)).where(
    _C.kind == literal_column(f"'{ALL}'"),
    _C.value == literal_column("''"),
    _C.base_uri_id.in_(SEARCHABLE),
)
_SUMS_OF_USER = RememberedSelect(
    select(_C.kind, _C.value, *(func.sum(_C[name]) for name in _SUMS))
    .where(
        _C.kind.in_([literal(kind) for kind in (CREATOR, TAG, UPLOADER)]),
        _C.base_uri_id.in_(SEARCHABLE),
        _C.number > 0,
    )
    .group_by(_C.kind, _C.value)
)
_OF_BASE_URIS = (
    select(BaseURI.__table__.c.base_uri, *(_C[name] for name in _SUMS))
    .select_from(dataset_counter)
    .join(BaseURI.__table__, BaseURI.__table__.c.id == _C.base_uri_id)
    .where(_C.kind == ALL, _C.number > 0)
)
_OF_PERMITTED_BASE_URIS = RememberedSelect(
    _OF_BASE_URIS.where(_C.base_uri_id.in_(SEARCHABLE))
)
_TOTAL = RememberedSelect(_ALL)
_BLOCKS = RememberedSelect(
    select(_C.value, func.sum(_C.number), _ALL.scalar_subquery())
    .where(_C.kind == BLOCK, _C.base_uri_id.in_(SEARCHABLE), _C.number > 0)
    .group_by(_C.value)
    .order_by(_C.value)
    .limit(bindparam("most", type_=Integer))
)


def total(user: ActingUser) -> int:
    """Return how many datasets a user may see."""
    return int(_TOTAL.scalar(holder(user)) or 0)


def sums(user: ActingUser) -> Iterator[tuple[str, str, int, int]]:
    """Yield kind and value, number and bytes of what a user may see.

    The kinds are creator, tag, uploader and base_uri.
    """
    parameters = holder(user)
    for kind, *row in _SUMS_OF_USER.all(parameters):
        yield kind, *_whole(*row)
    for place in _OF_PERMITTED_BASE_URIS.all(parameters):
        yield "base_uri", *_whole(*place)


def of_base_uris() -> Iterator[tuple[str, int, int]]:
    """Yield each base URI that has datasets, with their number and bytes."""
    for row in sql_db.session.execute(_OF_BASE_URIS):
        yield _whole(*row)


def _whole(value: str, number: int, upper: int, lower: int) -> tuple[str, int, int]:
    return value, int(number), (int(upper) << _HALF) + int(lower)


#: Blocks that are enough for a first page, unless the user sees little of each.
_FEW, _EVERY = 4, 2**31 - 1


class Span(NamedTuple):
    """Where a page lies, in the order of ids.

    :param first: the first id
    :param end: the id after the last one
    :param skipped: how many datasets to leave out after the first id
    :param total: the number of datasets on all pages
    """

    first: int
    end: int
    skipped: int
    total: int


def span_of(user: ActingUser, offset: int, limit: int) -> Span:
    """Return where a page of what a user may see lies."""
    if offset < BLOCK_IDS:
        few = _BLOCKS.all(holder(user) | {"most": _FEW})
        span, is_full = _span_in(few, offset, limit)
        if is_full:
            return span
    every = _BLOCKS.all(holder(user) | {"most": _EVERY})
    return _span_in(every, offset, limit)[0]


def _span_in(
    blocks: Sequence[tuple[Any, ...]], offset: int, limit: int
) -> tuple[Span, bool]:
    """Return where a page lies as far as blocks tell, and whether all of it does."""
    first, end, skipped, seen = 0, 0, 0, 0
    for value, number, _total in blocks:
        seen += int(number)
        if seen <= offset:
            continue
        if not end:
            first, skipped = int(value) * BLOCK_IDS, offset - (seen - int(number))
        end = (int(value) + 1) * BLOCK_IDS
        if seen >= offset + limit:
            break
    total = int(blocks[0][2]) if blocks else 0
    return Span(first, end, skipped, total), seen >= offset + limit


@dataclass(frozen=True)
class WrongCounter:
    """A counter that does not say what there is.

    :param kept: number of datasets that it says, and upper and lower half of their size
    :param counted: what there is
    """

    kind: str
    value: str
    kept: Sums
    counted: Sums


@transactional
def verify(base_uri_id: int, mend: bool = False) -> list[WrongCounter]:
    """Compare the counters of a base URI with its datasets, which takes counting them.

    :param mend: let the counters say what there is
    :returns: those that were wrong
    """
    # Whoever registers waits for this counter, which is the first in their order.
    every = {"kind": ALL, "value": "", "base_uri_id": base_uri_id}
    add_up(sql_db.session, dataset_counter, [every | dict.fromkeys(_SUMS, 0)], _SUMS)
    connection = sql_db.session.connection()
    kept = _kept(connection, base_uri_id)
    counted = _counted(connection, base_uri_id)
    wrong = [
        WrongCounter(*key, kept.get(key, _NONE), counted.get(key, _NONE))
        for key in sorted(kept.keys() | counted.keys())
        if kept.get(key, _NONE) != counted.get(key, _NONE)
    ]
    if wrong and mend:
        connection.execute(delete(dataset_counter).where(_C.base_uri_id == base_uri_id))
        _insert(connection, base_uri_id, counted)
    return wrong


def fill(connection: Connection) -> None:
    """Make all counters anew, for a migration; nobody may register meanwhile."""
    connection.execute(delete(dataset_counter))
    for base_uri_id in connection.scalars(select(BaseURI.__table__.c.id)).all():
        _insert(connection, base_uri_id, _counted(connection, base_uri_id))


def _kept(connection: Connection, base_uri_id: int) -> dict[tuple[str, str], Sums]:
    columns = (_C.kind, _C.value, *(_C[name] for name in _SUMS))
    rows = connection.execute(select(*columns).where(_C.base_uri_id == base_uri_id))
    return {
        (kind, value): (int(number), int(upper), int(lower))
        for kind, value, number, upper, lower in rows
    }


def _counted(connection: Connection, base_uri_id: int) -> dict[tuple[str, str], Sums]:
    size = func.coalesce(_D.size_in_bytes, 0)
    halves = (
        func.sum(size.bitwise_rshift(literal_column(str(_HALF)))),
        func.sum(size.bitwise_and(2**_HALF - 1)),
    )
    tag = DatasetTag.__table__.c
    kinds: list[tuple[str, Any]] = [
        (ALL, literal_column("''")),
        (BLOCK, _D.id.bitwise_rshift(literal_column(str(_BLOCK_BITS)))),
        (CREATOR, _D.creator_username),
        (UPLOADER, _D.uploaded_by),
        (TAG, tag.tag),
    ]
    counted: dict[tuple[str, str], Sums] = {}
    for kind, column in kinds:
        counting = select(column, func.count(), *halves).select_from(Dataset.__table__)
        if kind == TAG:
            counting = counting.join(DatasetTag.__table__, tag.dataset_id == _D.id)
        counting = counting.where(_D.base_uri_id == base_uri_id)
        if kind != ALL:
            counting = counting.where(column.is_not(None)).group_by(column)
        for value, number, upper, lower in connection.execute(counting):
            named = block_named(value) if kind == BLOCK else value
            if number:
                counted[kind, named] = (int(number), int(upper), int(lower))
    return counted


def _insert(
    connection: Connection, base_uri_id: int, counted: dict[tuple[str, str], Sums]
) -> None:
    rows = [
        dict(zip(("kind", "value", *_SUMS), (*key, *sums), strict=True))
        | {"base_uri_id": base_uri_id}
        for key, sums in counted.items()
    ]
    if rows:
        connection.execute(insert(dataset_counter), rows)
