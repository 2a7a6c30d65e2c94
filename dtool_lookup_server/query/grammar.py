"""The grammar of queries, read by recursive descent. Nothing is a syntax error.

    query    = both ("OR" both)*
    both     = beside ("AND" beside)*
    beside   = element+                  words: any of them; all else: all of it
    element  = ("-" | "NOT") element | "(" query ")" | field ":" values | words
    values   = value ("," value)*        any of them
    words    = word | word "*" | '"' words '"'

What does not parse is searched as words, as if it had no operators and fields.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import NamedTuple

from . import ranges
from .tree import (
    OPERATORS,
    Annotation,
    Between,
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
)

#: Elements of a query with fields or operators; one with more does not parse.
MAX_ELEMENTS = 200
#: Brackets and negations around each other.
MAX_DEPTH = 50

#: Fields whose words are searched.
WORD_FIELDS = ("name", "readme", "uri", "item")
#: Fields that are compared to the letter.
VALUE_FIELDS = ("creator", "tag", "base_uri", "uuid", "uploader")
#: Fields that are in a range.
RANGE_FIELDS = ("created", "frozen", "size", "items")

_ANNOTATION = "annotation."

#: Quotation marks of other kinds to the one that counts.
QUOTES = str.maketrans("“”„", '"""')
_OPEN, _CLOSE, _MINUS = "(", ")", "-"
_AND, _OR, _NOT = OPERATORS
_OPERATOR = "|".join(OPERATORS)
_FIELD = "|".join([*WORD_FIELDS, *VALUE_FIELDS, *RANGE_FIELDS])
_VALUE = r'(?:"[^"]*"\*?|[^\s"(),]+)'
# What no identifier is written with stands between words, as white space does.
_BARE = r'[^\s"(){}\[\]<>,;!?|&^~\x00-\x1f]+'
_TOKEN = re.compile(
    rf"(?P<bracket>[()])|(?P<operator>(?:{_OPERATOR})(?=[\s()]|$))"
    rf"|(?P<minus>-(?!-)(?=\S))"
    rf"|(?P<field>{_FIELD}|annotation\.[^\s\":(),]+):(?P<values>{_VALUE}(?:,{_VALUE})*)"
    rf'|"(?P<quoted>[^"]*)"|(?P<bare>{_BARE})'
)
# How words were read before there were fields.
_PIECE = re.compile(rf'(?P<minus>-(?!-))?(?:"(?P<quoted>[^"]*)"|(?P<bare>{_BARE}))')
_EACH_VALUE = re.compile(r'"(?P<quoted>[^"]*)"(?P<begins>\*?)|(?P<bare>[^\s"(),]+)')


class _DoesNotParseError(Exception):
    """The query is to be read as words."""


def parse(typed: str, now: datetime | None = None) -> Understood:
    """Return what a query asks.

    :param typed: any text at all
    :param now: what last:30d counts from; None for the time of the call
    """
    text = typed.translate(QUOTES)
    try:
        return Understood(_Parser(text, now or datetime.now(UTC)).query(), True)
    except _DoesNotParseError:
        return Understood(Text(tuple(filter(_says_something, words(text)))), False)


def words(typed: str) -> Iterator[Piece]:
    """Yield the words, phrases and exclusions of a text without fields."""
    for match in _PIECE.finditer(typed):
        quoted = match["quoted"] is not None
        text = match["quoted"] if quoted else match["bare"]
        yield Piece(text, quoted, excluded=bool(match["minus"]))


class _Token(NamedTuple):
    kind: str
    match: re.Match[str]


class _Parser:
    """One pass over the tokens of a query."""

    def __init__(self, text: str, now: datetime):
        self._now = now
        self._tokens = [_Token(_kind(match), match) for match in _TOKEN.finditer(text)]
        self._place = 0
        self._elements = 0
        self._depth = 0

    def query(self) -> Node:
        """Return the tree of all tokens.

        :raises _DoesNotParseError: where they are no query
        """
        if not self._tokens:
            return Text(())
        tree = self._either()
        if self._place < len(self._tokens):  # a bracket that was never opened
            raise _DoesNotParseError
        return tree

    def _either(self) -> Node:
        parts = self._separated_by(_OR, self._both)
        return _disjunction(parts)

    def _both(self) -> Node:
        return conjunction(self._separated_by(_AND, self._beside))

    def _separated_by(self, operator: str, read: Callable[[], Node]) -> list[Node]:
        parts = [read()]
        while self._next_is(operator):
            self._place += 1
            parts.append(read())
        return parts

    def _beside(self) -> Node:
        pieces: list[Piece] = []
        others: list[Node] = []
        while self._place < len(self._tokens) and not self._next_is(_AND, _OR, _CLOSE):
            element = self._element()
            if isinstance(element, Piece):
                pieces.append(element)
            elif isinstance(element, Text) and _is_plain(element):
                pieces.extend(element.pieces)
            else:
                others.append(element)
        if not pieces and not others:
            raise _DoesNotParseError
        text = Text(tuple(dict.fromkeys(filter(_says_something, pieces))))
        return conjunction([*others, text] if text.pieces or not others else others)

    def _element(self) -> Piece | Node:
        if self._place == len(self._tokens):
            raise _DoesNotParseError
        kind, match = self._tokens[self._place]
        self._place += 1
        self._elements += 1
        if self._elements > MAX_ELEMENTS:
            raise _DoesNotParseError
        if kind in (_NOT, _MINUS):
            return self._negated()
        if kind == _OPEN:
            return self._group()
        if kind == "field":
            return self._field(match["field"], match["values"])
        if kind in ("quoted", "bare"):
            return Piece(match[kind], quoted=kind == "quoted")
        raise _DoesNotParseError

    def _negated(self) -> Piece | Node:
        with self._deeper():
            element = self._element()
        if isinstance(element, Text) and len(element.pieces) == 1:
            element = element.pieces[0]
        if isinstance(element, Piece):
            return Piece(element.text, element.quoted, not element.excluded)
        return element.part if isinstance(element, Not) else Not(element)

    def _group(self) -> Node:
        with self._deeper():
            tree = self._either()
        if not self._next_is(_CLOSE):
            raise _DoesNotParseError
        self._place += 1
        return tree

    @contextmanager
    def _deeper(self) -> Iterator[None]:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _DoesNotParseError
        yield
        self._depth -= 1

    def _field(self, name: str, typed: str) -> Node:
        if name in WORD_FIELDS:
            return Words(name, tuple(_pieces_of(typed)))
        if name in VALUE_FIELDS:
            return Match(name, tuple(_values_of(typed)))
        if name in RANGE_FIELDS:
            return self._ranges(name, typed)
        return Annotation(name.removeprefix(_ANNOTATION), tuple(_values_of(typed)))

    def _ranges(self, name: str, typed: str) -> Node:
        return _disjunction([self._range(name, one) for one in typed.split(",")])

    def _range(self, name: str, typed: str) -> Node:
        unquoted = typed.strip('"')
        try:
            if name in ("created", "frozen"):
                low, below = ranges.times(unquoted, self._now)
            elif name == "size":
                low, below = ranges.sizes(unquoted)
            else:
                low, below = ranges.counts(unquoted)
        except ValueError:
            raise _DoesNotParseError from None
        return Between(name, low, below, unquoted)

    def _next_is(self, *kinds: str) -> bool:
        return self._place < len(self._tokens) and (
            self._tokens[self._place].kind in kinds
        )


def _kind(match: re.Match[str]) -> str:
    """Return what a token is: an operator, a bracket, or a group's name."""
    return (
        match["operator"]
        or match["bracket"]
        or match["minus"]
        or (
            next(
                name for name in ("field", "quoted", "bare") if match[name] is not None
            )
        )
    )


def _disjunction(parts: list[Node]) -> Node:
    """Return one node for what any of several finds; plain words are one text."""
    if len(parts) == 1:
        return parts[0]
    flat: dict[Node, None] = {}
    plain: dict[Piece, None] = {}
    for part in parts:
        for one in part.parts if isinstance(part, Or) else (part,):
            if isinstance(one, Text) and _is_plain(one):
                plain.update(dict.fromkeys(one.pieces))
            else:
                flat[one] = None
    if plain:
        flat[Text(tuple(plain))] = None
    return next(iter(flat)) if len(flat) == 1 else Or(tuple(flat))


def _says_something(piece: Piece) -> bool:
    return any(char.isalnum() for char in piece.text)


def _is_plain(text: Text) -> bool:
    return not any(piece.quoted or piece.excluded for piece in text.pieces)


def _pieces_of(typed: str) -> Iterator[Piece]:
    for match in _EACH_VALUE.finditer(typed):
        quoted = match["quoted"] is not None
        yield Piece(match["quoted"] if quoted else match["bare"], quoted)


def _values_of(typed: str) -> Iterator[Value]:
    for match in _EACH_VALUE.finditer(typed):
        if match["quoted"] is not None:
            yield Value(match["quoted"], bool(match["begins"]))
        else:
            bare = match["bare"]
            yield Value(bare.removesuffix("*"), bare.endswith("*"))
