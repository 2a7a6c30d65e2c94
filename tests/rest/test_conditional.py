"""ETag, If-None-Match and If-Match; HEAD and OPTIONS; gzip; CORS."""

import gzip
import json

import pytest

from tests.conftest import open_app
from tests.corpus import EVERYTHING, MR_MEN, SNOW_WHITE, dataset_info, uri_of
from tests.rest.paths import encoded

APPLES = encoded(uri_of("apple-harvest"))
READS = [
    "/uris",
    "/uris/summary",
    f"/uris/{APPLES}",
    f"/uuids/{EVERYTHING[0]['uuid']}",
    f"/readmes/{APPLES}",
    f"/manifests/{APPLES}",
    f"/annotations/{APPLES}",
    f"/tags/{APPLES}",
    "/me",
    "/me/summary",
    "/users/grumpy",
    "/dataset/list",
    "/config/info",
    "/config/versions",
]


def etag_of(response):
    assert response.status_code == 200, response.text
    return response.headers["ETag"]


@pytest.mark.parametrize("path", READS)
def test_what_the_client_has_is_not_sent_again(library, grumpy, path):
    etag = etag_of(library.get(path, headers=grumpy))
    again = library.get(path, headers=grumpy | {"If-None-Match": etag})
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["ETag"] == etag
    other = library.get(path, headers=grumpy | {"If-None-Match": '"other"'})
    assert other.status_code == 200


@pytest.mark.parametrize("path", READS)
def test_head_is_get_without_the_body(library, grumpy, path):
    get, head = (m(path, headers=grumpy) for m in (library.get, library.head))
    assert (head.status_code, head.data) == (200, b"")
    for name in ("ETag", "Content-Type", "X-Pagination", "X-Sort", "Link"):
        assert head.headers.get(name) == get.headers.get(name)


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/uris", {"GET", "HEAD", "OPTIONS", "POST", "PUT"}),
        ("/me", {"GET", "HEAD", "OPTIONS", "PATCH"}),
        ("/users/grumpy", {"GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"}),
        (f"/readmes/{APPLES}", {"GET", "HEAD", "OPTIONS", "PUT"}),
    ],
)
def test_options_names_the_methods(library, path, methods):
    response = library.options(path)
    assert response.status_code == 200
    assert set(response.headers["Allow"].split(", ")) == methods


EDITS = [
    ("PATCH", "/me", "/me", {"display_name": "G"}),
    ("PATCH", "/users/grumpy", "/users/grumpy", {"display_name": "G"}),
    ("PUT", "/users/sleepy", "/users/sleepy", {"is_admin": True}),
    ("DELETE", "/users/sleepy", "/users/sleepy", None),
    ("POST", f"/users/sleepy/search/{encoded(MR_MEN)}", "/users/sleepy", None),
    ("PUT", f"/base-uris/{encoded(MR_MEN)}", f"/base-uris/{encoded(MR_MEN)}", {}),
    ("PUT", f"/uris/{APPLES}", f"/uris/{APPLES}", EVERYTHING[0] | {"name": "new"}),
    ("DELETE", f"/uris/{APPLES}", f"/uris/{APPLES}", None),
    ("PUT", f"/readmes/{APPLES}", f"/readmes/{APPLES}", {"readme": "a: 1"}),
    ("PUT", f"/tags/{APPLES}", f"/tags/{APPLES}", {"tags": []}),
    ("POST", f"/tags/{APPLES}/new", f"/tags/{APPLES}", None),
    ("DELETE", f"/tags/{APPLES}/fruit", f"/tags/{APPLES}", None),
    ("PUT", f"/annotations/{APPLES}/a", f"/annotations/{APPLES}", {"value": 1}),
    ("PUT", f"/annotations/{APPLES}", f"/annotations/{APPLES}", {"annotations": {}}),
    ("DELETE", f"/annotations/{APPLES}/colour", f"/annotations/{APPLES}", None),
]


@pytest.fixture
def everybody(app, client, corpus, admin, grumpy):
    """The headers of one who may call a path; edits stay in the index."""
    app.config["EDITS"] = "index"
    return lambda path: admin if path.startswith(("/users", "/base-uris")) else grumpy


@pytest.mark.parametrize(("method", "path", "read", "body"), EDITS)
def test_an_edit_is_made_once_for_what_was_read(
    client, everybody, method, path, read, body
):
    headers = everybody(path)
    etag = etag_of(client.get(read, headers=headers))
    edit = {"method": method, "json": body, "headers": headers | {"If-Match": etag}}
    first = client.open(path, **edit)
    assert first.status_code == 200, first.text
    after = client.get(read, headers=headers)
    second = client.open(path, **edit)
    assert (second.status_code, second.json["code"]) == (412, 412)
    assert client.get(read, headers=headers).data == after.data


@pytest.mark.parametrize(("method", "path", "read", "body"), EDITS)
def test_the_answer_to_an_edit_has_the_next_etag(
    client, everybody, method, path, read, body
):
    headers = everybody(path)
    response = client.open(path, method=method, json=body, headers=headers)
    if response.json != "":
        after = client.get(read, headers=headers)
        assert response.json == after.json
        assert etag_of(response) == etag_of(after)


@pytest.mark.parametrize(("method", "path", "read", "body"), EDITS)
@pytest.mark.parametrize("etag", ['"other"', 'W/"other"', '"a", "b"'])
def test_an_edit_of_something_else_is_412(
    client, everybody, method, path, read, body, etag
):
    headers = everybody(path)
    before = client.get(read, headers=headers).data
    edit = {"method": method, "json": body, "headers": headers | {"If-Match": etag}}
    assert client.open(path, **edit).status_code == 412
    assert client.get(read, headers=headers).data == before


def test_any_state_or_none_may_be_asked_for(client, grumpy):
    new = dataset_info()
    path = f"/uris/{encoded(new['uri'])}"

    def put(**headers):
        return client.put(path, json=new, headers=grumpy | headers).status_code

    assert put(**{"If-Match": "*"}) == 412
    assert put(**{"If-None-Match": "*"}) == 201
    assert put(**{"If-None-Match": "*"}) == 412
    assert put(**{"If-Match": "*"}) == 200


@pytest.mark.usefixtures("corpus")
def test_a_condition_gives_nothing_away(client, headers):
    for uri in (uri_of("weather", MR_MEN), uri_of("none", MR_MEN)):
        options = headers("sleepy") | {"If-Match": "*"}
        for path in (f"/uris/{encoded(uri)}", f"/tags/{encoded(uri)}/x"):
            assert client.delete(path, headers=options).status_code == 403


def test_answers_are_compressed_where_that_is_accepted(library, grumpy):
    plain = library.get("/uris", headers=grumpy)
    assert "Content-Encoding" not in plain.headers
    packed = library.get("/uris", headers=grumpy | {"Accept-Encoding": "gzip, br"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in packed.headers["Vary"]
    assert int(packed.headers["Content-Length"]) == len(packed.data)
    assert len(packed.data) < len(plain.data)
    assert json.loads(gzip.decompress(packed.data)) == plain.json


@pytest.mark.parametrize("accepted", ["", "br", "gzip;q=0", "identity"])
def test_answers_are_not_compressed_otherwise(library, grumpy, accepted):
    headers = grumpy | {"Accept-Encoding": accepted}
    assert "Content-Encoding" not in library.get("/uris", headers=headers).headers


def test_the_etag_of_a_compressed_answer_counts(app, client, corpus, grumpy):
    app.config["EDITS"] = "index"
    annotations = {"text": "x" * 2000}
    path = f"/annotations/{APPLES}"
    client.put(path, json={"annotations": annotations}, headers=grumpy)
    packed = client.get(path, headers=grumpy | {"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    etag = etag_of(packed)
    for encoding in ("gzip", ""):
        headers = grumpy | {"If-None-Match": etag, "Accept-Encoding": encoding}
        assert client.get(path, headers=headers).status_code == 304
    edit = {"json": {"annotations": {}}, "headers": grumpy | {"If-Match": etag}}
    assert client.put(path, **edit).status_code == 200
    assert client.put(path, **edit).status_code == 412


ORIGIN = "https://webapp.example.org"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["/uris", f"/uris/{APPLES}", "/dataset/search"])
def test_a_browser_may_ask_for_any_method(library, path, method):
    response = library.options(
        path,
        headers={
            "Origin": ORIGIN,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": "authorization,content-type,if-match",
        },
    )
    assert response.status_code == 200
    assert method in response.headers["Access-Control-Allow-Methods"]
    allowed = response.headers["Access-Control-Allow-Headers"].lower()
    assert {"authorization", "content-type", "if-match"} <= set(allowed.split(", "))


def test_a_browser_may_read_the_headers(library, grumpy):
    response = library.get("/uris", headers=grumpy | {"Origin": ORIGIN})
    exposed = response.headers["Access-Control-Expose-Headers"].split(", ")
    assert {"X-Pagination", "X-Sort", "ETag", "Link", "Location"} <= set(exposed)
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in response.headers


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [(ORIGIN, ORIGIN), ("https://evil.example.org", None), ("null", None)],
)
@pytest.mark.parametrize("setting", [ORIGIN, f"{ORIGIN}, https://b.example", [ORIGIN]])
def test_credentials_are_for_sites_that_are_named(config, origin, allowed, setting):
    with open_app(config | {"CORS_ORIGINS": setting}) as app:
        response = app.test_client().get("/config/health", headers={"Origin": origin})
    assert response.headers.get("Access-Control-Allow-Origin") == allowed
    credentials = response.headers.get("Access-Control-Allow-Credentials")
    assert credentials == ("true" if allowed else None)


def test_a_page_of_another_base_uri_is_another_etag(library, grumpy):
    etags = {
        etag_of(library.get("/uris", query_string=query, headers=grumpy))
        for query in ({}, {"base_uris": SNOW_WHITE}, {"page": 2}, {"sort": "-uri"})
    }
    assert len(etags) == 4
