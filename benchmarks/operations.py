"""The operations that are measured, with the answers that the corpus knows."""

import itertools
import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from . import corpus
from .corpus import Corpus
from .load import Answer, Request, WrongAnswerError

#: Different requests of one kind, of which a server may remember what it found.
VARIETY = 20
#: So many that hardly one is known when it comes again.
GREAT_VARIETY = 5_000

_PAGE = 10
_LARGE_PAGE = 100
_SHARED_BY_ALL_VERSIONS = (
    "base_uri",
    "uri",
    "uuid",
    "name",
    "creator_username",
    "created_at",
    "frozen_at",
)
_TIMES = ("created_at", "frozen_at")

Row = dict[str, Any]
MakeRequests = Callable[[Corpus], Iterable[Request]]


def first_page(known: Corpus) -> list[Request]:
    """List the first ten."""
    return [_list_page(known, 1, _PAGE)]


def large_page(known: Corpus) -> list[Request]:
    """List the first hundred."""
    return [_list_page(known, 1, _LARGE_PAGE)]


def deep_page(known: Corpus) -> list[Request]:
    """List ten in the second half of all, where no end is near."""
    pages = max(known.totals["all"] // _PAGE, 1)
    step = max(pages // 4 // VARIETY, 1)
    return [
        _list_page(known, max(pages // 2 + number * step, 1), _PAGE)
        for number in range(VARIETY)
    ]


def last_page(known: Corpus) -> list[Request]:
    """List the last ten or fewer."""
    return [_list_page(known, -(-known.totals["all"] // _PAGE), _PAGE)]


def lookup(known: Corpus) -> list[Request]:
    """Look up a UUID."""
    return [
        _get_rows(known, f"/dataset/lookup/{info['uuid']}", 1, info["uuid"])
        for info in _sample(known)
    ]


def rare_word(known: Corpus) -> list[Request]:
    """Search a word that a handful have."""
    return _rare_words(known, VARIETY)


def new_word(known: Corpus) -> list[Request]:
    """Search such a word that nobody has asked for."""
    return _rare_words(known, GREAT_VARIETY)


def _rare_words(known: Corpus, variety: int) -> list[Request]:
    requests = []
    for number in known.sample(variety):
        word = corpus.rare_word(number)
        start = number - number % 4
        total = sum(
            corpus.digits(near).base_uri != corpus.HIDDEN
            for near in range(start, min(start + 4, known.size))
        )
        requests.append(_search(known, {"free_text": word}, total, word))
    return requests


def common_word(known: Corpus) -> list[Request]:
    """Search a word that a third have."""
    word = corpus.COMMON_WORD
    return [_search(known, {"free_text": word}, known.totals[word], word)]


def by_tag(known: Corpus) -> list[Request]:
    """Filter by a tag that a tenth have."""
    return [
        _search(known, {"tags": [tag]}, known.totals[tag], tag) for tag in corpus.TAGS
    ]


def by_creators(known: Corpus) -> list[Request]:
    """Filter by two creators of fifty."""
    pairs = zip(corpus.CREATORS[::2], corpus.CREATORS[1::2], strict=True)
    return [
        _search(
            known,
            {"creator_usernames": pair},
            known.totals[pair[0]] + known.totals[pair[1]],
            *pair,
        )
        for pair in pairs
    ]


def by_uuid(known: Corpus) -> list[Request]:
    """Filter by a UUID."""
    return [
        _search(known, {"uuids": [info["uuid"]]}, 1, info["uuid"])
        for info in _sample(known)
    ]


def summary(known: Corpus) -> list[Request]:
    """Summarise all that may be seen."""

    def check(answer: Answer) -> None:
        found = answer.json()
        _expect("number", found["number_of_datasets"], known.totals["all"])
        for name, values in (
            ("datasets_per_creator", corpus.CREATORS),
            ("datasets_per_tag", corpus.TAGS),
            ("datasets_per_base_uri", corpus.BASE_URIS),
        ):
            expected = {v: known.totals[v] for v in values if known.totals[v]}
            _expect(name, found[name], expected)

    return [Request("GET", "/dataset/summary", None, check)]


def user_info(known: Corpus) -> list[Request]:
    """Show the user's own permissions."""

    def check(answer: Answer) -> None:
        found = answer.json()
        _expect("username", found["username"], corpus.READER)
        searches = sorted(found["search_permissions_on_base_uris"])
        _expect("permissions", searches, corpus.BASE_URIS[:-1])

    return [Request("GET", f"/user/info/{corpus.READER}", None, check)]


def readme(known: Corpus) -> list[Request]:
    """Read a README."""
    return [_content("readme", info) for info in _sample(known)]


def annotations(known: Corpus) -> list[Request]:
    """Read annotations."""
    return [_content("annotations", info) for info in _sample(known)]


def manifest(known: Corpus) -> list[Request]:
    """Read a manifest of fifty items."""
    return [
        _content("manifest", corpus.dataset(number))
        for number in known.sample(
            VARIETY, lambda number: number % corpus.LARGE_MANIFEST_EACH == 0
        )
    ]


#: What is only read, by name.
READS: dict[str, MakeRequests] = {
    make.__name__: make
    for make in (
        first_page,
        large_page,
        deep_page,
        last_page,
        lookup,
        rare_word,
        new_word,
        common_word,
        by_tag,
        by_creators,
        by_uuid,
        summary,
        user_info,
        readme,
        annotations,
        manifest,
    )
}


def registrations(start: int) -> Iterator[Request]:
    """Register datasets that are not there yet, one after the other, without end.

    :param start: number of the first one
    """
    for number in itertools.count(start):
        info = corpus.spelled(corpus.dataset(number, corpus.INCOMING))

        def check(answer: Answer, uri: str = info["uri"]) -> None:
            _expect("uri", answer.json()["uri"], uri)

        yield Request("POST", "/dataset/register", info, check, status=201)


def ten_rows() -> list[Row]:
    """Return what a bare route answers."""
    return [
        {key: corpus.dataset(number)[key] for key in _SHARED_BY_ALL_VERSIONS}
        for number in range(_PAGE)
    ]


def bare_request() -> Request:
    """Return the request of a bare route, which answers ten rows."""

    def check(answer: Answer) -> None:
        _expect("rows", answer.json(), ten_rows())

    return Request("GET", "/", None, check)


def _sample(known: Corpus) -> list[Row]:
    return [corpus.dataset(number) for number in known.sample(VARIETY)]


def _list_page(known: Corpus, page: int, size: int) -> Request:
    path = f"/dataset/list?page={page}&page_size={size}"
    return _get_rows(known, path, known.totals["all"], page=page, page_size=size)


def _get_rows(
    known: Corpus, path: str, total: int, *needles: str, **paging: int
) -> Request:
    return Request("GET", path, None, _rows_check(known, total, needles, **paging))


def _search(known: Corpus, query: Row, total: int, *needles: str) -> Request:
    check = _rows_check(known, total, needles)
    return Request("POST", "/dataset/search", query, check)


def _rows_check(
    known: Corpus,
    total: int,
    needles: Iterable[str],
    page: int = 1,
    page_size: int = _PAGE,
) -> Callable[[Answer], None]:
    """Return a check that does not depend on the order of the rows.

    :param needles: each row's dataset has one of them somewhere; without any, all do
    """
    expected = max(min(page_size, total - (page - 1) * page_size), 0)
    wanted = re.compile("|".join(rf"\b{re.escape(needle)}\b" for needle in needles))

    def check(answer: Answer) -> None:
        rows = answer.json()
        _expect("total", json.loads(answer.headers["X-Pagination"])["total"], total)
        _expect("rows", len({row["uri"] for row in rows}), expected)
        for row in rows:
            info = known.find(row["uri"], row["name"])
            _expect("row", _shown(row), _shown(info))
            if not wanted.search(json.dumps(info)):
                raise WrongAnswerError(f"{row['uri']} has none of {wanted.pattern}")

    return check


def _shown(row: Row) -> Row:
    """Return what is compared of a row; 0.18 rounds times to a float of its own."""
    shown = {key: row[key] for key in _SHARED_BY_ALL_VERSIONS if key in row}
    return shown | {key: round(float(shown[key]), 3) for key in _TIMES if key in shown}


def _content(kind: str, info: Row) -> Request:
    def check(answer: Answer) -> None:
        _expect(kind, answer.json(), info[kind])

    return Request("POST", f"/dataset/{kind}", {"uri": info["uri"]}, check)


def _expect(what: str, found: Any, expected: Any) -> None:
    if found != expected:
        raise WrongAnswerError(f"{what}: {found!r}, and not {expected!r}")
