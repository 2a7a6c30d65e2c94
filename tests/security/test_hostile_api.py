"""The whole OpenAPI document, both APIs, as every role, with input made to break it.

A bounded run; for a longer one say how many requests each operation gets:

    HOSTILE_EXAMPLES=2000 pytest -n 0 tests/security/test_hostile_api.py
"""

import json
import os

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
)

from tests.conftest import make_config, open_app, open_database
from tests.openapi_document import current
from tests.security.access import KNOWN, ROLES
from tests.security.agreement import assert_all_agree
from tests.security.test_access import fill

EXAMPLES = int(os.environ.get("HOSTILE_EXAMPLES", "12"))
CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance]

API = schemathesis.openapi.from_dict(
    # Wrong tokens are for test_access.py.
    {key: value for key, value in current().items() if key != "security"}
)
#: Its good answers include 503, and it takes no input.
UNTRIED = "GET /config/ready"
OPERATIONS = [
    operation
    for operation in (result.ok() for result in API.get_all_operations())
    if operation.label != UNTRIED
]


@schemathesis.serializer("application/x-ndjson")
def as_bytes(_context, value):
    """Send a body of lines as it was drawn."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")


@schemathesis.deserializer("application/x-ndjson")
def from_lines(_context, response):
    """Return the first line of an answer, as what the document describes."""
    return json.loads(response.content.splitlines()[0]) if response.content else {}


@pytest.fixture(scope="module")
def app(tmp_path_factory, keys, shelf):
    """An app of this module's own, where anything may be kept."""
    home = tmp_path_factory.mktemp("hostile")
    with (
        open_database(home, shelf) as url,
        open_app(make_config(home, keys, url) | {"EDITS": "index"}) as app,
    ):
        fill(app)
        # As it is outside of tests: an exception is a 500, and is not raised.
        app.config["PROPAGATE_EXCEPTIONS"] = False
        yield app


@pytest.fixture(scope="module")
def tokens(headers):
    """The headers of each role's requests."""
    return {role: headers(username) for role, username in ROLES.items()}


def cases_of(operation):
    """Return requests that fit an operation's description, and those that do not."""
    return st.one_of(
        operation.as_strategy(generation_mode=mode) for mode in GenerationMode
    )


def ask_for_what_is_there(case, words):
    """Put known words into a request's path: else most would end with 404."""
    for name, word in words.items():
        if name in (case.path_parameters or {}):
            case.path_parameters[name] = word


def assert_refusal_is_told(response):
    """Fail unless an error has the one shape, and names the field that is wrong."""
    if response.status_code < 400:
        return
    error = response.json()
    assert set(error) <= {"code", "status", "message", "errors"}
    assert error["code"] == response.status_code
    assert error.get("errors") or response.status_code != 422


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.label)
@given(data=st.data())
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="HOSTILE_EXAMPLES" not in os.environ,
    suppress_health_check=list(HealthCheck),
)
def test_whatever_is_sent_is_answered(app, tokens, operation, data):
    case = data.draw(cases_of(operation))
    if data.draw(st.booleans()):
        ask_for_what_is_there(case, KNOWN._asdict())
    for role in ROLES:
        headers = {**tokens[role], "Accept-Encoding": "identity"}
        response = case.call(headers=headers, app=app)
        case.validate_response(response, checks=CHECKS)
        assert_refusal_is_told(response)


def test_what_is_left_agrees(app, headers):
    """After all that was sent before."""
    assert_all_agree(app, headers)
