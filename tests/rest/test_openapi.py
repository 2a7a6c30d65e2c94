"""The OpenAPI document: complete, committed, and fit for generated clients."""

import json
import sys
from pathlib import Path

import pytest

from tests.openapi_document import PATH, current, rendered

METHODS = ("get", "post", "put", "patch", "delete")

#: What answers with something else than JSON that has a shape.
SHAPELESS = {"/config/info", "/config/versions", "/dataset/readme"}


@pytest.fixture(scope="module")
def document():
    return current()


def operations(document):
    return [
        (f"{method.upper()} {path}", item[method])
        for path, item in document["paths"].items()
        for method in METHODS
        if method in item
    ]


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="it calls 422 otherwise")
def test_the_committed_document_is_up_to_date(document):
    assert Path(PATH).read_text(encoding="utf-8") == rendered(document), (
        "docs/openapi.json is out of date: run `python -m tests.openapi_document`"
    )


def test_every_operation_has_a_name_of_its_own(document):
    names = [operation["operationId"] for _name, operation in operations(document)]
    assert len(names) == len(set(names))


def test_every_answer_of_success_has_a_schema(document):
    for name, operation in operations(document):
        for status, response in operation["responses"].items():
            if status.startswith("2") and "body is empty" not in str(response):
                assert response["content"], name


def test_every_body_has_a_schema(document):
    bodies = [
        operation["requestBody"]["content"]
        for name, operation in operations(document)
        if "requestBody" in operation
    ]
    assert len(bodies) > 15
    for body in bodies:
        assert all("schema" in content for content in body.values())


def test_what_is_refused_is_described(document):
    for name, operation in operations(document):
        if operation.get("security") != [] and "/dataset" not in name:
            wanted = {"401"} if not name.split()[1].startswith(OF_0_18) else set()
            assert wanted <= set(operation["responses"]), name


OF_0_18 = ("/dataset", "/user/", "/admin", "/config")


def test_objects_have_examples(document):
    schemas = document["components"]["schemas"]
    for name in ("Query", "User", "DatasetRow", "Readme", "Tags", "Summary"):
        properties = schemas[name]["properties"].values()
        assert any("example" in about for about in properties), name


def test_the_document_is_json(document):
    assert json.loads(rendered(document)) == document
