"""JSON of answers holds what Flask's own would."""

import dataclasses
import decimal
import enum
import json
import uuid
from collections import OrderedDict
from datetime import UTC, datetime

import pytest
from flask import Flask
from flask.json.provider import DefaultJSONProvider

from dtool_lookup_server.json_output import FastJSONProvider


@dataclasses.dataclass
class Point:
    x: int = 1


class Colour(enum.StrEnum):
    RED = "red"


@pytest.mark.parametrize(
    "value",
    [
        {"b": 1, "a": [None, True, 1.5, "é", "snow"]},
        2**80,
        {"half of a pair": "\ud800"},
        {1: "a", None: "b"},
        datetime(2026, 11, 25, tzinfo=UTC),
        uuid.UUID(int=7),
        decimal.Decimal("1.50"),
        Point(),
        Colour.RED,
        OrderedDict(z=1, a=2),
        ["NUL \0", "</script>"],
    ],
    ids=repr,
)
def test_same_as_of_flask(value):
    app = Flask("any")
    usual = DefaultJSONProvider(app)
    usual.sort_keys = False

    written = FastJSONProvider(app).dumps(value)

    assert json.loads(written) == json.loads(usual.dumps(value))
    assert list(written) == list(written.strip())


def test_keys_keep_their_order():
    assert FastJSONProvider(Flask("any")).dumps({"b": 1, "a": 2}) == '{"b":1,"a":2}'


def test_what_is_no_json_is_refused():
    with pytest.raises(TypeError):
        FastJSONProvider(Flask("any")).dumps(object())
