"""A tree to a condition over the dataset table, for SQL to answer.

Text is left to whoever has its index: see services/search.py.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    ColumnElement,
    and_,
    false,
    not_,
    or_,
    select,
    true,
)

from ..query import And, Annotation, Between, Leaf, Match, Node, Not, Or, Value
from ..query.annotations import text_of
from ..sql_models import (
    UUID_LENGTH,
    BaseURI,
    Dataset,
    DatasetAnnotation,
    DatasetTag,
    from_timestamp,
)
from . import base_uris

Condition = ColumnElement[bool]

# The columns of ranges, and how a limit becomes a value of theirs.
_RANGED: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    "created": (Dataset.created_at, from_timestamp),
    "frozen": (Dataset.frozen_at, from_timestamp),
    "size": (Dataset.size_in_bytes, int),
    "items": (Dataset.number_of_items, int),
}
_LAST_CHARACTER = "\U0010ffff"


def condition(tree: Node, of_text: Callable[[Leaf], Condition]) -> Condition:
    """Return what a tree asks of a row of Dataset; never NULL.

    :param of_text: makes the condition of a leaf that looks for words
    """
    match tree:
        case And(parts):
            return and_(true(), *(condition(part, of_text) for part in parts))
        case Or(parts):
            return or_(false(), *(condition(part, of_text) for part in parts))
        case Not(part):
            return not_(condition(part, of_text))
        case Match(field, values):
            return _matching(field, values)
        case Annotation(key, values):
            return _annotated(key, values)
        case Between(field, low, below):
            return _between(field, low, below)
    return of_text(tree)


def _matching(field: str, values: tuple[Value, ...]) -> Condition:
    match field:
        case "creator":
            return _one_of(Dataset.creator_username, values)
        case "uploader":
            known = Dataset.uploaded_by.is_not(None)
            return and_(known, _one_of(Dataset.uploaded_by, values))
        case "uuid":
            # How a UUID begins is enough: people type its first block.
            starts = tuple(
                Value(value.text.lower(), len(value.text) < UUID_LENGTH)
                for value in values
            )
            return _one_of(Dataset.uuid, starts)
        case "tag":
            tagged = select(DatasetTag.dataset_id)
            return Dataset.id.in_(tagged.where(_one_of(DatasetTag.tag, values)))
        case "base_uri":
            spelled = tuple(
                value if value.begins else Value(base_uris.normalised(value.text))
                for value in values
            )
            named = select(BaseURI.id).where(_one_of(BaseURI.base_uri, spelled))
            return Dataset.base_uri_id.in_(named)
    raise ValueError(field)


def _annotated(key: str, values: tuple[Value, ...]) -> Condition:
    cut = tuple(Value(text_of(value.text), value.begins) for value in values)
    annotated = select(DatasetAnnotation.dataset_id).where(
        DatasetAnnotation.name == key, _one_of(DatasetAnnotation.value, cut)
    )
    return Dataset.id.in_(annotated)


def _between(field: str, low: float | None, below: float | None) -> Condition:
    column, read = _RANGED[field]
    limits = [column.is_not(None)]
    if low is not None:
        limits.append(column >= read(low))
    if below is not None:
        limits.append(column < read(below))
    return and_(*limits)


def _one_of(column: Any, values: tuple[Value, ...]) -> Condition:
    exact = [value.text for value in values if not value.begins]
    conditions = [column.in_(exact)] if exact else []
    conditions += [begins(column, value.text) for value in values if value.begins]
    return or_(*conditions)


def begins(column: Any, start: str) -> Condition:
    """Return whether a Line column begins with some text, to the letter.

    By comparing, since LIKE takes case and accents differently on each database.
    """
    return and_(column >= start, column < start + _LAST_CHARACTER)
