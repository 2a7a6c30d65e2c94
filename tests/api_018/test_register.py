"""POST /dataset/register: what is kept, what is refused, and no trace of it."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
import yaml

from dtool_lookup_server.utils import register_base_uri, update_permissions
from tests.conftest import TEST_PLUGINS, add_people, open_app
from tests.corpus import (
    CINDERELLA,
    MR_MEN,
    SNOW_WHITE,
    dataset_info,
    manifest_of,
    uri_of,
    uuid_of,
)

REQUIRED = [
    "uuid",
    "base_uri",
    "uri",
    "name",
    "type",
    "creator_username",
    "frozen_at",
]
OPTIONAL = [
    "created_at",
    "readme",
    "manifest",
    "annotations",
    "tags",
    "dtoolcore_version",
    "number_of_items",
    "size_in_bytes",
]
URI = uri_of("new-dataset")
UUID = uuid_of("new-dataset")


@pytest.fixture
def register(client, grumpy):
    """Register one dataset as grumpy, with fields replaced or (by ...) left out."""

    def post(headers=grumpy, items=(), **fields):
        info = dataset_info(items=items) | fields
        info = {key: value for key, value in info.items() if value is not ...}
        return client.post("/dataset/register", json=info, headers=headers)

    return post


@pytest.fixture
def row(client, grumpy):
    """The row of what was registered, and of nothing else."""

    def fetch():
        [only] = client.get("/dataset/list", headers=grumpy).json
        return only

    return fetch


@pytest.fixture
def read(client, grumpy):
    """Read the readme, the manifest or the annotations of a dataset."""

    def post(what, uri=URI):
        return client.post(f"/dataset/{what}", json={"uri": uri}, headers=grumpy)

    return post


@pytest.fixture
def assert_no_trace(client, grumpy, read):
    """Fail if any way of looking shows a dataset, or anything of the one refused."""

    def check(uri=URI):
        assert client.get("/dataset/list", headers=grumpy).json == []
        assert client.get(f"/dataset/lookup/{UUID}", headers=grumpy).json == []
        for query in ({}, {"free_text": "nothing particular new"}):
            found = client.post("/dataset/search", json=query, headers=grumpy)
            assert found.json == []
        summary = client.get("/dataset/summary", headers=grumpy).json
        assert summary["number_of_datasets"] == 0
        for what in ("readme", "manifest", "annotations"):
            assert read(what, uri).status_code in (400, 422)

    return check


# What is kept.


def test_the_answer_is_201_and_the_uri(register):
    response = register()
    assert response.status_code == 201
    assert response.json == {"uri": URI}


def test_what_was_registered_is_listed(register, row):
    register(name="list-me", items=["a.txt", "b.txt"], tags=["one", "two"])
    assert row()["name"] == "list-me"
    assert row()["uri"] == URI
    assert row()["tags"] == ["one", "two"]
    assert (row()["number_of_items"], row()["size_in_bytes"]) == (2, 30)


def test_what_was_registered_is_found(client, grumpy, register):
    register(readme="---\nplant: mandragora\n")
    query = {"free_text": "mandragora"}
    found = client.post("/dataset/search", json=query, headers=grumpy)
    assert [row["uri"] for row in found.json] == [URI]


def test_what_was_registered_is_read_back(register, read):
    register(items=["a.txt"], annotations={"a": 1}, readme="---\nx: é\n")
    assert read("readme").json == "---\nx: é\n"
    assert read("annotations").json == {"a": 1}
    assert read("manifest").json == manifest_of("a.txt")


@pytest.mark.parametrize("key", OPTIONAL)
def test_a_key_that_may_be_absent_is_not_missed(register, key):
    assert register(**{key: ...}).status_code == 201


def test_the_required_keys_alone_are_enough(register, row, read):
    assert register(**dict.fromkeys(OPTIONAL, ...)).status_code == 201
    assert row()["created_at"] == row()["frozen_at"] == 1500000100.125
    assert row()["tags"] == []
    assert (row()["number_of_items"], row()["size_in_bytes"]) == (None, None)
    assert read("readme").json == ""
    assert read("annotations").json == {}
    assert read("manifest").json.get("items", {}) == {}


def test_counts_are_worked_out_from_the_manifest(register, row):
    register(items=["a", "b", "c"], number_of_items=..., size_in_bytes=...)
    assert (row()["number_of_items"], row()["size_in_bytes"]) == (3, 60)


def test_counts_that_are_sent_are_kept(register, row):
    register(items=["a"], number_of_items=5, size_in_bytes=2**63 - 1)
    assert (row()["number_of_items"], row()["size_in_bytes"]) == (5, 2**63 - 1)


@pytest.mark.parametrize("key", ["frozen_at", "created_at"])
@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (1536749825.85, 1536749825.85),
        ("1536749825.85", 1536749825.85),
        (1536749825, 1536749825.0),
        ("1536749825", 1536749825.0),
        (1536749825.123456, 1536749825.123456),
        (0, 0.0),
        (-1.5, -1.5),
        ("1e9", 1e9),
        (-62135596800, -62135596800.0),
        (253402300799, 253402300799.0),
    ],
)
def test_a_time_is_a_number_or_its_text(register, row, key, sent, kept):
    assert register(**{key: sent}).status_code == 201
    assert row()[key] == kept
    assert isinstance(row()[key], float)


def test_a_readme_that_is_an_object_is_kept_as_yaml(client, grumpy, register, read):
    readme = {"organism": "Escherichia coli", "Größe": [1, 2.5, None, {"a": True}]}
    assert register(readme=readme).status_code == 201
    assert yaml.safe_load(read("readme").json) == readme
    query = {"free_text": "escherichia"}
    found = client.post("/dataset/search", json=query, headers=grumpy)
    assert len(found.json) == 1


@pytest.mark.parametrize(
    "readme", ["", "plain", "a: b: c", "---\n- [", "\t", "é🍎", "a\r\nb\n\n", "%"]
)
def test_a_readme_is_any_text(register, read, readme):
    assert register(readme=readme).status_code == 201
    assert read("readme").json == readme


def test_the_example_of_the_documentation_is_accepted(register):
    response = register(
        name="Escherichia-coli-ref-genome",
        readme={
            "accession_id": "U00096.3",
            "index_build_cmd": "bowtie2-build U00096.3.fasta reference",
        },
        created_at=1537802877.62,
        frozen_at=1537916653.7,
        manifest=...,
        tags=...,
    )
    assert response.status_code == 201


@pytest.mark.parametrize("spell", [str.upper, str.title])
def test_a_uuid_is_kept_in_lower_case(client, grumpy, register, row, spell):
    assert register(uuid=spell(UUID)).status_code == 201
    assert row()["uuid"] == UUID
    assert len(client.get(f"/dataset/lookup/{UUID}", headers=grumpy).json) == 1


@pytest.mark.parametrize(
    "annotations",
    [
        {"large": 2**70, "negative": -(2**70)},
        {"$gt": {"$where": "1"}, "a.b": 1, "": 2, " ": 3, "é": 4},
        {"deep": [[[[[[[[[[{"a": [None, True, False]}]]]]]]]]]]},
        {"float": 1e308, "small": 5e-324, "zero": 0.1},
        {"text": "\u0000 \u001b \u202e 🍎 </script>"},
        {"list": [], "object": {}, "empty": "", "none": None},
        {"_id": "x", "uri": "s3://mr-men/x", "__proto__": {"a": 1}},
    ],
    ids=str,
)
def test_annotations_come_back_as_they_were_sent(register, read, annotations):
    assert register(annotations=annotations).status_code == 201
    assert read("annotations").json == annotations


@pytest.mark.parametrize(
    "relpath",
    ["a b.txt", "é/ü.txt", "日本語.txt", "a\\b", "'", "x" * 4000, "a\nb", "🍎"],
    ids=lambda relpath: ascii(relpath[:10]),
)
def test_the_paths_of_items_are_any_text(register, read, relpath):
    assert register(items=[relpath]).status_code == 201
    assert read("manifest").json == manifest_of(relpath)


@pytest.mark.parametrize(
    "name", ["Café crème", "a b", "日本語", "🍎", "x'y\"z", "%", "a/b", "-", "x" * 80]
)
def test_a_name_is_any_text_of_a_line(register, row, name):
    assert register(name=name).status_code == 201
    assert row()["name"] == name


def test_a_tag_that_is_sent_twice_is_kept_once(client, grumpy, register, row):
    assert register(tags=["fruit", "veg", "fruit"]).status_code == 201
    assert row()["tags"] == ["fruit", "veg"]


def test_tags_differ_by_case_and_accent(register, row):
    tags = ["fruit", "Fruit", "frùit", "fruit "]
    assert register(tags=tags).status_code == 201
    assert row()["tags"] == tags


def test_a_uri_may_hold_what_dtool_puts_on_a_disk(app, client, grumpy, row):
    base_uri = "file://host.example/data/my datasets/été"
    with app.app_context():
        register_base_uri(base_uri)
        update_permissions(
            {
                "base_uri": base_uri,
                "users_with_search_permissions": ["grumpy"],
                "users_with_register_permissions": ["grumpy"],
            }
        )
    info = dataset_info(base_uri=base_uri, uri=f"{base_uri}/a name")
    response = client.post("/dataset/register", json=info, headers=grumpy)
    assert response.status_code == 201
    assert row()["uri"] == f"{base_uri}/a name"


def test_a_large_readme_comes_back_whole(register, read):
    readme = "---\n" + "".join(f"key_{n}: {'x' * 95}\n" for n in range(190_000))
    assert len(readme) > 20_000_000
    assert register(readme=readme).status_code == 201
    assert read("readme").json == readme


def test_a_large_manifest_comes_back_whole(client, grumpy, register, read, row):
    items = [f"run_{number % 40}/image_{number:06}.tif" for number in range(200_000)]
    assert register(items=items).status_code == 201
    assert row()["number_of_items"] == 200_000
    assert read("manifest").json == manifest_of(*items)
    if TEST_PLUGINS == "third-party":
        return  # the manifest is kept beside its plugins, which do not find it there
    query = {"free_text": "image_123456.tif"}
    found = client.post("/dataset/search", json=query, headers=grumpy)
    assert len(found.json) == 1


# Registering again.


def test_registering_twice_is_one_dataset(register, row):
    assert register().status_code == 201
    assert register().status_code == 201
    assert row()["uri"] == URI


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", "renamed"),
        ("creator_username", "doc"),
        ("created_at", 1600000000.5),
        ("frozen_at", 1600000001.5),
        ("number_of_items", 7),
        ("size_in_bytes", 8),
        ("tags", ["new"]),
        ("tags", []),
        ("dtoolcore_version", "4.0.0"),
    ],
)
def test_the_newest_registration_counts(register, row, key, value):
    register(tags=["old", "older"])
    assert register(**{key: value}).status_code == 201
    assert row()[key] == value


def test_the_newest_content_is_read_back(register, read):
    register(readme="old", annotations={"old": 1}, items=["old.txt"])
    register(readme="new", annotations={"new": 2}, items=["new.txt"])
    assert read("readme").json == "new"
    assert read("annotations").json == {"new": 2}
    assert read("manifest").json == manifest_of("new.txt")


@pytest.mark.parametrize(
    ("word", "hits"), [("mandragora", 0), ("belladonna", 1), ("poison", 0)]
)
def test_the_newest_content_is_searched(client, grumpy, register, word, hits):
    register(readme="mandragora", tags=["poison"])
    register(readme="belladonna", tags=[])
    found = client.post("/dataset/search", json={"free_text": word}, headers=grumpy)
    assert len(found.json) == hits


def test_the_summary_follows_the_newest_registration(client, grumpy, register):
    register(tags=["old"], creator_username="queen")
    register(tags=["new"], creator_username="doc")
    summary = client.get("/dataset/summary", headers=grumpy).json
    assert summary["datasets_per_tag"] == {"new": 1}
    assert summary["datasets_per_creator"] == {"doc": 1}


def test_one_uuid_in_two_places_is_two_datasets(client, headers, grumpy):
    for base_uri in (SNOW_WHITE, MR_MEN):
        response = client.post(
            "/dataset/register",
            json=dataset_info(base_uri=base_uri),
            headers=headers("librarian"),
        )
        assert response.status_code == 201
    found = client.get(f"/dataset/lookup/{UUID}", headers=grumpy)
    assert len(found.json) == 2


def test_many_at_once_register_one_dataset_once(app, client, grumpy, row):
    def register(number):
        info = dataset_info(tags=[f"tag-{number}"])
        return app.test_client().post("/dataset/register", json=info, headers=grumpy)

    with ThreadPoolExecutor(8) as pool:
        statuses = {response.status_code for response in pool.map(register, range(40))}
    assert statuses == {201}
    assert len(row()["tags"]) == 1


def test_many_at_once_register_many_datasets(app, client, grumpy):
    def register(number):
        return app.test_client().post(
            "/dataset/register", json=dataset_info(f"n{number}"), headers=grumpy
        )

    with ThreadPoolExecutor(8) as pool:
        statuses = {response.status_code for response in pool.map(register, range(40))}
    assert statuses == {201}
    response = client.get("/dataset/list?page_size=100", headers=grumpy)
    assert len({row["uri"] for row in response.json}) == len(response.json) == 40


# What is refused. Each test ends by looking for traces.


@pytest.mark.parametrize("user", ["sleepy", "noone", "snow-white", "dopey"])
def test_without_a_register_permission_it_is_401(
    register, headers, assert_no_trace, user
):
    response = register(headers=headers(user))
    assert response.status_code == 401
    assert response.json["code"] == 401
    assert_no_trace()


@pytest.mark.parametrize("base_uri", [MR_MEN, CINDERELLA, "s3://unknown"])
def test_in_another_base_uri_it_is_401(register, assert_no_trace, base_uri):
    uri = uri_of("new-dataset", base_uri)
    assert register(base_uri=base_uri, uri=uri).status_code == 401
    assert_no_trace(uri)


@pytest.mark.parametrize("key", REQUIRED)
def test_a_required_key_that_is_missing_is_409(register, assert_no_trace, key):
    response = register(**{key: ...})
    assert response.status_code == 409
    assert response.json["code"] == 409
    assert_no_trace()


def test_nothing_at_all_is_409(client, grumpy, assert_no_trace):
    assert client.post("/dataset/register", json={}, headers=grumpy).status_code == 409
    assert_no_trace()


@pytest.mark.parametrize("kind", ["protodataset", "Dataset", "", "x"])
def test_another_type_is_409(register, assert_no_trace, kind):
    assert register(type=kind).status_code == 409
    assert_no_trace()


def test_a_base_uri_with_a_trailing_slash_is_409(register, assert_no_trace):
    assert register(base_uri=SNOW_WHITE + "/").status_code == 409
    assert_no_trace()


@pytest.mark.parametrize(
    "uri",
    [
        uri_of("new-dataset", MR_MEN),
        f"{SNOW_WHITE}-2/x",
        f"{SNOW_WHITE}/a/b",
        f"{SNOW_WHITE}//x",
        f"{SNOW_WHITE}/x/",
        f"{SNOW_WHITE}/",
        SNOW_WHITE,
        "s3://snow/white/x",
        "S3://SNOW-WHITE/x",
        UUID,
        "/",
    ],
)
def test_a_uri_that_is_not_directly_under_its_base_uri_is_409(
    register, assert_no_trace, uri
):
    assert register(uri=uri).status_code == 409
    assert_no_trace(uri)


@pytest.mark.parametrize("base_uri", [SNOW_WHITE, MR_MEN])
def test_a_dataset_of_another_base_uri_is_never_touched(
    client, headers, grumpy, base_uri
):
    uri = uri_of("weather", MR_MEN)
    kept = dataset_info("weather", MR_MEN, readme="rain", tags=["kept"])
    client.post("/dataset/register", json=kept, headers=headers("librarian"))
    thief = kept | {"base_uri": base_uri, "readme": "stolen", "tags": ["stolen"]}
    response = client.post("/dataset/register", json=thief, headers=grumpy)
    assert response.status_code in (401, 409)
    readme = client.post("/dataset/readme", json={"uri": uri}, headers=grumpy)
    assert readme.json == "rain"
    [row] = client.get("/dataset/list", headers=grumpy).json
    assert (row["base_uri"], row["tags"]) == (MR_MEN, ["kept"])


@pytest.mark.parametrize("uuid", ["x" * 36, UUID[:-1] + "g", "-" * 36, "\x00" * 36])
def test_a_uuid_that_is_malformed_is_422(register, assert_no_trace, uuid):
    assert register(uuid=uuid).status_code == 422
    assert_no_trace()


@pytest.mark.parametrize("uuid", ["", "x", UUID[:-1], UUID + "0"])
def test_a_uuid_of_another_length_is_refused(register, assert_no_trace, uuid):
    assert register(uuid=uuid).status_code in (409, 422)
    assert_no_trace()


@pytest.mark.parametrize("key", ["frozen_at", "created_at"])
@pytest.mark.parametrize(
    "value",
    [
        "nan",
        "NaN",
        "inf",
        "-inf",
        "1e400",
        "soon",
        "",
        "2018-09-12",
        253402300800,
        -62135596801,
        1e300,
        10**400,
        "9" * 5000,
        None,
        [],
        {"$gt": 0},
    ],
    ids=lambda value: str(value)[:12],
)
def test_a_time_that_is_none_is_422(register, assert_no_trace, key, value):
    assert register(**{key: value}).status_code == 422
    assert_no_trace()


@pytest.mark.parametrize("key", ["frozen_at", "number_of_items", "size_in_bytes"])
@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_a_number_that_is_not_finite_is_refused(
    client, grumpy, assert_no_trace, key, literal
):
    body = json.dumps(dataset_info(**{key: "here"})).replace('"here"', literal)
    response = client.post(
        "/dataset/register", data=body, content_type="application/json", headers=grumpy
    )
    assert response.status_code in (400, 422)
    assert_no_trace()


@pytest.mark.parametrize("key", ["number_of_items", "size_in_bytes"])
@pytest.mark.parametrize("value", [-1, 2**63, 10**400, 1.5, "many", [], {}])
def test_a_count_outside_its_range_is_422(register, assert_no_trace, key, value):
    assert register(**{key: value}).status_code == 422
    assert_no_trace()


@pytest.mark.parametrize(
    "value",
    ["a\x00b", "a\nb", "a\tb", "\x1b[31m", "\x7f", "\x85", "\ud800", "x" * 5_000],
    ids=lambda value: ascii(value[:10]),
)
@pytest.mark.parametrize("key", ["name", "creator_username", "tags", "uri"])
def test_control_characters_and_overlong_text_are_422(
    register, assert_no_trace, key, value
):
    sent = {"tags": [value], "uri": f"{SNOW_WHITE}/{value}"}.get(key, value)
    assert register(**{key: sent}).status_code == 422
    assert_no_trace()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", 7),
        ("name", None),
        ("name", ["x"]),
        ("creator_username", {"$gt": ""}),
        ("uri", 7),
        ("base_uri", None),
        ("base_uri", {"$gt": ""}),
        ("type", ["dataset"]),
        ("uuid", 7),
        ("uuid", None),
        ("readme", 7),
        ("readme", ["x"]),
        ("annotations", []),
        ("annotations", "x"),
        ("tags", "fruit"),
        ("tags", {"fruit": 1}),
        ("tags", [7]),
        ("tags", [None]),
        ("manifest", []),
        ("manifest", "x"),
        ("manifest", {"items": []}),
        ("manifest", {"items": {"a": 7}}),
        ("dtoolcore_version", 3),
    ],
)
def test_a_value_of_the_wrong_type_is_422(register, assert_no_trace, key, value):
    response = register(**{key: value})
    assert response.status_code == 422
    assert key in response.json["errors"].get("json", response.json["errors"])
    assert_no_trace()


def one_item(**fields):
    """Return a manifest with one item that has these fields."""
    return {"items": {"0" * 40: {"relpath": "a.txt", **fields}}}


@pytest.mark.parametrize(
    ("key", "sent", "kept"),
    [
        ("size_in_bytes", "3", 3),
        ("size_in_bytes", 3.0, 3),
        ("utc_timestamp", "1.5", 1.5),
        ("utc_timestamp", 1, 1),
    ],
)
def test_the_numbers_of_an_item_may_be_written_as_0_18_took_them(
    register, read, row, key, sent, kept
):
    fields = {"manifest": one_item(**{key: sent}), "size_in_bytes": ...}
    assert register(**fields).status_code == 201
    assert read("manifest").json == one_item(**{key: kept})
    assert row()["size_in_bytes"] == (kept if key == "size_in_bytes" else 0)


@pytest.mark.parametrize("key", ["size_in_bytes", "utc_timestamp"])
@pytest.mark.parametrize("value", ["x", "", "nan", "inf", True, None, [], {}])
def test_what_is_no_number_of_an_item_is_422(register, assert_no_trace, key, value):
    assert register(manifest=one_item(**{key: value})).status_code == 422
    assert_no_trace()


def test_a_number_of_an_item_that_is_too_large_to_be_one_is_422(
    client, grumpy, assert_no_trace
):
    body = json.dumps(dataset_info(manifest=one_item(utc_timestamp=5.25)))
    response = client.post(
        "/dataset/register",
        data=body.replace("5.25", "1e999"),
        content_type="application/json",
        headers=grumpy,
    )
    assert response.status_code == 422
    assert_no_trace()


@pytest.mark.parametrize("key", ["readme", "annotations", "manifest"])
@pytest.mark.parametrize("value", ["\ud800", "\x00", "\udfff\ud800"], ids=ascii)
def test_half_a_character_in_content_never_breaks_the_server(
    register, read, assert_no_trace, key, value
):
    sent = {"annotations": {value: value}, "manifest": manifest_of()}.get(key, value)
    if key == "manifest":
        sent["items"]["0" * 40] = {"relpath": value, "size_in_bytes": 1}
    response = register(**{key: sent})
    assert response.status_code in (201, 422)
    if response.status_code == 422:
        assert_no_trace()
    else:
        assert read(key).json == sent


def test_deep_annotations_are_kept_or_refused(client, grumpy):
    body = json.dumps(dataset_info(annotations={"a": "here"}))
    body = body.replace('"here"', "[" * 400 + "]" * 400)
    response = client.post(
        "/dataset/register", data=body, content_type="application/json", headers=grumpy
    )
    assert response.status_code in (201, 400, 422)


def test_a_body_over_the_limit_is_413(config, grumpy):
    with open_app(config | {"MAX_CONTENT_LENGTH": 20_000}) as app:
        add_people(app)
        client = app.test_client()
        small = client.post("/dataset/register", json=dataset_info(), headers=grumpy)
        info = dataset_info("large", readme="x" * 20_000)
        large = client.post("/dataset/register", json=info, headers=grumpy)
        listed = client.get("/dataset/list", headers=grumpy).json
    assert (small.status_code, large.status_code) == (201, 413)
    assert large.json["code"] == 413
    assert [row["name"] for row in listed] == ["new-dataset"]


def test_a_refusal_does_not_touch_what_was_there(register, row, read):
    register(readme="kept", tags=["kept"])
    assert register(readme="lost", tags=["lost"], frozen_at="nan").status_code == 422
    assert register(readme="lost", tags=["lost"], type="x").status_code == 409
    assert row()["tags"] == ["kept"]
    assert read("readme").json == "kept"
