"""/uris/URI: one dataset, shown, registered and forgotten."""

import pytest

from dtool_lookup_server.utils import register_dataset
from tests.corpus import CINDERELLA, MR_MEN, SNOW_WHITE, dataset_info, uri_of
from tests.rest.paths import encoded, spellings

APPLES = uri_of("apple-harvest")
NEW = dataset_info(tags=["new"], items=["a.txt"])


def path(uri, root="/uris"):
    return f"{root}/{encoded(uri)}"


def put(client, headers, info, uri=None):
    return client.put(path(uri or info["uri"]), json=info, headers=headers)


@pytest.mark.parametrize(
    "root", ["uris", "readmes", "manifests", "annotations", "tags"]
)
@pytest.mark.parametrize("spelling", spellings(APPLES))
def test_a_uri_may_be_written_in_any_way(library, grumpy, root, spelling):
    response = library.get(f"/{root}/{spelling}", headers=grumpy)
    assert response.status_code == 200
    assert response.json == library.get(path(APPLES, f"/{root}"), headers=grumpy).json


def test_a_dataset_is_shown(library, grumpy):
    row = library.get(path(APPLES), headers=grumpy).json
    assert row["uri"] == APPLES
    assert row["tags"] == ["fruit", "poison"]
    assert row["created_at"] == 1500000000.123456


@pytest.mark.parametrize(
    "root", ["uris", "readmes", "manifests", "annotations", "tags"]
)
@pytest.mark.parametrize(
    ("uri", "status"),
    [
        (uri_of("none"), 404),
        (uri_of("weather", MR_MEN), 403),
        (uri_of("none", MR_MEN), 403),
        (uri_of("none", CINDERELLA), 403),
        (uri_of("none", "s3://unknown"), 403),
        ("nonsense", 403),
        ("%", 403),
    ],
)
def test_what_may_not_be_seen_gives_nothing_away(library, headers, root, uri, status):
    response = library.get(path(uri, f"/{root}"), headers=headers("sleepy"))
    assert response.status_code == status
    assert response.json["code"] == status
    assert "errors" not in response.json


def test_a_new_dataset_is_201_and_then_there(client, headers, grumpy):
    response = put(client, grumpy, NEW)
    assert (response.status_code, response.json) == (201, "")
    row = client.get(path(NEW["uri"]), headers=headers("sleepy")).json
    assert row["tags"] == ["new"]
    assert row["uploaded_by"] == "grumpy"


def test_a_dataset_that_is_there_is_replaced(client, headers, grumpy):
    put(client, grumpy, NEW)
    response = put(client, headers("librarian"), NEW | {"name": "renamed"})
    assert (response.status_code, response.json) == (200, "")
    row = client.get(path(NEW["uri"]), headers=grumpy).json
    assert (row["name"], row["uploaded_by"]) == ("renamed", "librarian")


def test_the_command_line_uploads_for_nobody(app, client, grumpy):
    with app.app_context():
        register_dataset(NEW)
    assert client.get(path(NEW["uri"]), headers=grumpy).json["uploaded_by"] is None


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"name": ...}, 400),
        ({"uri": ...}, 400),
        ({"type": "protodataset"}, 400),
        ({"uri": uri_of("other")}, 400),
        ({"base_uri": MR_MEN}, 400),
        ({"frozen_at": "x"}, 422),
        ({"surprise": 1}, 422),
        ({"number_of_items": -1}, 422),
    ],
    ids=str,
)
def test_what_is_not_a_dataset_leaves_no_trace(client, grumpy, change, status):
    info = {k: v for k, v in (NEW | change).items() if v is not ...}
    assert put(client, grumpy, info, NEW["uri"]).status_code == status
    assert client.get("/uris", headers=grumpy).json == []


@pytest.mark.parametrize("base_uri", [MR_MEN, CINDERELLA, "s3://unknown"])
def test_registering_needs_the_permission(client, grumpy, base_uri):
    info = dataset_info(base_uri=base_uri)
    assert put(client, grumpy, info).status_code == 403
    assert client.delete(path(info["uri"]), headers=grumpy).status_code == 403


@pytest.mark.usefixtures("corpus")
def test_deleting_is_idempotent_and_complete(client, grumpy):
    for _ in range(2):
        response = client.delete(path(APPLES), headers=grumpy)
        assert (response.status_code, response.json) == (200, "")
    for root in ("/uris", "/readmes", "/manifests", "/annotations", "/tags"):
        assert client.get(path(APPLES, root), headers=grumpy).status_code == 404
    found = client.post("/uris", json={"free_text": "orchard"}, headers=grumpy)
    assert [row["base_uri"] for row in found.json] == [MR_MEN]


def test_contents_come_back_as_they_were_sent(client, grumpy):
    annotations = {"big": 2**80, "nested": [{"ä": None}], "": 1.5}
    put(client, grumpy, NEW | {"annotations": annotations, "readme": "a: ä"})
    get = lambda root: client.get(path(NEW["uri"], root), headers=grumpy).json  # noqa: E731
    assert get("/readmes") == {"readme": "a: ä"}
    assert get("/annotations") == {"annotations": annotations}
    assert get("/tags") == {"tags": ["new"]}
    assert get("/manifests") == NEW["manifest"]


@pytest.mark.parametrize("uri", [f"{SNOW_WHITE}/..", f"{SNOW_WHITE}/."])
def test_a_uri_that_leads_elsewhere_is_refused(client, grumpy, uri):
    info = NEW | {"uri": uri}
    assert put(client, grumpy, info).status_code in (400, 403, 404)
    assert (
        client.post("/dataset/register", json=info, headers=grumpy).status_code == 409
    )
