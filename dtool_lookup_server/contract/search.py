"""What every search plugin must do."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings

from ..errors import StoreUnavailableError
from ..plugins.evaluation import finds
from ..plugins.registry import in_use
from ..plugins.text_query import with_terms
from ..query import parse
from ..services import permissions, registering, spelling
from ..services import search as searching
from ..services.dataset_info import checked
from ..services.users import ActingUser
from .base import READER, Contract, Register, dataset_info, new_base_uri
from .chance import chance_datasets, typed_queries
from .corpus import DATASETS, HOSTILE, QUERIES

#: More than any test registers.
ALL = 10_000

Find = Callable[..., list[str]]


class SearchContract(Contract):
    """Registering, searching, updating and deleting, with the exact hits."""

    @pytest.fixture(scope="class")
    @classmethod
    def library(cls, app: Flask) -> dict[str, str]:
        """The labels of the corpus by URI; nobody writes to it."""
        base_uri = cls.add_base_uri()
        return {
            registering.register(dataset_info(base_uri, label, **fields)): label
            for label, fields in DATASETS.items()
        }

    @pytest.fixture(scope="class")
    @classmethod
    def shelf(cls, app: Flask) -> list[dict[str, Any]]:
        """Datasets of chance, the same in every run, as they were registered."""
        base_uri = cls.add_base_uri()
        infos = [
            dataset_info(base_uri, f"chance {number}", **fields)
            for number, fields in enumerate(chance_datasets())
        ]
        for info in infos:
            registering.register(info)
        return infos

    @pytest.fixture
    def find(self, user: ActingUser, base_uri: str) -> Find:
        """Return the URIs that a text finds in the test's base URI, the best first."""

        def find(free_text: str, **query: Any) -> list[str]:
            query = {"base_uris": [base_uri], **query, "free_text": free_text}
            return _uris(searching.search(user, query).page(0, ALL))

        return find

    @pytest.fixture
    def crowd(self, register: Register) -> list[str]:
        """The URIs of seven datasets that a word finds, the newest first."""
        return [
            register(f"{n}", name=f"apple {7 - n}", frozen_at=1500000100.5 - n)
            for n in range(7)
        ]

    @pytest.mark.parametrize(("free_text", "labels"), QUERIES)
    def test_a_text_finds_exactly_these(
        self,
        user: ActingUser,
        library: dict[str, str],
        free_text: str,
        labels: set[str],
    ) -> None:
        query = {"free_text": free_text, "base_uris": [_base_uri_of(library)]}
        listing = searching.search(user, query)
        found = [library[uri] for uri in _uris(listing.page(0, ALL))]
        assert sorted(found) == sorted(labels)
        assert listing.total() == len(labels)

    @settings(
        max_examples=60,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(typed=typed_queries())
    def test_a_query_finds_what_a_plain_evaluation_finds(
        self, user: ActingUser, shelf: list[dict[str, Any]], typed: str
    ) -> None:
        tree = with_terms(parse(typed).tree)
        expected = [info["uri"] for info in shelf if finds(tree, info)]
        query = {"free_text": typed, "base_uris": [shelf[0]["base_uri"]]}
        listing = searching.search(user, query)
        assert sorted(_uris(listing.page(0, ALL))) == sorted(expected)
        assert listing.total() == len(expected)

    def test_exclusions_alone_find_everything_else_the_newest_first(
        self, find: Find, register: Register
    ) -> None:
        old = register("old", frozen_at=1.0)
        register("apple", readme="apple", frozen_at=2.0)
        new = register("new", frozen_at=3.0)
        assert find("-apple") == [new, old]

    def test_a_dataset_is_found_by_its_uuid_and_uri(
        self, find: Find, register: Register
    ) -> None:
        uri = register("one")
        register("other")
        uuid = uri.rpartition("/")[2]
        for text in (uuid, uuid.upper(), uri, f"{uuid[:13]}*", uuid[:8], uuid[:13]):
            assert find(text) == [uri]

    def test_a_word_counts_more_in_a_name_than_in_tags_readme_or_items(
        self, find: Find, register: Register
    ) -> None:
        items = register("items", paths=["apple"])
        readme = register("readme", readme="apple")
        tags = register("tags", tags=["apple"])
        name = register("name", name="apple")
        for n in range(9):
            register(f"other {n}")
        assert find("apple") == [name, tags, readme, items]

    def test_a_part_of_a_word_counts_more_in_a_name_than_in_tags_or_items(
        self, find: Find, register: Register
    ) -> None:
        items = register("items", paths=["a/pineapples"], frozen_at=4.0)
        creator = register("creator", creator_username="pineapples", frozen_at=3.0)
        tags = register("tags", tags=["pineapples"], frozen_at=2.0)
        name = register("name", name="pineapples", frozen_at=1.0)
        newer = register("newer", name="pineapples", frozen_at=5.0)
        assert find("*eapp*") == [newer, name, tags, creator, items]
        assert find("item:~eapp") == [items]

    @pytest.mark.parametrize(
        ("query", "labels"),
        [
            ({"creator_usernames": ["grumpy"]}, {"basket"}),
            ({"creator_usernames": ["grumpy", "doc"]}, {"basket", "mine"}),
            ({"creator_usernames": ["sleepy"]}, set()),
            ({"tags": ["fruit"]}, {"harvest", "basket"}),
            ({"tags": ["fruit", "vegetables"]}, {"basket"}),
            ({"tags": ["FRUIT"]}, set()),
            ({"tags": ["fruit"], "creator_usernames": ["queen"]}, {"harvest"}),
        ],
    )
    def test_a_query_narrows_what_a_text_finds(
        self,
        user: ActingUser,
        library: dict[str, str],
        query: dict[str, Any],
        labels: set[str],
    ) -> None:
        wanted = {"free_text": "apple", "base_uris": [_base_uri_of(library)], **query}
        found = searching.search(user, wanted).page(0, ALL)
        assert {library[uri] for uri in _uris(found)} == labels

    def test_a_query_for_uuids_takes_any_letter_case(
        self, find: Find, register: Register
    ) -> None:
        uri = register("one", name="apple")
        register("other", name="apple")
        assert find("apple", uuids=[uri.rpartition("/")[2].upper()]) == [uri]

    def test_only_the_base_uris_that_are_asked_for_are_searched(
        self, find: Find, register: Register
    ) -> None:
        here = register("here", name="apple")
        other = self.add_base_uri()
        there = registering.register(dataset_info(other, "there", name="apple"))
        assert find("apple") == [here]
        assert find("apple", base_uris=[other]) == [there]
        assert find("apple", base_uris=[]) == []

    def test_what_the_user_may_not_search_is_not_counted(
        self, user: ActingUser, register: Register
    ) -> None:
        word = f"w{register('mine').rpartition('-')[2]}"
        register("mine", readme=word)
        hidden = registering.base_uris.register(f"s3://contract-hidden-{word}")
        registering.register(dataset_info(hidden, "hidden", readme=word))
        listing = searching.search(user, {"free_text": word})
        assert (len(listing.page(0, 1)), listing.total()) == (1, 1)

    @pytest.mark.parametrize("size", [1, 2, 3, 7, 8])
    def test_pages_have_every_hit_once_the_newest_first(
        self, user: ActingUser, base_uri: str, crowd: list[str], size: int
    ) -> None:
        found = []
        for offset in range(0, len(crowd), size):
            listing = searching.search(
                user, {"free_text": "apple", "base_uris": [base_uri]}
            )
            found += _uris(listing.page(offset, size))
            assert listing.total() == len(crowd)
        assert found == crowd

    def test_a_page_past_the_end_is_empty(
        self, user: ActingUser, base_uri: str, crowd: list[str]
    ) -> None:
        query = {"free_text": "apple", "base_uris": [base_uri]}
        listing = searching.search(user, query)
        assert listing.page(7, 10) == []
        assert listing.total() == 7

    @pytest.mark.parametrize("sort", ["name", "frozen_at", "creator_username,name"])
    def test_hits_are_sorted_as_asked(
        self, user: ActingUser, base_uri: str, crowd: list[str], sort: str
    ) -> None:
        query = {"free_text": "apple", "base_uris": [base_uri]}
        backwards = ",".join(f"-{field}" for field in sort.split(","))
        for asked, expected in ((sort, crowd[::-1]), (backwards, crowd)):
            listing = searching.search(user, query, asked)
            assert _uris(listing.page(0, 4)) == expected[:4]
            assert _uris(listing.page(4, 4)) == expected[4:]

    @pytest.mark.parametrize(
        ("typed", "meant"),
        [
            ("persimon", ["persimmon"]),
            ("persimmno", ["persimmon"]),
            ("PERSIMMN", ["persimmon"]),
            ("persimmon", []),
            ("oringe", ["orange"]),
            ("zzzzzz", []),
        ],
    )
    def test_a_misspelled_word_without_hits_suggests_the_nearest(
        self, user: ActingUser, register: Register, typed: str, meant: list[str]
    ) -> None:
        register("one", name="persimmon", readme="orange")
        query = {"free_text": typed}
        found = searching.search(user, query).total()
        assert spelling.did_you_mean(user, query, found) == meant

    def test_nothing_is_suggested_of_what_the_user_may_not_search(
        self, user: ActingUser, register: Register
    ) -> None:
        register("one", name="plain")
        hidden = registering.base_uris.register(new_base_uri())
        registering.register(dataset_info(hidden, "hidden", readme="hazelnut"))
        assert spelling.did_you_mean(user, {"free_text": "hazzelnut"}, 0) == []
        permissions.grant_search(READER, hidden)
        found = spelling.did_you_mean(user, {"free_text": "hazzelnut"}, 0)
        assert found == ["hazelnut"]

    def test_registering_again_replaces_what_is_found(
        self, find: Find, register: Register
    ) -> None:
        register("one", readme="apple", tags=["red"])
        uri = register("one", readme="pear", tags=["green"])
        assert find("apple") == find("red") == find("tag:~red") == []
        assert find("pear") == find("green") == find("*ree*") == [uri]

    def test_a_deleted_dataset_is_not_found(
        self, find: Find, register: Register
    ) -> None:
        gone, kept = register("gone", name="apple"), register("kept", name="apple")
        if not hasattr(in_use().search, "delete_dataset"):
            pytest.skip("this plugin cannot delete")
        registering.forget(gone)
        assert find("apple") == [kept]

    def test_deleting_what_is_not_known_does_nothing(self, base_uri: str) -> None:
        registering.forget(f"{base_uri}/none")

    def test_lookup_finds_the_places_of_a_uuid(
        self, base_uri: str, register: Register
    ) -> None:
        uri = register("one")
        uuid = uri.rpartition("/")[2]
        [row] = in_use().search.lookup_uris(uuid, [base_uri])
        assert (row["uri"], row["base_uri"], row["uuid"]) == (uri, base_uri, uuid)
        assert in_use().search.lookup_uris(uuid, ["s3://other"]) == []

    @pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
    def test_no_text_is_an_error(
        self, find: Find, register: Register, text: str
    ) -> None:
        uri = register("one", readme=text, annotations={text[:50]: text})
        assert set(find(text)) <= {uri}
        assert find("plain") == [uri]

    def test_a_large_manifest_is_found_by_every_item(
        self, find: Find, register: Register
    ) -> None:
        uri = register("one", paths=[f"run_{n}/image.tif" for n in range(20_000)])
        register("other", paths=["run_20000/image.tif"])
        assert find("run_0") == find("run_9999") == find("run_19999") == [uri]
        assert find("*un_1999*") == find("item:~19999/imag") == [uri]

    def test_a_large_readme_is_found_by_its_last_word(
        self, find: Find, register: Register
    ) -> None:
        words = (f"word{n}" for n in range(50_000))
        uri = register("one", readme=" ".join(words))
        assert find("word49999") == find('"word49998 word49999"') == [uri]

    def test_the_plugin_says_what_it_holds(
        self, base_uri: str, register: Register
    ) -> None:
        uris = {register("one", name="apple"), register("two")}
        list_uris = getattr(in_use().search, "list_uris", None)
        listed = list_uris(base_uri) if list_uris else None
        if listed is None:
            pytest.skip("this plugin cannot tell")
        assert set(listed) == uris

    def test_the_plugin_tells_what_it_has_from_what_it_has_not(
        self, base_uri: str, register: Register
    ) -> None:
        register("one", readme="apple")
        holds = getattr(in_use().search, "holds", lambda _info: None)
        same, other = (
            checked(dataset_info(base_uri, "one", readme=readme))
            for readme in ("apple", "pear")
        )
        assert holds(same) in (True, None)
        assert holds(other) in (False, None)

    def test_a_search_in_a_store_that_does_not_answer_says_so(
        self, away: Flask
    ) -> None:
        query = {"free_text": "apple", "base_uris": ["s3://contract"]}
        with pytest.raises(StoreUnavailableError):
            in_use().search.search(query)
        with pytest.raises(StoreUnavailableError):
            in_use().search.check_health()


def _uris(rows: list[dict[str, Any]]) -> list[str]:
    return [row["uri"] for row in rows]


def _base_uri_of(library: dict[str, str]) -> str:
    return next(iter(library)).rpartition("/")[0]
