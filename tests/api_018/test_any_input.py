"""Whatever is sent, the server's answer is never an error of its own."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api_018.routes import LOOKUP, POST_ROUTES
from tests.conftest import add_people, make_config, open_app
from tests.corpus import MR_MEN, SNOW_WHITE, uri_of, uuid_of

SEARCH_FIELDS = [
    "free_text",
    "creator_usernames",
    "base_uris",
    "uuids",
    "tags",
    "$text",
]
FIELDS = [
    *SEARCH_FIELDS,
    *["uuid", "base_uri", "uri", "name", "type", "creator_username", "frozen_at"],
    *["created_at", "readme", "manifest", "annotations", "dtoolcore_version"],
    *["number_of_items", "size_in_bytes", "username", "is_admin", "items"],
    *["users_with_search_permissions", "users_with_register_permissions"],
]
KNOWN = [SNOW_WHITE, MR_MEN, uri_of("new-dataset"), uuid_of("new-dataset"), "grumpy"]

any_text = st.text(st.characters(), max_size=20) | st.sampled_from(
    [
        *KNOWN,
        *FIELDS,
        "",
        "\x00",
        "\ud800",
        "\udfff",
        "'",
        '"',
        "%",
        "*",
        "-",
        "/",
        "://",
    ]
)
any_number = (
    st.integers()
    | st.floats()
    | st.sampled_from([2**31, 2**63 - 1, 2**63, 2**64, -(2**63) - 1, 10**400])
)
any_json = st.recursive(
    st.none() | st.booleans() | any_number | any_text,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(FIELDS) | any_text, inner, max_size=4)
    ),
    max_leaves=12,
)
any_query = st.dictionaries(
    st.sampled_from(["page", "page_size", "sort"]),
    any_text.filter(lambda text: text.isprintable()) | any_number.map(str),
)

ENOUGH = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory, keys):
    """Sends requests to an app of this module's own, where anything may be kept."""
    with open_app(make_config(tmp_path_factory.mktemp("scratch"), keys)) as app:
        add_people(app)
        # As it is outside of tests: an exception is a 500, and is not raised.
        app.config["PROPAGATE_EXCEPTIONS"] = False
        yield app.test_client()


def post(client, route, admin, grumpy, body):
    headers = admin if route.path.startswith("/admin") else grumpy
    return client.post(
        route.path,
        data=json.dumps(body),
        content_type="application/json",
        headers=headers,
    )


@pytest.mark.parametrize("route", POST_ROUTES, ids=str)
@given(body=any_json)
@ENOUGH
def test_any_json_is_answered(scratch, admin, grumpy, route, body):
    response = post(scratch, route, admin, grumpy, body)
    assert response.status_code < 500, response.text


@pytest.mark.parametrize("route", POST_ROUTES, ids=str)
@given(data=st.data())
@ENOUGH
def test_any_value_of_a_field_is_answered(scratch, admin, grumpy, route, data):
    [body] = route.json if isinstance(route.json, list) else [route.json]
    field = data.draw(st.sampled_from(sorted(body) or SEARCH_FIELDS))
    body = body | {field: data.draw(any_json)}
    body = [body] if isinstance(route.json, list) else body
    response = post(scratch, route, admin, grumpy, body)
    assert response.status_code < 500, response.text


@pytest.mark.parametrize("route", POST_ROUTES, ids=str)
@given(body=st.binary(max_size=60))
@ENOUGH
def test_any_bytes_are_answered(scratch, admin, grumpy, route, body):
    headers = admin if route.path.startswith("/admin") else grumpy
    response = scratch.post(
        route.path, data=body, content_type="application/json", headers=headers
    )
    assert 400 <= response.status_code < 500 or body in (b"", b"{}")


@pytest.mark.parametrize("path", ["/dataset/list", LOOKUP.path, "/admin/user/list"])
@given(query=any_query)
@ENOUGH
def test_any_page_is_answered(scratch, admin, path, query):
    response = scratch.get(path, query_string=query, headers=admin)
    assert response.status_code < 500, response.text


@given(text=any_text)
@settings(ENOUGH, max_examples=150)
def test_any_text_is_a_search(library, grumpy, text):
    response = library.post("/dataset/search", json={"free_text": text}, headers=grumpy)
    assert response.status_code in (200, 422), response.text


@given(authorization=st.text(st.characters(max_codepoint=255), max_size=80))
@ENOUGH
def test_any_token_is_answered(library, authorization):
    clean = "".join(c for c in authorization if c not in "\r\n")
    headers = {"Authorization": f"Bearer {clean}"}
    response = library.get("/dataset/list", headers=headers)
    assert response.status_code in (401, 422)
    assert list(response.json) == ["msg"]
