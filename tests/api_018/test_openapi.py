"""/doc: the OpenAPI document, and the pages that show it."""

import re
from urllib.parse import urljoin

import pytest

from tests.api_018.routes import ALL_ROUTES
from tests.conftest import open_app

PAGES = ["/doc/swagger", "/doc/redoc"]
ATTRIBUTE = re.compile(r"""\b(?:src|href)\s*=\s*["']?([^"'\s>]+)""")


@pytest.fixture
def document(library):
    """The OpenAPI document."""
    response = library.get("/doc/openapi.json")
    assert response.status_code == 200
    return response.json


def operations(document):
    return [
        (f"{method} {path}", operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in ("get", "post", "put", "patch", "delete")
    ]


def references(node):
    """Return every $ref below a node."""
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [ref for value in node.values() for ref in references(value)]
    if isinstance(node, list):
        return [ref for value in node for ref in references(value)]
    return []


def test_the_document_says_what_it_is(document):
    assert document["openapi"].startswith("3.")
    assert document["info"]["title"]
    assert document["info"]["version"]


@pytest.mark.parametrize("route", ALL_ROUTES, ids=str)
def test_every_route_is_described(document, route):
    path = re.sub(r"<([^>]+)>", r"{\1}", route.rule)
    operation = document["paths"][path][route.method.lower()]
    assert operation["summary"]
    assert operation["responses"]


def test_every_operation_has_a_summary(document):
    assert [
        name for name, item in operations(document) if not item.get("summary")
    ] == []


def test_every_answer_has_a_description(document):
    silent = [
        (name, status)
        for name, operation in operations(document)
        for status, response in operation["responses"].items()
        if "$ref" not in response and "description" not in response
    ]
    assert silent == []


def test_names_of_operations_differ(document):
    ids = [operation.get("operationId") for _, operation in operations(document)]
    named = [operation_id for operation_id in ids if operation_id]
    assert len(named) == len(set(named))


def test_the_arguments_in_a_path_are_described(document):
    for path, item in document["paths"].items():
        for method in set(item) - {"parameters"}:
            parameters = item.get("parameters", []) + item[method].get("parameters", [])
            named = {p["name"] for p in parameters if p.get("in") == "path"}
            assert named == set(re.findall(r"{(\w+)}", path)), path


def test_every_reference_leads_somewhere(document):
    assert references(document)
    for reference in references(document):
        node = document
        for part in reference.removeprefix("#/").split("/"):
            assert part in node, reference
            node = node[part]


def test_the_token_is_described(document):
    schemes = document["components"]["securitySchemes"].values()
    assert {"type": "http", "scheme": "bearer"}.items() <= next(iter(schemes)).items()


@pytest.mark.parametrize("page", PAGES)
def test_a_page_shows_the_document(library, page):
    response = library.get(page)
    assert response.status_code == 200
    assert response.mimetype == "text/html"
    assert "openapi.json" in response.text


def test_the_first_page_is_for_people(library):
    response = library.get("/")
    assert response.status_code == 200
    assert response.mimetype == "text/html"


@pytest.mark.parametrize("page", ["/", *PAGES])
def test_a_page_refers_to_no_other_host(library, page):
    html = library.get(page).text
    assert ATTRIBUTE.findall(html)
    assert re.findall(r"""(?:https?:)?//[\w.-]+\.\w+""", html) == []


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_needs_comes_from_the_server(library, page):
    html = library.get(page).text
    files = [
        ref for ref in ATTRIBUTE.findall(html) if not ref.startswith(("data:", "#"))
    ]
    assert any(file.endswith(".js") for file in files)
    for file in files:
        with library.get(urljoin(page, file)) as response:
            assert response.status_code == 200, file
            assert response.data


@pytest.mark.parametrize("page", PAGES)
def test_styles_and_scripts_have_their_type(library, page):
    for file in ATTRIBUTE.findall(library.get(page).text):
        if file.endswith((".js", ".css")):
            with library.get(urljoin(page, file)) as response:
                kind = "css" if file.endswith(".css") else "javascript"
                assert response.mimetype.endswith(kind)


@pytest.mark.parametrize("path", ["openapi.json", "swagger", "redoc"])
def test_the_prefix_is_a_setting(config, path):
    with open_app(config | {"OPENAPI_URL_PREFIX": "/api-doc"}) as app:
        client = app.test_client()
        assert client.get(f"/api-doc/{path}").status_code == 200
        assert client.get(f"/doc/{path}").status_code == 404
