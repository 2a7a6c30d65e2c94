"""Did you mean: what a misspelled word may stand for, within what somebody may search.

Each base URI has a list of the words in its datasets. It only says what to try: what
is suggested was searched for as the one who asks, and found.
"""

import dataclasses
import functools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import count, islice
from typing import Any

import orjson
from flask import current_app
from sqlalchemy import (
    JSON,
    Connection,
    String,
    bindparam,
    cast,
    collate,
    event,
    exists,
    func,
    select,
)
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.orm import Session

from ..engines import MARIADB
from ..extensions import sql_db
from ..plugins.analysis import words_of
from ..plugins.folding import fold
from ..plugins.interfaces import Query
from ..plugins.spelling import differences_allowed, distance, is_remembered
from ..prepared import Prepared, PreparedForMany, dialect_name
from ..query import And, Leaf, Node, Or, Piece, Text, Words
from ..sql_models import BaseURI, BaseURIWord
from . import search
from .conditions import begins
from .permissions import searchable
from .users import ActingUser

#: Queries that are suggested, words that are looked into, and what is tried of each.
MOST_SUGGESTED, MOST_WORDS, MOST_TRIED = 3, 4, 8
#: Words that are compared with a misspelled one.
MOST_COMPARED = 3_000

_PENDING = "dtool_lookup_server_words"
# Key of an application's _Memory in app.extensions.
_MEMORY = "dtool_lookup_server_known_words"
_TABLE = BaseURIWord.__table__
_C = _TABLE.c
# Words are letters: there is nothing to make of them for any database.
_PLAIN = String()
_KNOWN = PreparedForMany(
    _PLAIN,
    lambda words: select(_C.word).where(
        _C.base_uri_id == bindparam("list"), _C.word.in_(words)
    ),
)


_LIST = Prepared(
    select(BaseURI.__table__.c.id, BaseURI.__table__.c.registered_at).where(
        BaseURI.__table__.c.base_uri == bindparam("place")
    )
)

# What tells the list of a base URI from all others, also from that of one that was
# deleted and registered again: the id, and when it was registered.
_List = tuple[Any, ...]


class _Memory:
    """Words that were found on lists, where they are as long as the lists are there.

    To ask the database for each word of a README takes longer than to write its
    dataset's row. When it is full it begins anew.
    """

    _MOST_WORDS, _MOST_LISTS = 2**15, 256

    def __init__(self) -> None:
        # The lists that a word is on are the bits of a number: the same words are on
        # most of them.
        self._bits: dict[_List, int] = {}
        self._places = count()
        self._words: dict[str, int] = {}

    def without_known(self, list_: _List, words: set[str]) -> set[str]:
        """Return the words that are not known to be on a list."""
        bit = self._bits.get(list_, 0)
        found = self._words.get
        return {word for word in words if not found(word, 0) & bit} if bit else words

    def remember(self, list_: _List, words: set[str]) -> None:
        """Remember that words are on a list, unless it cannot be told from others."""
        if None in list_:
            return
        bit = self._bits.get(list_)
        if bit is None:
            # Two threads never take the same place.
            bit = self._bits.setdefault(list_, 1 << next(self._places))
        for word in words:
            self._words[word] = self._words.get(word, 0) | bit

    @property
    def is_full(self) -> bool:
        """Whether there is another one to begin."""
        return len(self._words) > self._MOST_WORDS or len(self._bits) > self._MOST_LISTS


def _memory() -> _Memory:
    """Return the memory of this application, which has one database."""
    memory: _Memory | None = current_app.extensions.get(_MEMORY)
    if memory is None or memory.is_full:
        # Another thread may go on with the one before.
        memory = current_app.extensions[_MEMORY] = _Memory()
    return memory


@functools.cache
def _unknown_on(dialect_name: str) -> Prepared | None:
    """Return a select of those of some words, one parameter, that are not on a list.

    :returns: None where a database cannot take a list as one parameter
    """
    words = bindparam("words", type_=_PLAIN)
    if dialect_name == "sqlite":
        given: Any = func.json_each(words).table_valued("value").c.value
    elif dialect_name == "postgresql":
        listed = func.json_array_elements_text(cast(words, JSON))
        given = collate(listed.column_valued("given"), "C")
    else:
        return None
    is_known = exists().where(_C.word == given, _C.base_uri_id == bindparam("list"))
    return Prepared(select(given).where(~is_known))


def unknown(base_uri: str, words: set[str]) -> set[str]:
    """Return those of some words that are not on the list of a base URI.

    Best before a transaction begins: a word stays on the list as long as the base URI
    is registered.

    :param base_uri: in its one spelling
    """
    list_ = _LIST.first({"place": base_uri})
    if list_ is None:
        return words
    memory = _memory()
    asked = memory.without_known(list_, words)
    unknown_words = _not_on_list(list_[0], asked)
    memory.remember(list_, asked - unknown_words)
    return unknown_words


def _not_on_list(base_uri_id: int, words: set[str]) -> set[str]:
    if not words:
        return words
    ordered, which = sorted(words), {"list": base_uri_id}
    unknown_of = _unknown_on(dialect_name())
    if unknown_of is not None:
        # What is not known is little.
        rows = unknown_of.all({"words": orjson.dumps(ordered).decode(), **which})
        return {word for (word,) in rows}
    return words.difference(word for (word,) in _KNOWN.all(ordered, which))


def learn(datasets: Iterable[tuple[int, Iterable[str]]]) -> None:
    """Put words on the lists of base URIs when the transaction is committed.

    :param datasets: the id of each one's base URI, and its words as words_of_dataset
        returns them; best without those that are known
    """
    pending = sql_db.session.info.setdefault(_PENDING, defaultdict(set))
    for base_uri_id, words in datasets:
        pending[base_uri_id].update(words)


@event.listens_for(sql_db.session, "before_commit")
def _apply(session: Session) -> None:
    pending = session.info.pop(_PENDING, {})
    for base_uri_id, words in sorted(pending.items()):
        remember(session.connection(), base_uri_id, words)


@event.listens_for(sql_db.session, "after_rollback")
def _forget(session: Session) -> None:
    session.info.pop(_PENDING, None)


def remember(connection: Connection, base_uri_id: int, words: Iterable[str]) -> None:
    """Put words on the list of a base URI, those that are not there.

    Others may do so at the same moment: all in one order, so that none waits for one
    that waits for it.
    """
    _insertion(connection.dialect.name).run(
        [
            {
                "word": word,
                "base_uri_id": base_uri_id,
                "backwards": word[::-1],
                "length": len(word),
            }
            for word in sorted(words)
        ],
        connection,
    )


@functools.cache
def _insertion(dialect_name: str) -> Prepared:
    """Return a statement that inserts a row, or leaves that which is there."""
    if dialect_name in MARIADB:
        adding: Any = mysql.insert(_TABLE).prefix_with("IGNORE")
    elif dialect_name == "sqlite":
        adding = sqlite.insert(_TABLE).on_conflict_do_nothing()
    else:
        adding = postgresql.insert(_TABLE).on_conflict_do_nothing()
    types = {"word": _PLAIN, "backwards": _PLAIN}
    return Prepared(
        adding.values(
            {c.name: bindparam(c.name, type_=types.get(c.name, c.type)) for c in _C}
        )
    )


def did_you_mean(user: ActingUser | None, query: Query, found: int) -> list[str]:
    """Return what the free text of a query may be misspelled for.

    :param user: None for the machine's administrator, who sees all
    :param found: how many datasets the query finds
    :returns: in the query language, the nearest first; each finds something that the
        user may see. Empty where no word is without a hit of its own
    """
    tree = search.understood(query).tree
    if found and _is_word(tree):
        return []
    asked = list(islice(_words_in(tree), MOST_WORDS))
    if found and (len(asked) < 2 or _are_known(user, asked)):
        return []
    meant = {
        word: nearest
        for word in asked
        if not _is_found(user, word) and (nearest := _nearest(user, word))
    }
    if not meant:
        return []
    first = next(iter(meant))
    best = {word: nearest[0] for word, nearest in meant.items()}
    corrected = (_corrected(tree, {**best, first: other}) for other in meant[first])
    queries = ({**query, "free_text": str(one)} for one in corrected)
    good = (one["free_text"] for one in queries if search.finds_any(user, one))
    return list(islice(good, MOST_SUGGESTED))


def _is_word(tree: Node) -> bool:
    """Return whether a tree looks for one word at most, without looking into it."""
    return (
        isinstance(tree, Text)
        and len(tree.pieces) < 2
        and not any(piece.quoted for piece in tree.pieces)
    )


def _words_in(tree: Node) -> Iterator[str]:
    """Yield each word that a tree looks for and that may be misspelled."""
    words = (
        word
        for leaf in _wanted(tree)
        for piece in _pieces_of(leaf)
        for word in _words_of(piece)
    )
    yield from dict.fromkeys(filter(is_remembered, words))


def _wanted(tree: Node) -> Iterator[Leaf]:
    match tree:
        case And(parts) | Or(parts):
            for part in parts:
                yield from _wanted(part)
        case Leaf():
            yield tree


def _pieces_of(leaf: Leaf) -> tuple[Piece, ...]:
    if isinstance(leaf, Text | Words):
        return tuple(piece for piece in leaf.pieces if not piece.excluded)
    return ()


def _words_of(piece: Piece) -> list[str]:
    """Return the words of a phrase, or a word; none of an identifier or beginning."""
    words = words_of(fold(piece.text))
    alone = piece.quoted or (len(words) == 1 and not piece.text.endswith("*"))
    return words if alone else []


def _are_known(user: ActingUser | None, words: list[str]) -> bool:
    known = _within(user, select(_C.word).distinct().where(_C.word.in_(words)))
    return len(sql_db.session.scalars(known).all()) == len(words)


def _is_found(user: ActingUser | None, word: str) -> bool:
    return search.finds_any(user, {"free_text": f'"{word}"'})


def _nearest(user: ActingUser | None, word: str) -> list[str]:
    """Return the words that are nearly the same and find something, the nearest first.

    One that differs in its first half ends as the word does, one that differs in its
    second half begins so: either is looked up in an index.
    """
    same = max(2, (len(word) - 1) // 2)
    allowed = differences_allowed(word)
    near: set[str] = set()
    for column, start in ((_C.word, word[:same]), (_C.backwards, word[::-1][:same])):
        like = (
            select(_C.word)
            .distinct()
            .where(
                begins(column, start),
                _C.length.between(len(word) - allowed, len(word) + allowed),
            )
        )
        near.update(sql_db.session.scalars(_within(user, like).limit(MOST_COMPARED)))
    steps = {one: distance(word, one) for one in near if one != word}
    tried = sorted(
        (one for one, number in steps.items() if number <= allowed),
        key=lambda one: (steps[one], one[0] != word[0], one),
    )
    found = (one for one in tried[:MOST_TRIED] if _is_found(user, one))
    return list(islice(found, MOST_SUGGESTED))


def _within(user: ActingUser | None, words: Any) -> Any:
    """Return a select of words of base URIs that a user may search."""
    if user is None:
        return words
    return words.where(_C.base_uri_id.in_(searchable(user)))


def _corrected(tree: Node, meant: Mapping[str, str]) -> Node:
    """Return a tree with other words in place of some."""
    match tree:
        case And(parts):
            return And(tuple(_corrected(part, meant) for part in parts))
        case Or(parts):
            return Or(tuple(_corrected(part, meant) for part in parts))
        case Text(pieces):
            return Text(tuple(_corrected_piece(piece, meant) for piece in pieces))
        case Words(field, pieces):
            return Words(
                field, tuple(_corrected_piece(piece, meant) for piece in pieces)
            )
    return tree


def _corrected_piece(piece: Piece, meant: Mapping[str, str]) -> Piece:
    words = _words_of(piece)
    if piece.excluded or not meant.keys() & set(words):
        return piece
    text = " ".join(meant.get(word, word) for word in words)
    return dataclasses.replace(piece, text=text)
