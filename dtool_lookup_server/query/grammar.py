"""The grammar of queries, read by recursive descent. Nothing is a syntax error.

    query    = both ("OR" both)*
    both     = beside ("AND" beside)*
    beside   = element+                  words: any of them; all else: all of it
    element  = ("-" | "NOT") element | "(" query ")" | field ":" values | words
    values   = value ("," value)*        any of them
    words    = word | word "*" | "*" word "*" | '"' words '"'
    value    = what a field takes, or for a part of a word "~" word | "*" word "*"

What does not parse is searched as words, as if it had no operators and fields.
"""

import re
from collections.abc import Callable, Iterable, Iterator
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
    Part,
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

#: Fields in which parts of words are found.
PART_FIELDS = ("name", "tag", "creator", "uri", "item")
#: Fewest characters of a part, and the most that count.
SHORTEST_PART, LONGEST_PART = 3, 255

_ANNOTATION = "annotation."

#: Quotation marks of other kinds to the one that counts.
QUOTES = str.maketrans("“”„", '"""')
_OPEN, _CLOSE, _MINUS = "(", ")", "-"
_AND, _OR, _NOT = OPERATORS
_OPERATOR = "|".join(OPERATORS)
_FIELD = "|".join([*WORD_FIELDS, *VALUE_FIELDS, *RANGE_FIELDS])
_VALUE = r'(?:~?"[^"]*"\*?|[^\s"(),]+)'
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
_EACH_VALUE = re.compile(
    r'(?P<part>~?)"(?P<quoted>[^"]*)"(?P<begins>\*?)|(?P<bare>[^\s"(),]+)'
)


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


def in_name(typed: str) -> Node:
    """Return what looks for words in a dataset's name, or for a part of a word.

    :param typed: words, or a part as name: takes it
    """
    return _part("name", typed) or Words("name", (Piece(_without_marks(typed)),))


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
        parts: list[Part] = []
        others: list[Node] = []
        while self._place < len(self._tokens) and not self._next_is(_AND, _OR, _CLOSE):
            element = self._element()
            if isinstance(element, Piece):
                pieces.append(element)
            elif isinstance(element, Part) and element.field is None:
                parts.append(element)
            elif isinstance(element, Text) and _is_plain(element):
                pieces.extend(element.pieces)
            else:
                others.append(element)
        if not pieces and not parts and not others:
            raise _DoesNotParseError
        text = Text(tuple(dict.fromkeys(filter(_says_something, pieces))))
        if parts:
            others.append(_any_part(parts, text))
            text = Text(tuple(piece for piece in text.pieces if piece.excluded))
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
        if kind == "quoted":
            return Piece(match[kind], quoted=True)
        if kind == "bare":
            typed = match[kind]
            return _part(None, typed) or Piece(_without_marks(typed))
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
        if name in PART_FIELDS:
            return self._part_field(name, list(_EACH_VALUE.finditer(typed)))
        if name in WORD_FIELDS:
            return _whole_values(name, _EACH_VALUE.finditer(typed))
        if name in VALUE_FIELDS:
            return Match(name, tuple(_values_of(typed)))
        if name in RANGE_FIELDS:
            return self._ranges(name, typed)
        return Annotation(name.removeprefix(_ANNOTATION), tuple(_values_of(typed)))

    def _part_field(self, name: str, values: list[re.Match[str]]) -> Node:
        """Return any of some values, of which each may be a part of a word."""
        parts: list[Node] = []
        others = []
        for match in values:
            part = _part_of_value(name, match)
            if part is None:
                others.append(match)
            else:
                parts.append(part)
        self._elements += len(parts)
        if self._elements > MAX_ELEMENTS:
            raise _DoesNotParseError
        if others:
            parts.append(_whole_values(name, others))
        return _disjunction(parts)

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


def _any_part(parts: list[Part], text: Text) -> Node:
    """Return what finds any of some parts, or of the words beside them.

    As words do, parts do not count where there is a phrase.
    """
    wanted = [piece for piece in text.pieces if not piece.excluded]
    phrases = [piece for piece in wanted if piece.quoted]
    if phrases:
        return Text(tuple(wanted))
    return _disjunction([*(Text((piece,)) for piece in wanted), *parts])


def _part(field: str | None, typed: str) -> Part | None:
    """Return the part that a word stands for: what is behind ~, or between two *."""
    inner = _inside(typed)
    if len(inner) < SHORTEST_PART or not any(map(str.isalnum, inner)):
        return None
    return Part(field, inner[:LONGEST_PART])


def _inside(typed: str) -> str:
    if typed.startswith("~"):
        return typed[1:]
    return typed[1:-1] if typed.startswith("*") and typed.endswith("*") else ""


def _part_of_value(field: str, match: re.Match[str]) -> Part | None:
    return _part(field, _typed(match))


def _typed(match: re.Match[str]) -> str:
    if match["bare"] is not None:
        return match["bare"]
    return f"~{match['quoted']}" if match["part"] else ""


def _without_marks(typed: str) -> str:
    """Return a word; how it begins in place of a part that is too short."""
    inner = _inside(typed)
    return f"{inner}*" if any(map(str.isalnum, inner)) else typed


def _whole_values(field: str, matches: Iterable[re.Match[str]]) -> Words | Match:
    if field in WORD_FIELDS:
        return Words(field, tuple(map(_piece_of, matches)))
    return Match(field, tuple(map(_beginning_or_value, matches)))


def _piece_of(match: re.Match[str]) -> Piece:
    if match["quoted"] is not None and not match["part"]:
        return Piece(match["quoted"], quoted=True)
    return Piece(_without_marks(_typed(match)))


def _beginning_or_value(match: re.Match[str]) -> Value:
    """Return a value of a field in which parts are found; this is none."""
    begins = _without_marks(_typed(match))
    if begins == _typed(match):
        return _value_of(match)
    return Value(begins.removesuffix("*"), begins=True)


def _values_of(typed: str) -> Iterator[Value]:
    yield from map(_value_of, _EACH_VALUE.finditer(typed))


def _value_of(match: re.Match[str]) -> Value:
    """Return a value as it was typed, whatever ~ stands before its quotes."""
    if match["quoted"] is not None:
        return Value(match["quoted"], bool(match["begins"]))
    bare = match["bare"]
    return Value(bare.removesuffix("*"), bare.endswith("*"))
