"""What a query asks, as a tree. str() of a node writes it in the query language."""

import dataclasses
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

#: What must stand in quotes to be one value, and no part, beginning or operator.
_NEEDS_QUOTES = re.compile(r"^[~*]|[\s(),]|\*$|^$")

#: Words that stand between others, in capitals.
OPERATORS = ("AND", "OR", "NOT")


class Leaf:
    """A node without parts."""


@dataclass(frozen=True)
class Piece:
    """A word, an identifier, a beginning of a word (app*) or a phrase.

    :param text: as it was typed, without the quotes
    :param quoted: whether it was in quotes: its words stand one after the other
    :param excluded: whether it must not occur
    """

    text: str
    quoted: bool = False
    excluded: bool = False

    def __str__(self) -> str:
        text = self.text.lower() if self.text in OPERATORS else self.text
        text = f'"{text}"' if self.quoted else text
        return f"-{text}" if self.excluded else text


@dataclass(frozen=True)
class Value:
    """A value to compare with, to the letter.

    :param text: all of it, or how it begins
    :param begins: whether other characters may follow
    """

    text: str
    begins: bool = False

    def __str__(self) -> str:
        text = f'"{self.text}"' if _NEEDS_QUOTES.search(self.text) else self.text
        return f"{text}*" if self.begins else text


@dataclass(frozen=True)
class Text(Leaf):
    """Words side by side, anywhere in a dataset.

    Phrases must all occur and exclusions must not; of the words one must occur where
    there is no phrase.
    """

    pieces: tuple[Piece, ...]

    @property
    def free_text(self) -> str:
        """The words as they were typed, as a query without fields has them."""
        return " ".join(map(str, self.pieces))

    def __str__(self) -> str:
        plain = not any(piece.quoted or piece.excluded for piece in self.pieces)
        return " OR ".join(map(str, self.pieces)) if plain else self.free_text


@dataclass(frozen=True)
class Words(Leaf):
    """Words in one field: name, readme, uri or item; one of the pieces is enough."""

    field: str
    pieces: tuple[Piece, ...]

    def __str__(self) -> str:
        return f"{self.field}:{_listed(self.pieces)}"


@dataclass(frozen=True)
class Part(Leaf):
    """Three characters or more in a row, anywhere in a word.

    :param field: name, tag, creator, uri or item; None for any of these
    :param text: as it was typed; where * is in it, what is on either side of it, in
        the same field
    """

    field: str | None
    text: str

    def __str__(self) -> str:
        if self.field is None:
            return f"*{self.text}*"
        return f"{self.field}:~{Value(self.text)}"


@dataclass(frozen=True)
class Match(Leaf):
    """A field that has one of some values: creator, tag, base_uri, uuid, uploader."""

    field: str
    values: tuple[Value, ...]

    def __str__(self) -> str:
        return f"{self.field}:{_listed(self.values)}"


@dataclass(frozen=True)
class Annotation(Leaf):
    """An annotation that has one of some values.

    :param key: its name; the names of members within it follow after dots
    """

    key: str
    values: tuple[Value, ...]

    def __str__(self) -> str:
        return f"annotation.{self.key}:{_listed(self.values)}"


@dataclass(frozen=True)
class Between(Leaf):
    """A number in a range: created or frozen (seconds since 1970), size or items.

    A dataset whose number is not known is outside of every range.

    :param low: the smallest; None for no limit
    :param below: the first that is too large; None for no limit
    :param typed: the range as it was typed
    """

    field: str
    low: float | None
    below: float | None
    typed: str = dataclasses.field(default="", compare=False)

    def __str__(self) -> str:
        return f"{self.field}:{self.typed}"


@dataclass(frozen=True)
class Not:
    """What a node does not find."""

    part: "Node"

    def __str__(self) -> str:
        return f"NOT {_bracketed(self.part)}"


@dataclass(frozen=True)
class And:
    """What all of several nodes find; without any, everything."""

    parts: tuple["Node", ...]

    def __str__(self) -> str:
        return " AND ".join(map(_bracketed, self.parts))


@dataclass(frozen=True)
class Or:
    """What at least one of several nodes finds."""

    parts: tuple["Node", ...]

    def __str__(self) -> str:
        return " OR ".join(map(_bracketed, self.parts))


Node = And | Or | Not | Leaf


@dataclass(frozen=True)
class Understood:
    """How a query was understood.

    :param tree: what it asks
    :param parsed: False where it did not parse, and its words are searched
    """

    tree: Node
    parsed: bool

    @cached_property
    def _text(self) -> str:
        return str(self.tree)

    def __str__(self) -> str:
        return self._text


def conjunction(parts: Iterable[Node]) -> Node:
    """Return one node for what all of several find, as flat as can be."""
    flat: dict[Node, None] = {}
    for part in parts:
        flat.update(dict.fromkeys(parts_of(part)))
    return next(iter(flat)) if len(flat) == 1 else And(tuple(flat))


def parts_of(tree: Node) -> tuple[Node, ...]:
    """Return the nodes of which a tree asks for all."""
    return tree.parts if isinstance(tree, And) else (tree,)


def leaves_of(tree: Node) -> Iterator[Leaf]:
    """Yield every leaf of a tree."""
    match tree:
        case And(parts) | Or(parts):
            for part in parts:
                yield from leaves_of(part)
        case Not(part):
            yield from leaves_of(part)
        case Leaf():
            yield tree


def _listed(values: tuple[Piece, ...] | tuple[Value, ...]) -> str:
    return ",".join(map(str, values))


def _bracketed(node: Node) -> str:
    composed = isinstance(node, And | Or) or (
        isinstance(node, Text) and len(node.pieces) > 1
    )
    return f"({node})" if composed else str(node)
