"""Text to terms: the one analyzer of every store, for datasets and for queries.

Engines store the terms made here with their own language support switched off, and
are asked for terms made here, so that they differ in speed and never in answers.
A term is written in a-z, 0-9 and the underscore, in MIN_TERM to MAX_TERM characters,
which each engine takes as one word. A change of what this module answers (a newer
stemmer too) asks for a reindex.

Words fold to lower case without accents and are reduced to their stem. Identifiers
(U00096.3.rev.1.bt2, a UUID, a path) are kept twice: as their words, one after the
other, and as *wholes*, all their words in one term. What stands between the words
does not count: WT-3_rep2 and wt.3.rep2 are one identifier.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Set
from hashlib import blake2b
from itertools import chain, dropwhile
from operator import itemgetter
from threading import Lock
from typing import Any, NamedTuple

import Stemmer

from .folding import fold
from .interfaces import DatasetInfo
from .remembering import Remembered
from .stop_words import STOP_WORDS
from .term_sets import united

#: Raised with every change of the terms that this module makes of the same text, unless
#: a migration changes those that are kept: indexing then registers each dataset anew.
ANALYSIS_VERSION = 3

#: Shortest term: engines of full text pass over shorter ones.
MIN_TERM = 3
#: Longest term: short enough for the key of an index. It holds a UUID with its
#: bucket; what is longer ends in a digest, so that long URIs that begin alike stay
#: apart.
MAX_TERM = 80
#: How much of a longer term is kept in front of its digest. Also the longest prefix
#: that can be searched.
TERM_HEAD = 63
#: Stands between separate values, so that no phrase reaches from one to the next.
#: Not a term of any word: between single underscores there are only hex digits.
BREAK = "_break_"
#: Between the words of a whole.
JOINT = "__"
#: An identifier is also kept up to, and from, each of this many of its first dots.
MAX_DOTS = 8
#: A name in a path is also kept up to its first few words, and from its last few.
END_WORDS = 3
# Names in paths that are analyzed, and remembered, one by one.
_FEW_NAMES = 1_000
# Longest of what stands between blanks that is remembered, in characters: less than a
# UUID has.
_LONGEST_CHUNK = 32
# Paths whose terms are a set; of more, the terms are found and kept a part at a time.
_FEW_PATHS = 5_000

#: Fields whose terms are in order, so that phrases can be found in them.
PHRASE_FIELDS = ("name", "tags", "creator", "identifiers", "readme", "annotations")
#: Phrase fields that can be searched alone.
SEARCHED_ALONE = ("name", "identifiers", "readme")

_LONE_LETTERS = {"a", "i"}
_BLANKS = re.compile(r"[ /]+")
_HYPHENS = re.compile(r"-+")
# A year with its month, and with its day, in a name whose words are joined.
_DATE = re.compile(r"__((?:19|20)\d\d__[01]\d)(__[0-3]\d)?(?=__)", re.ASCII)
_NOT_PLAIN = re.compile(r"[^a-z0-9_]+")

_stemmer = Stemmer.Stemmer("english", 0)
_stemmer_lock = Lock()


def words_of(folded: str) -> list[str]:
    """Return the words of folded text, stop words included."""
    return _apart(folded).split()


def _apart(folded: str) -> str:
    """Return folded text with a blank for what stands between words, but for lines."""
    return folded.replace("/", " ").replace(".", " ").replace("-", " ")


def terms_of(folded: str) -> list[str]:
    """Return the terms of folded text in order, without stop words."""
    return [term for term, _forms in _analyzed_words(folded)]


def terms_and_forms_of(folded: str) -> tuple[str, ...]:
    """Return every term under which folded text is found, wholes aside."""
    words = _analyzed_words(folded)
    return tuple(one for term, forms in words for one in (term, *forms))


def spelled(folded: str) -> str:
    """Return the words of folded text as wholes are made of them, without a joint."""
    return "".join(map(_spell, words_of(folded)))


def whole_of(words: Iterable[str]) -> str:
    """Return the one term of an identifier, or of a file's name, from its words."""
    return _fit(_spell(JOINT.join(words)))


def prefix_of(words: Iterable[str]) -> str:
    """Return the characters with which terms begin whose words begin with these."""
    return _spell(JOINT.join(words)).rstrip("_")[:TERM_HEAD]


def labelled(field: str, term: str) -> str:
    """Return the term that says that a term is in one of SEARCHED_ALONE.

    For stores that cannot tell the fields of a term. It is none of another word, nor
    does a word begin so: behind an underscore there are only hex digits.
    """
    return _fit(_label_of(field) + term)


def labelled_prefix(field: str, start: str) -> str:
    """Return how the labelled terms begin whose terms begin like this."""
    return (_label_of(field) + start)[:TERM_HEAD]


def _label_of(field: str) -> str:
    return f"_{field}_{JOINT}"


# A word as it is kept: its term, and the forms beside it.
_Word = tuple[str, tuple[str, ...]]

# What is kept of what stands between blanks: terms in order, and forms. Plain tuples:
# there are tens of thousands, and what is not plain is looked at by each collection of
# garbage.
_Chunk = tuple[tuple[str, ...], tuple[str, ...]]
_TERMS, _FORMS = itemgetter(0), itemgetter(1)
_BREAK: _Chunk = ((BREAK,), ())


def _analyzed_words(folded: str) -> Iterator[_Word]:
    for chunk in folded.split():
        yield from _analyzed_together(words_of(chunk))


def _analyzed_together(words: list[str]) -> list[_Word]:
    """Return the words between two blanks as they are kept, without stop words."""
    # "a" and "i" are stop words only where they stand alone: not in "a-b".
    if len(words) == 1 and words[0] in _LONE_LETTERS:
        return []
    return [_analyzed_word(word) for word in words if word not in STOP_WORDS]


def _analyzed_word(word: str) -> _Word:
    if word.isalpha():
        return _words[word]
    # A sequence number, or a block of a UUID: to remember it would only take the room
    # of words.
    return _fit(_spell(word)), ()


def _stemmed(word: str) -> _Word:
    form = _fit(_spell(word))
    with _stemmer_lock:  # its objects are not safe to share between threads
        stem = _stemmer.stemWord(word)
    term = _fit(_spell(stem))
    # The word as it was is for prefixes alone: "apples*" is no prefix of "appl".
    return term, () if form == term else (form,)


# Megabytes of base64 are one word: nothing to remember.
_words = Remembered(_stemmed, 2**13, MAX_TERM)


def _analyze_chunk(chunk: str) -> _Chunk:
    """Return what is kept of a chunk."""
    words = words_of(chunk)
    kept = _analyzed_together(words)
    forms = {form for _term, beside in kept for form in beside}
    if not chunk.isalnum():
        forms |= _wholes_in_chunk(chunk, words)
    # The chunk itself, where it is the term: there is less to go through in memory.
    terms = [chunk if term == chunk else term for term, _forms in kept]
    return tuple(terms), tuple(forms)


# Texts have the same words again and again.
_chunks = Remembered(_analyze_chunk, 2**14, _LONGEST_CHUNK)


def _spell(word: str) -> str:
    """Spell a folded word in a-z, 0-9 and the underscore.

    Other characters become four hex digits each (UTF-16), between underscores: a
    word's beginning is then spelled as the beginning of the word's spelling.
    """
    return word if word.isascii() else _NOT_PLAIN.sub(_hexadecimal, word)


def _hexadecimal(run: re.Match[str]) -> str:
    return f"_{run[0].encode('utf-16-be', 'surrogatepass').hex()}_"


def _fit(spelled: str) -> str:
    if len(spelled) <= MAX_TERM:
        return spelled.ljust(MIN_TERM, "_")
    digest = blake2b(spelled.encode(), digest_size=8).hexdigest()
    return f"{spelled[:TERM_HEAD]}_{digest}"


class AnalyzedDataset(NamedTuple):
    """The terms of a dataset, field by field.

    :param items: every term, form and whole of the manifest's paths
    :param forms: by each of PHRASE_FIELDS, what it has beside its terms: wholes of
        identifiers, and words that differ from their stems
    """

    name: tuple[str, ...]
    tags: tuple[str, ...]
    creator: tuple[str, ...]
    identifiers: tuple[str, ...]
    readme: tuple[str, ...]
    annotations: tuple[str, ...]
    items: Set[str]
    forms: Mapping[str, Set[str]]

    def found_in(self, field: str) -> set[str]:
        """Return every term under which the dataset is found in a field.

        :param field: one of PHRASE_FIELDS
        """
        return {*getattr(self, field), *self.forms[field]} - {BREAK}

    def labelled(self) -> set[str]:
        """Return what is found in each of SEARCHED_ALONE, with its label."""
        return {
            labelled(field, term)
            for field in SEARCHED_ALONE
            for term in self.found_in(field)
        }


def analyze_dataset(dataset_info: DatasetInfo) -> AnalyzedDataset:
    """Return the terms under which a dataset is found.

    :param dataset_info: a dataset info; keys that are absent or None count as empty
    """
    info = dataset_info
    fields: dict[str, Iterable[Any]] = {
        "name": [info.get("name")],
        "tags": info.get("tags") or [],
        "creator": [info.get("creator_username")],
        "identifiers": [info.get("uri"), info.get("uuid")],
        "readme": [info.get("readme")],
        "annotations": leaves_of_json(info.get("annotations")),
    }
    found = {name: _analyze_values(fields[name]) for name in PHRASE_FIELDS}
    return AnalyzedDataset(
        **{name: terms for name, (terms, _forms) in found.items()},
        items=_analyze_paths(relative_paths(info.get("manifest"))),
        forms={name: forms for name, (_terms, forms) in found.items()},
    )


def _analyze_values(values: Iterable[Any]) -> tuple[tuple[str, ...], set[str]]:
    """Return the terms of separate values in order, and their forms."""
    found: list[_Chunk] = []
    for value in values:
        if value is not None:
            found.append(_BREAK)
            found.extend(map(_chunks.__getitem__, fold(str(value)).split()))
    # None before the first term, whatever was without any.
    terms = dropwhile(BREAK.__eq__, chain.from_iterable(map(_TERMS, found)))
    return tuple(terms), set(chain.from_iterable(map(_FORMS, found)))


def leaves_of_json(value: Any) -> Iterator[Any]:
    """Yield what is in JSON of any depth, in order, names of members aside.

    :param value: any JSON
    """
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting.extend(reversed(value.values()))
        elif isinstance(value, list | tuple):
            waiting.extend(reversed(value))
        else:
            yield value


def relative_paths(manifest: Any) -> set[str]:
    """Return the paths of a manifest's items; empty for what is no manifest."""
    items = manifest.get("items") if isinstance(manifest, dict) else None
    entries = items.values() if isinstance(items, dict) else []
    paths = (entry.get("relpath") for entry in entries if isinstance(entry, dict))
    return {path for path in paths if isinstance(path, str)}


def names_of_items(manifest: Any) -> set[str]:
    """Return the terms of the names of a manifest's items, each name as a whole.

    Names of one word are left out: they are terms as any word is.
    """
    names = {path.rpartition("/")[2] for path in relative_paths(manifest)}
    joined = _join_words(_BLANKS.sub("-", fold("\n".join(names))))
    return _fit_all(_dotted_wholes(name)[0] for name in joined.split("\n"))


def _analyze_paths(paths: Collection[str]) -> Set[str]:
    if len(paths) <= _FEW_PATHS:
        return frozenset(_analyze_some(paths))
    some = list(paths)
    # Of a set half of its memory is empty, and nobody else has it.
    del paths
    starts = range(0, len(some), _FEW_PATHS)
    return united(_analyze_some(some[at : at + _FEW_PATHS]) for at in starts)


def _analyze_some(paths: Collection[str]) -> set[str]:
    names = {name for path in paths for name in path.split("/")}
    lines = _apart(fold("\n".join(paths))).split("\n")
    found = _fit_all([JOINT.join(line.split()) for line in lines])
    if len(names) <= _FEW_NAMES:
        found.update(*map(_terms_of_names.__getitem__, names))
    else:
        # One text with a name per line folds far faster than each name by itself.
        found.update(_analyze_names("\n".join(names)))
    return found


def _analyze_names(names: str) -> tuple[str, ...]:
    """Return every term of names, one on each line, which are parts of paths."""
    folded = fold(names)
    found: set[str] = set()
    for word in set(words_of(folded)) - STOP_WORDS:
        term, forms = _analyzed_word(word)
        found.update((term, *forms))
    wholes: set[str] = set()
    for name in _join_words(_BLANKS.sub("-", folded)).split("\n"):
        wholes.update(_dotted_wholes(name))
        wholes.update(_wholes_in_name(name))
    return (*found, *_fit_all(wholes))


_terms_of_names = Remembered(_analyze_names, 2**12, MAX_TERM)


def _wholes_in_chunk(chunk: str, words: list[str]) -> set[str]:
    """Return the wholes of what stands between blanks, and of the names in it.

    :param words: of the chunk
    """
    wholes = {JOINT.join(words)}
    for name in _join_words(chunk).split("/"):
        wholes.update(_dotted_wholes(name))
    return _fit_all(wholes)


def _join_words(folded: str) -> str:
    """Return folded text with JOINT for what joins words, and none beside dots."""
    joined = _HYPHENS.sub("-", folded) if "--" in folded else folded
    joined = joined.replace("-", JOINT)
    return joined.replace(f"{JOINT}.", ".").replace(f".{JOINT}", ".")


def _dotted_wholes(name: str) -> list[str]:
    """Return a name whose words are joined, and it up to and from each dot."""
    if "." not in name:
        return [name.strip("_")]
    sections = [section for section in name.strip("_").split(".") if section]
    whole = JOINT.join(sections)
    wholes, end = [whole], -len(JOINT)
    for section in sections[:-1][:MAX_DOTS]:
        end += len(JOINT) + len(section)
        wholes += [whole[:end], whole[end + len(JOINT) :]]
    return wholes


def _wholes_in_name(name: str) -> Iterator[str]:
    """Yield how a name begins and ends, and the dates in it.

    Paths are kept without the order of their words: WT-3 of WT-3_rep2.fastq.gz would
    not be found by that alone.
    """
    words = name.replace(".", JOINT).strip("_").split(JOINT)
    for number in range(2, min(END_WORDS, len(words) - 1) + 1):
        yield JOINT.join(words[:number])
        yield JOINT.join(words[-number:])
    for date in _DATE.finditer(JOINT.join(["", *words, ""])):
        yield date[1]
        yield date[1] + (date[2] or "")


def _fit_all(wholes: Iterable[str]) -> set[str]:
    """Return the terms of wholes. Single words are left out: they are terms already."""
    return {
        one if len(one) <= MAX_TERM and one.isascii() else _fit(_spell(one))
        for whole in wholes
        if JOINT in (one := whole.strip("_"))
    }
