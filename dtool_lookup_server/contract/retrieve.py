"""What every retrieve plugin must do."""

import random
from typing import Any

import pytest
from flask import Flask

from ..errors import StoreUnavailableError, UnknownURIError
from ..plugins.registry import in_use
from ..services import registering
from ..services.dataset_info import checked
from .base import Contract, Register, dataset_info
from .corpus import HOSTILE

_READERS = ("get_readme", "get_manifest", "get_annotations")

_ITEM = {
    "hash": "d41d8cd98f00b204e9800998ecf8427e",
    "relpath": "a/ü b.txt",
    "size_in_bytes": 2**40,
    "utc_timestamp": 1536749825.123456,
}


class RetrieveContract(Contract):
    """Keeping READMEs, manifests and annotations, and giving them back unchanged."""

    @pytest.mark.parametrize(
        "readme",
        ["", "---\na: 1\n", "é\tü\r\n 数据\U0001f34e\n", *HOSTILE],
        ids=range(3 + len(HOSTILE)),
    )
    def test_a_readme_comes_back_as_it_was(
        self, register: Register, readme: str
    ) -> None:
        assert in_use().retrieve.get_readme(register("one", readme=readme)) == readme

    @pytest.mark.parametrize(
        "annotations",
        [
            {},
            {"b": 1, "a": 2},
            {"": 1, "$set": 2, "a.b": 3, "\0": 4, "ü": "ü", "_id": 5, "uri": 6},
            {"large": 2**63, "larger": 2**200, "small": 1e-300, "tenth": 0.1},
            {"whole": 1.0, "minus": -0.0, "negative": -(2**63) - 1},
            {"deep": [[[{"x": [None, True, False, "1", {}, []]}]]]},
        ],
    )
    def test_annotations_come_back_as_they_were(
        self, register: Register, annotations: dict[str, Any]
    ) -> None:
        uri = register("one", annotations=annotations)
        assert repr(in_use().retrieve.get_annotations(uri)) == repr(annotations)

    @pytest.mark.parametrize(
        "manifest",
        [
            {"items": {}},
            {
                "dtoolcore_version": "3.18.0",
                "hash_function": "md5sum_hexdigest",
                "items": {"0": _ITEM, "$odd.key": _ITEM, "": {"relpath": "b"}},
            },
        ],
    )
    def test_a_manifest_comes_back_as_it_was(
        self, register: Register, manifest: dict[str, Any]
    ) -> None:
        uri = register("one", manifest=manifest)
        assert in_use().retrieve.get_manifest(uri) == manifest

    def test_a_readme_of_20_megabytes_comes_back_whole(
        self, register: Register
    ) -> None:
        readme = random.Random(1).randbytes(10_000_000).hex()
        assert in_use().retrieve.get_readme(register("one", readme=readme)) == readme

    def test_a_manifest_of_many_items_comes_back_whole(
        self, register: Register
    ) -> None:
        bits = random.Random(1).getrandbits
        items = {
            f"{bits(160):040x}": {**_ITEM, "relpath": f"{n}.tif"} for n in range(60_000)
        }
        uri = register("one", manifest={"items": items})
        assert in_use().retrieve.get_manifest(uri) == {"items": items}

    def test_registering_again_replaces_all_of_it(self, register: Register) -> None:
        register("one", readme="x" * 10**6, annotations={"a": 1}, paths=["a"])
        uri = register("one", readme="new", annotations={"b": 2}, paths=["b"])
        assert in_use().retrieve.get_readme(uri) == "new"
        assert in_use().retrieve.get_annotations(uri) == {"b": 2}
        assert in_use().retrieve.get_manifest(uri) == {"items": {"0": {"relpath": "b"}}}

    def test_one_dataset_does_not_change_another(self, register: Register) -> None:
        one, two = register("one", readme="one"), register("two", readme="two")
        assert in_use().retrieve.get_readme(one) == "one"
        assert in_use().retrieve.get_readme(two) == "two"

    @pytest.mark.parametrize("reader", _READERS)
    def test_an_unknown_dataset_is_an_error(self, base_uri: str, reader: str) -> None:
        with pytest.raises(UnknownURIError):
            getattr(in_use().retrieve, reader)(f"{base_uri}/none")

    @pytest.mark.parametrize("reader", _READERS)
    def test_a_deleted_dataset_is_unknown(
        self, register: Register, reader: str
    ) -> None:
        uri = register("one", readme="x" * 10**6)
        if not hasattr(in_use().retrieve, "delete_dataset"):
            pytest.skip("this plugin cannot delete")
        registering.forget(uri)
        with pytest.raises(UnknownURIError):
            getattr(in_use().retrieve, reader)(uri)

    def test_the_plugin_says_what_it_holds(
        self, base_uri: str, register: Register
    ) -> None:
        uris = {register("one"), register("two")}
        list_uris = getattr(in_use().retrieve, "list_uris", None)
        listed = list_uris(base_uri) if list_uris else None
        if listed is None:
            pytest.skip("this plugin cannot tell")
        assert set(listed) == uris

    def test_the_plugin_tells_what_it_has_from_what_it_has_not(
        self, base_uri: str, register: Register
    ) -> None:
        register("one")
        holds = getattr(in_use().retrieve, "holds", lambda _info: None)
        kept = checked(dataset_info(base_uri, "one"))
        unknown = checked(dataset_info(base_uri, "two"))
        assert holds(kept) in (True, None)
        assert holds(unknown) in (False, None)

    def test_reading_from_a_store_that_does_not_answer_says_so(
        self, away: Flask
    ) -> None:
        for reader in _READERS:
            with pytest.raises(StoreUnavailableError):
                getattr(in_use().retrieve, reader)("s3://contract/one")
