"""The query language: what people type becomes a tree that knows nothing of a store."""

from .grammar import parse
from .tree import (
    And,
    Annotation,
    Between,
    Leaf,
    Match,
    Node,
    Not,
    Or,
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
    "Piece",
    "Text",
    "Understood",
    "Value",
    "Words",
    "conjunction",
    "leaves_of",
    "parse",
    "parts_of",
]
