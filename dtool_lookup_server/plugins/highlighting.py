"""Why a dataset was found: where the words of a query stand in its fields.

Nothing of it is HTML: a snippet is plain text, and marks are places in it, counted in
Unicode code points.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from ..query import And, Annotation, Leaf, Match, Node, Or, Part, Value
from ..query.annotations import searchable_values, text_of
from ..query.grammar import PART_FIELDS
from .analysis import JOINT, spelled, terms_and_forms_of
from .folding import fold
from .interfaces import DatasetInfo
from .parts import places
from .text_query import FIELDS, Clause, Phrase, Prefix, Term, TextQuery

#: Snippets of one field, and marks of one snippet.
MOST_SNIPPETS = 3
MOST_MARKS = 20
#: Characters of a README before the first mark of a snippet, and in all.
BEFORE, LONGEST_SNIPPET = 60, 240
#: Characters of a README, and paths of a manifest, that are looked through.
LONGEST_README = 1_000_000
MOST_PATHS = 20_000

# A character of a script without blanks between the words is a word; letters of others
# come with accents and vowel signs.
_CJK = r"\u3040-\u30ff\u3400-\u9fff"
_WORD = re.compile(rf"[{_CJK}]|(?:[^\W_{_CJK}]|[\u0300-\u036f\u0900-\u0fff])+")

Mark = tuple[int, int]
Found = dict[str, Any]
#: Returns the places where one clause stands among the words of a text.
Finder = Callable[[list["_Token"]], Iterator[Mark]]


@dataclass(frozen=True)
class _Token:
    """A word of a text: as it is spelled, its terms, where it stands."""

    word: str
    terms: tuple[str, ...]
    start: int
    end: int


def highlights(tree: Node, info: DatasetInfo) -> list[Found]:
    """Return which fields of a dataset a query matches, with snippets.

    :param tree: with terms, as text_query.with_terms makes it
    :param info: a dataset info; of what is absent nothing is returned
    :returns: dictionaries with field (name, creator, tag, uri, annotation.KEY, readme
        or item), text, and marks: a list of [start, end] in text
    """
    leaves = list(_wanted(tree))
    clauses = [
        clause
        for leaf in leaves
        if isinstance(leaf, TextQuery)
        for clause in leaf.wanted
    ]
    found: list[Found] = []
    for field, values in _values(info):
        finders = [finder for clause in clauses for finder in _finder(clause, field)]
        compared = [leaf for leaf in leaves if _is_about(leaf, field)]
        snippets = (_snippet(field, value, finders, compared) for value in values)
        found += islice(filter(None, snippets), MOST_SNIPPETS)
    finders = [finder for clause in clauses for finder in _finder(clause, "readme")]
    return found + _readme_snippets(info.get("readme"), finders)


def _wanted(tree: Node) -> Iterator[Leaf]:
    """Yield the leaves for which a dataset can be found; none of those under NOT."""
    match tree:
        case And(parts) | Or(parts):
            for part in parts:
                yield from _wanted(part)
        case Leaf():
            yield tree


def _values(info: DatasetInfo) -> Iterator[tuple[str, Iterable[str]]]:
    """Yield each field that is shown as a whole, and its values."""
    yield "name", [info["name"]]
    yield "creator", [info["creator_username"]]
    yield "tag", info.get("tags") or []
    yield "uri", [info["uri"]]
    for key, value in sorted(searchable_values(info.get("annotations"))):
        yield f"annotation.{key}", [value]
    items = (info.get("manifest") or {}).get("items") or {}
    paths = (item.get("relpath") for item in items.values() if isinstance(item, dict))
    yield "item", (path for path in islice(paths, MOST_PATHS) if isinstance(path, str))


def _is_about(leaf: Leaf, field: str) -> bool:
    """Tell whether a leaf compares a field as a whole."""
    match leaf:
        case Match(name):
            return name == field or (name in ("base_uri", "uuid") and field == "uri")
        case Annotation(key):
            return field == f"annotation.{key}"
        case Part(only):
            return field in PART_FIELDS and only in (None, field)
    return False


def _snippet(
    field: str, text: str, finders: list[Finder], compared: list[Leaf]
) -> Found | None:
    marks = [mark for leaf in compared for mark in _compared_marks(leaf, text)]
    if finders:
        tokens = list(_tokens(text))
        marks += (mark for finder in finders for mark in finder(tokens))
    return _found(field, text, marks)


def _compared_marks(leaf: Leaf, text: str) -> Iterator[Mark]:
    if isinstance(leaf, Part):
        yield from places(text, leaf)
    values: tuple[Value, ...] = getattr(leaf, "values", ())
    for value in values:
        match leaf:
            case Match("uuid"):
                start = text.lower().find(value.text.lower())
            case Match("base_uri"):
                start = 0 if text.startswith(value.text) else -1
            case _:
                wanted = text_of(value.text)
                same = text.startswith(wanted) if value.begins else text == wanted
                start = 0 if same else -1
        if start >= 0:
            # All of the value where anything of it would do.
            yield start, start + len(value.text) or len(text)


def _readme_snippets(readme: Any, finders: list[Finder]) -> list[Found]:
    if not finders or not isinstance(readme, str):
        return []
    text = readme[:LONGEST_README]
    tokens = list(_tokens(text))
    marks = sorted({mark for finder in finders for mark in finder(tokens)})
    snippets: list[Found] = []
    while marks and len(snippets) < MOST_SNIPPETS:
        begin = max(0, marks[0][0] - BEFORE)
        end = max(begin + LONGEST_SNIPPET, marks[0][1])
        inside = [(s - begin, e - begin) for s, e in marks if e <= end]
        found = _found("readme", text[begin:end], inside)
        snippets += [found] if found else []
        marks = [mark for mark in marks if mark[1] > end]
    return snippets


def _found(field: str, text: str, marks: Iterable[Mark]) -> Found | None:
    united: list[list[int]] = []
    for start, end in sorted(set(marks)):
        if united and start <= united[-1][1]:
            united[-1][1] = max(end, united[-1][1])
        else:
            united.append([start, end])
    if not united:
        return None
    return {"field": field, "text": text, "marks": united[:MOST_MARKS]}


def _tokens(text: str) -> Iterator[_Token]:
    for match in _WORD.finditer(text):
        folded = fold(match[0])
        if word := spelled(folded):
            terms = terms_and_forms_of(folded)
            yield _Token(word, terms, match.start(), match.end())


def _finder(clause: Clause, field: str) -> Iterator[Finder]:
    """Yield what finds a clause in a field, if it is looked for there."""
    if clause.field not in (None, FIELDS.get(field, field)):
        return
    match clause:
        case Term(term):
            # A term may be the whole of an identifier.
            yield _in_order(term.split(JOINT) if JOINT in term.strip("_") else [term])
        case Prefix(start):
            yield _beginning(start.split(JOINT))
        case Phrase(terms, whole):
            yield _in_order(terms or whole.split(JOINT))


def _in_order(words: Iterable[str]) -> Finder:
    wanted = tuple(words)

    def find(tokens: list[_Token]) -> Iterator[Mark]:
        # Stop words count where the words are spelled, not where they are terms.
        for some in (tokens, [token for token in tokens if token.terms]):
            for place in range(len(some) - len(wanted) + 1):
                row = some[place : place + len(wanted)]
                if all(_is(*pair) for pair in zip(row, wanted, strict=True)):
                    yield row[0].start, row[-1].end

    return find


def _is(token: _Token, wanted: str) -> bool:
    return wanted in token.terms or wanted == token.word


def _beginning(words: list[str]) -> Finder:
    *first, last = words

    def find(tokens: list[_Token]) -> Iterator[Mark]:
        for place in range(len(tokens) - len(first)):
            row = tokens[place : place + len(words)]
            begins = any(t.startswith(last) for t in (row[-1].word, *row[-1].terms))
            if begins and all(map(_is, row, first)):
                yield row[0].start, row[-1].end

    return find
