"""The query language: what people type becomes a tree that knows nothing of a store."""

from .grammar import in_name, parse
from .tree import (
    And,
    Annotation,
    Between,
    Leaf,
    Match,
    Node,
    Not,
    Or,
    Part,
    Piece,
    Text,
    Understood,
    Value,
    Words,
    conjunction,
    leaves_of,
    parts_of,
)

__all__ = [
    "And",
    "Annotation",
    "Between",
    "Leaf",
    "Match",
    "Node",
    "Not",
    "Or",
    "Part",
    "Piece",
    "Text",
    "Understood",
    "Value",
    "Words",
    "conjunction",
    "in_name",
    "leaves_of",
    "parse",
    "parts_of",
]
