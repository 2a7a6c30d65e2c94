"""A tree as a filter of MongoDB's documents."""

import re

from ...query import And, Between, Match, Node, Not, Or, Value, leaves_of
from ..text_query import TextQuery, with_labels
from . import text
from .store import Document, spellings

# Where each of the query language's fields stands in the head of a document.
_MATCHED = {"creator": "creator_username", "tag": "tags", "base_uri": "base_uri"}
_RANGED = {
    "created": "created_at",
    "frozen": "frozen_at",
    "size": "size_in_bytes",
    "items": "number_of_items",
}


def knows(tree: Node) -> bool:
    """Return whether the documents hold all that a tree asks for."""
    return all(
        isinstance(leaf, TextQuery | Between)
        or (isinstance(leaf, Match) and leaf.field in (*_MATCHED, "uuid"))
        for leaf in leaves_of(tree)
    )


def matching(tree: Node) -> Document:
    """Return a tree as a filter; knows(tree) must be true."""
    match tree:
        case And(parts):
            return {"$and": [matching(part) for part in parts]} if parts else {}
        case Or(parts):
            return {"$or": [matching(part) for part in parts]}
        case Not(part):
            return {"$nor": [matching(part)]}
        case TextQuery():
            return text.matching(with_labels(tree))
        case Match("uuid", values):
            return {"$or": [_uuid(value.text.lower()) for value in values]}
        case Match(field, values):
            return {"$or": [_value(_MATCHED[field], value) for value in values]}
        case Between(field, low, below):
            limits = {"$gte": low, "$lt": below}
            # Without a limit, at least a number.
            known = {key: limit for key, limit in limits.items() if limit is not None}
            return {_RANGED[field]: known or {"$type": "number"}}
    raise TypeError(type(tree))


def _uuid(start: str) -> Document:
    begins = {"$regex": f"^{re.escape(start)}"}
    return {"$or": [{"uuid": {"$in": spellings(start)}}, {"uuid": begins}]}


def _value(key: str, value: Value) -> Document:
    if value.begins:
        return {key: {"$regex": f"^{re.escape(value.text)}"}}
    return {key: value.text}
