"""Plugins of others, unmodified: they load, are named, documented, and answer.

`.ci/third_party.sh` and `tox -e third-party` install them and run this, and the whole
of tests/api_018, with TEST_PLUGINS=third-party.
"""

import json

import pytest

from dtool_lookup_server import sql_db
from tests.conftest import TEST_PLUGINS
from tests.corpus import SNOW_WHITE, dataset_info, uri_of, uuid_of
from tests.datasets_on_disk import make_dataset

pytestmark = pytest.mark.skipif(
    TEST_PLUGINS != "third-party", reason="needs the plugins: .ci/third_party.sh"
)

PACKAGES = [
    "dtool_lookup_server_search_plugin_mongo",
    "dtool_lookup_server_retrieve_plugin_mongo",
    "dtool_lookup_server_direct_mongo_plugin",
    "dtool_lookup_server_dependency_graph_plugin",
    "dtool_lookup_server_notification_plugin",
]
PATHS = [
    ("/mongo/query", "post"),
    ("/mongo/aggregate", "post"),
    ("/graph/lookup/{uuid}", "get"),
    ("/graph/lookup/{uuid}", "post"),
    ("/elastic-search/notify/all/{objpath}", "delete"),
    ("/elastic-search/_cluster/health", "get"),
    ("/webhook/notify/{path}", "post"),
    ("/webhook/config", "get"),
]


@pytest.fixture
def register(client, headers):
    """Register a dataset as librarian."""

    def post(name, **fields):
        body = dataset_info(name, **fields)
        answer = client.post(
            "/dataset/register", json=body, headers=headers("librarian")
        )
        assert answer.status_code == 201, answer.text

    return post


@pytest.mark.parametrize("package", PACKAGES)
def test_its_version_is_told(library, package):
    assert library.get("/config/versions").json[package] in ("0.2.0", "0.2.2")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("search_mongo_uri", "***"),
        ("retrieve_mongo_uri", "***"),
        ("mongo_uri", "***"),
        ("allow_direct_query", True),
        ("enable_dependency_view", True),
    ],
)
def test_its_settings_are_told(library, grumpy, key, value):
    assert library.get("/config/info", headers=grumpy).json[key] == value


@pytest.mark.parametrize(("path", "method"), PATHS)
def test_its_routes_are_in_the_openapi_document(library, path, method):
    assert method in library.get("/doc/openapi.json").json["paths"][path]


def test_all_are_listed(runner):
    printed = runner.invoke(args=["plugins"]).output.splitlines()
    for package in PACKAGES:
        name = package.replace("_", "-")
        [*_, used] = [line for line in printed if name in line]
        assert used.endswith("yes")


def test_datasets_are_queried_in_the_language_of_mongodb(client, grumpy, register):
    register("apple", readme="---\nweight: 182\n")
    register("pear", readme="---\nweight: 150\n")
    body = {"query": {"readme.weight": {"$gt": 160}}}
    answer = client.post("/mongo/query", json=body, headers=grumpy)
    assert [row["name"] for row in answer.json] == ["apple"]


def test_datasets_where_the_user_may_not_search_are_not_queried(
    client, headers, register
):
    register("apple")
    body = {"query": {}}
    for name, found in (("grumpy", 1), ("noone", 0)):
        answer = client.post("/mongo/query", json=body, headers=headers(name))
        assert len(answer.json) == found


def test_what_a_dataset_is_derived_from_is_found(client, grumpy, register):
    parent = "b3f4a1f2-4f9c-4d5e-9a43-5a5f6c0a1d01"
    child = "b3f4a1f2-4f9c-4d5e-9a43-5a5f6c0a1d02"
    register("parent", uuid=parent)
    register("child", uuid=child, annotations={"source_dataset_uuid": parent})
    answer = client.get(f"/graph/lookup/{child}", headers=grumpy)
    assert answer.status_code == 200, answer.text
    assert sorted(row["name"] for row in answer.json) == ["child", "parent"]


@pytest.mark.parametrize("path", ["/mongo/query", "/webhook/config"])
def test_its_routes_need_a_token(client, path):
    method = "GET" if "config" in path else "POST"
    assert client.open(path, method=method, json={}).status_code == 401


def test_a_bucket_is_notified_of_nothing(client):
    assert client.get("/elastic-search/_cluster/health").json == {}
    assert client.post("/webhook/notify", json={"Records": [{}]}).status_code == 400


def test_a_notification_of_a_deletion_forgets_the_dataset(
    app, client, grumpy, tmp_path
):
    module = pytest.importorskip("dtool_lookup_server_notification_plugin.config")
    base_uri = f"file://{tmp_path}"
    runner = app.test_cli_runner()
    for args in (["add", base_uri], ["list"]):
        printed = runner.invoke(args=["base_uri", *args]).output
    spelled = json.loads(printed)[-1]["base_uri"]
    runner.invoke(args=["user", "search_permission", "grumpy", spelled])
    dataset = make_dataset(tmp_path, "notified", tags=["new"])
    runner.invoke(args=["base_uri", "index", spelled])
    module.Config.BUCKET_TO_BASE_URI["disk"] = spelled
    try:
        path = f"/elastic-search/notify/all/disk_{dataset.uuid}/dtool"
        assert client.delete(path).status_code == 200
    finally:
        del module.Config.BUCKET_TO_BASE_URI["disk"]
    listed = client.get("/dataset/list", headers=grumpy).json
    assert [row["name"] for row in listed] == []


def test_the_stores_agree(app, register):
    register("apple", tags=["fruit"])
    runner = app.test_cli_runner()
    assert (
        "1 unchanged, 0 different" in runner.invoke(args=["dataset", "verify"]).output
    )


def test_what_is_gone_from_a_store_is_named(app, client, grumpy, register):
    register("apple", readme="description: mandragora")
    app.search.collection.delete_many({})
    runner = app.test_cli_runner()
    broken = runner.invoke(args=["dataset", "verify"]).output
    assert f"Different: {uri_of('apple')} (not in the retrieve store)" in broken


def test_tags_that_0_18_kept_come_into_sql(app, client, grumpy, register):
    register("apple", tags=["fruit", "red"])
    with app.app_context():
        for statement in (
            "DELETE FROM dataset_tag",
            "UPDATE dataset SET type = NULL, digest = NULL",
        ):
            sql_db.session.execute(sql_db.text(statement))
        sql_db.session.commit()
    done = app.test_cli_runner().invoke(args=["dataset", "reindex"])
    assert done.exit_code == 0, done.output
    [row] = client.get(f"/dataset/lookup/{uuid_of('apple')}", headers=grumpy).json
    assert row["tags"] == ["fruit", "red"]
    assert row["base_uri"] == SNOW_WHITE


def test_a_mongodb_that_fails_is_503(app, client, grumpy, register, monkeypatch):
    register("apple")
    monkeypatch.setattr(app.search, "collection", None)
    monkeypatch.setattr(app.retrieve, "collection", None)
    body = {"free_text": "apple"}
    answer = client.post("/dataset/search", json=body, headers=grumpy)
    assert answer.status_code == 503
    assert "MongoSearch" in answer.json["message"]
    body = {"uri": uri_of("apple")}
    answer = client.post("/dataset/readme", json=body, headers=grumpy)
    assert answer.status_code == 503
