"""What most requests bring is taken as it is: as the fields would have taken it."""

import pytest
from marshmallow import Schema, ValidationError

from dtool_lookup_server.schemas import (
    RegisterDatasetSchema,
    SearchDatasetSchema,
    URISchema,
)
from tests.corpus import DATASETS, dataset_info

QUERIES = [
    {},
    {"free_text": "poisoned apple*"},
    {"tags": ["fruit", "poison"], "creator_usernames": ["queen"]},
    {"base_uris": [], "free_text": ""},
]


@pytest.mark.parametrize("query", QUERIES)
def test_a_usual_query_is_what_its_fields_make_of_it(app_context, query):
    taken = SearchDatasetSchema().load(query)
    assert taken == Schema.load(SearchDatasetSchema(), query)
    assert taken is not query


AS_018_SENDS_IT = {
    **DATASETS[0],
    "name": "times as text",
    "created_at": "1500000100",
    "frozen_at": "1500000100.125",
}


@pytest.mark.parametrize(
    "info", [*DATASETS[:3], AS_018_SENDS_IT], ids=lambda info: info["name"]
)
def test_a_usual_dataset_is_what_its_fields_make_of_it(app_context, info):
    taken = RegisterDatasetSchema().load(info)
    by_fields = Schema.load(RegisterDatasetSchema(), info)
    assert type(taken["created_at"]) is float
    # A field makes an object of a UUID, which is text again where it is kept.
    assert taken == by_fields | {"uuid": str(by_fields["uuid"])}


@pytest.mark.parametrize(
    "query",
    [
        {"free_text": 3},
        {"free_text": "\ud800"},
        {"tags": "fruit"},
        {"tags": ["fruit", None]},
        {"creator_usernames": ["queen"] * 10_000},
        {"anything": "else"},
    ],
    ids=["number", "half", "text", "nothing", "many", "unknown"],
)  # fmt: skip
def test_an_unusual_query_is_refused_by_its_fields(app_context, query):
    with pytest.raises(ValidationError) as usual:
        SearchDatasetSchema().load(query)
    with pytest.raises(ValidationError) as by_fields:
        Schema.load(SearchDatasetSchema(), query)
    assert usual.value.messages == by_fields.value.messages


def test_an_unusual_dataset_goes_through_its_fields(app_context):
    info = dataset_info(frozen_at=" 1500000100.125 ", size_in_bytes="3")
    taken = RegisterDatasetSchema().load(info)
    assert (taken["frozen_at"], taken["size_in_bytes"]) == (1500000100.125, 3)


def test_a_usual_uri_is_what_its_field_makes_of_it():
    asked = {"uri": "s3://snow-white/1"}
    taken = URISchema().load(asked)
    assert taken == Schema.load(URISchema(), asked)
    assert taken is not asked


@pytest.mark.parametrize(
    "asked", [{}, [], {"uri": 3}, {"uri": "\ud800"}, {"uri": "a", "more": "b"}]
)
def test_an_unusual_uri_is_refused_by_its_field(asked):
    with pytest.raises(ValidationError) as usual:
        URISchema().load(asked)
    with pytest.raises(ValidationError) as by_field:
        Schema.load(URISchema(), asked)
    assert usual.value.messages == by_field.value.messages
