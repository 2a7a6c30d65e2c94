"""Parts of words, kept and found in SQL, whatever the search plugin is."""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import (
    ColumnElement,
    and_,
    bindparam,
    case,
    delete,
    false,
    func,
    insert,
    literal,
    or_,
    select,
)

from ..extensions import sql_db
from ..plugins.interfaces import DatasetInfo, TextMatch
from ..plugins.parts import needles_of, rows_of
from ..prepared import Prepared, PreparedForMany, PreparedInsert
from ..query import Part
from ..query.grammar import PART_FIELDS
from ..sql_models import PART_COLUMNS, Dataset, DatasetPart
from ..substrings import having, in_text

_TABLE = DatasetPart.__table__
_C = _TABLE.c

Rows = list[dict[str, str]]

_COLUMNS = ("dataset_id", *PART_COLUMNS)
# Made once, since they are executed for every dataset.
_INSERT = PreparedInsert(
    insert(_TABLE).values({name: bindparam(name) for name in _COLUMNS}).inline()
)
_FORGET = Prepared(delete(_TABLE).where(_C.dataset_id == bindparam("forgotten_id")))
_HELD = PreparedForMany(
    _C.dataset_id.type,
    lambda ids: (
        select(_C.dataset_id, *(_C[name] for name in PART_COLUMNS))
        .where(_C.dataset_id.in_(ids))
        .order_by(_C.id)
    ),
)

# How much a part is worth in each field that is worth more than the items.
_WORTH = {"name": 3, "tag": 2, "creator": 1, "uri": 1}


def store(rows: Mapping[int, Rows], known: Collection[int] = ()) -> None:
    """Keep what parts of datasets are looked for in, in place of what was kept.

    :param rows: by the ids of the datasets, as plugins.parts.rows_of returns them
    :param known: the ids of those of which something may be kept
    """
    held = _held(known)
    changed = [id_ for id_ in sorted(rows) if held.get(id_) != rows[id_]]
    _FORGET.run([{"forgotten_id": id_} for id_ in changed if id_ in held])
    _INSERT.run([{"dataset_id": id_, **row} for id_ in changed for row in rows[id_]])


def forget(dataset_id: int) -> None:
    """Remove what is kept of a dataset; nothing happens where there is nothing."""
    _FORGET.run([{"forgotten_id": dataset_id}])


def holds(dataset_id: int, info: DatasetInfo) -> bool:
    """Return whether what is kept of a dataset is what store would keep."""
    return _held([dataset_id]).get(dataset_id) == rows_of(info)


def _held(dataset_ids: Collection[int]) -> dict[int, Rows]:
    held: dict[int, Rows] = {}
    for dataset_id, *texts in _HELD.all(sorted(dataset_ids)):
        row = dict(zip(PART_COLUMNS, texts, strict=True))
        held.setdefault(dataset_id, []).append(row)
    return held


def match(part: Part) -> TextMatch:
    """Return a part as a condition over Dataset, and the best first.

    One in the name is worth more than one in a tag, and that more than one in a
    creator or URI; items come last, and the newer ones first.
    """
    newest_first = (Dataset.frozen_at.desc(), Dataset.id.desc())
    needles = needles_of(part.text)
    if not needles:
        return TextMatch(false(), false(), newest_first)
    fields = (part.field,) if part.field else PART_FIELDS
    in_one_field = or_(
        *(and_(*(_having((field,), one) for one in needles)) for field in fields)
    )
    within = _having(fields, needles[0]) if len(needles) == 1 else in_one_field
    worth = func.max(_worth(needles[0], fields)).label("worth")
    found = (
        select(_C.dataset_id, worth)
        .where(_rows_having(fields, needles[0]))
        .group_by(_C.dataset_id)
        .subquery()
    )
    condition = Dataset.id == found.c.dataset_id
    if len(needles) > 1:
        condition = and_(condition, within)
    return TextMatch(condition, within, (found.c.worth.desc(), *newest_first))


def _having(fields: tuple[str, ...], needle: str) -> ColumnElement[bool]:
    return Dataset.id.in_(select(_C.dataset_id).where(_rows_having(fields, needle)))


def _rows_having(fields: tuple[str, ...], needle: str) -> ColumnElement[bool]:
    return having(_C.id, [_C[field] for field in fields], needle, _dialect())


def _worth(needle: str, fields: tuple[str, ...]) -> ColumnElement[Any]:
    steps = [
        (in_text(_C[field], needle, _dialect()), worth)
        for field, worth in _WORTH.items()
        if field in fields
    ]
    return case(*steps, else_=0) if steps else literal(0)


def _dialect() -> str:
    return sql_db.session.get_bind().dialect.name
