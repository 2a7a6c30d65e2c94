"""What databases do in their own ways by themselves, and here do alike."""

import random
from datetime import datetime

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from dtool_lookup_server import sql_db
from dtool_lookup_server.services import base_uris, datasets, registering, users
from dtool_lookup_server.services.summary import summary_of
from dtool_lookup_server.sql_models import BaseURI, Dataset, User
from tests.corpus import SNOW_WHITE, dataset_info, uri_of

BASE_URI = "s3://bucket"


@pytest.fixture
def context(app):
    """An application context, and one base URI."""
    with app.app_context():
        base_uris.register(BASE_URI)
        yield app


def register(name="new-dataset", **fields):
    """Register a dataset, and return its URI."""
    return registering.register(dataset_info(name, BASE_URI, **fields))


def found(query):
    """Return the names of the datasets that a query without free text finds."""
    rows = sql_db.session.execute(datasets.narrowed(datasets.every(), query))
    return sorted(row.name for row in rows)


@pytest.mark.parametrize("other", ["ANNA", "anna ", "änna", "anná", "anna😀"])
def test_names_that_look_alike_are_two(context, other):
    users.register([{"username": "anna"}, {"username": other}])
    names = sql_db.session.scalars(select(User.username)).all()
    assert sorted(names) == sorted(["anna", other])
    assert users.find(other).username == other
    assert users.find(f"{other} ") is None


@pytest.mark.parametrize("tag", ["red", "RED", "red ", "réd", "🍎"])
def test_a_tag_is_found_as_it_was_written(context, tag):
    register("one", tags=["red", "RED", "red ", "réd", "🍎"])
    register("two", tags=["other"])
    assert found({"tags": [tag]}) == ["one"]
    assert found({"tags": [f"{tag} "]}) == (["one"] if tag == "red" else [])


@pytest.mark.parametrize("value", ["\0", "queen\0", "\ud800", "q" * 5000, "\1"])
def test_what_no_column_can_hold_finds_nothing(context, value):
    register()
    assert users.find(value) is None
    assert base_uris.find(f"s3://{value}") is None
    assert datasets.find(f"{BASE_URI}/{value}") is None
    for key in ("creator_usernames", "uuids", "base_uris", "tags"):
        assert found({key: [value]}) == []


def long_uris(number):
    """Return the URIs of datasets that only differ late, in characters of all kinds."""
    chance = random.Random(7)
    kinds = [(0x4E00, 0x9FFF), (0x10000, 0x103FF), (0x21, 0x2E), (0x5C, 0x5C)]
    room = 1024 - len(BASE_URI) - 1
    start = "".join(chr(chance.randint(*chance.choice(kinds))) for _ in range(700))
    ends = [
        "".join(chr(chance.randint(*chance.choice(kinds))) for _ in range(room - 700))
        for _ in range(number)
    ]
    return [f"{BASE_URI}/{start}{end}" for end in ends]


@pytest.mark.parametrize("direction", ["", "-"])
def test_a_uri_has_1024_characters_of_any_kind(context, direction):
    uris = long_uris(12)
    for uri in [*uris, *uris]:
        registering.register(dataset_info("long", BASE_URI) | {"uri": uri})
    assert all(len(uri) == 1024 for uri in uris)
    assert all(datasets.find(uri) for uri in uris)
    expected = sorted(uris, reverse=bool(direction))
    listing = datasets.sorted_listing(datasets.every(), f"{direction}uri")
    assert [row["uri"] for row in listing.page(0, 20)] == expected
    found, cursor = [], ""
    while cursor is not None:
        found += [row["uri"] for row in listing.after(cursor, 5)]
        cursor = listing.cursor
    assert found == expected


def test_a_base_uri_is_as_long(context):
    base_uri = long_uris(1)[0]
    for _ in range(2):
        base_uris.register(base_uri)
    assert [row["base_uri"] for row in base_uris.names().page(0, 9)] == [
        BASE_URI,
        base_uri,
    ]


def test_words_are_in_the_order_of_their_characters(context):
    names = ["a", "B", "ab", "a b", "ä", "z", "数", "🍎", "a_b", "A"]
    for name in names:
        register(name)
    listing = datasets.listing(datasets.every(), "name")
    assert [row["name"] for row in listing.page(0, 20)] == sorted(names)


def test_what_has_no_number_comes_last(context):
    for name, number in [("two", 2), ("none", None), ("zero", 0)]:
        register(name, number_of_items=number)
    for sort, expected in [
        ("number_of_items", ["zero", "two", "none"]),
        ("-number_of_items", ["two", "zero", "none"]),
    ]:
        rows = datasets.listing(datasets.every(), sort).page(0, 9)
        assert [row["name"] for row in rows] == expected


@pytest.mark.parametrize("character", ["x", "ü", "数"])
def test_uris_of_1024_characters_are_told_apart_by_the_last(context, character):
    start = f"{BASE_URI}/".ljust(1020, character)
    uris = [f"{start}{n}" for n in ("0001", "0002")]
    for uri in uris * 2:
        registering.register(dataset_info(uri[-4:], BASE_URI, uri=uri))
    rows = datasets.listing(datasets.every(), "uri").page(0, 9)
    assert [row["uri"] for row in rows] == uris


@pytest.mark.parametrize("length", [1024, 10])
def test_a_uri_is_there_once(context, length):
    for column in (BaseURI.base_uri, Dataset.uri):
        model = column.class_
        values = {"base_uri": "x".ljust(length)}
        if model is Dataset:
            now = {"frozen_at": datetime.now(), "created_at": datetime.now()}
            values = {"uri": "x".ljust(length), "uuid": "", "name": "", **now}
            values |= {"creator_username": "", "base_uri_id": base_uris.find(BASE_URI)}
        sql_db.session.add(model(**values))
        sql_db.session.commit()
        sql_db.session.add(model(**values))
        with pytest.raises(IntegrityError):
            sql_db.session.commit()
        sql_db.session.rollback()


@pytest.mark.parametrize(
    "moment", [-62135596800.0, 0.000001, 1500000000.123456, 253402300799.999]
)
def test_times_keep_their_microseconds(context, moment):
    register(frozen_at=moment, created_at=moment)
    [row] = datasets.listing(datasets.every()).page(0, 9)
    assert (row["frozen_at"], row["created_at"]) == (moment, moment)


def test_sums_are_whole_numbers(context):
    for name in ("one", "two", "three"):
        register(name, size_in_bytes=2**63 - 1, tags=["a"])
    summary = summary_of([datasets.every()])
    assert repr(summary["total_size_in_bytes"]) == str(3 * (2**63 - 1))
    assert repr(summary["size_in_bytes_per_tag"]) == str({"a": 3 * (2**63 - 1)})


def test_registering_again_replaces(context):
    uri = register("old", tags=["old", "both"])
    before = datasets.find(uri).id
    register("new", uri=uri, tags=["both", "new"])
    [row] = datasets.listing(datasets.every()).page(0, 9)
    assert (row["name"], row["tags"]) == ("new", ["both", "new"])
    assert datasets.find(uri).id == before


def test_forgetting_leaves_nothing(context):
    registering.forget(register(tags=["a"], readme="apple"))
    for table in sql_db.metadata.sorted_tables:
        if table.name.startswith("dataset"):
            assert sql_db.session.execute(select(table)).first() is None


def test_contents_of_any_size_come_back(client, grumpy, headers):
    # One word that does not get much smaller: more than one packet of MariaDB's.
    readme = random.Random(1).randbytes(18_000_000).hex()
    info = dataset_info(readme=readme)
    answer = client.post("/dataset/register", json=info, headers=headers("librarian"))
    assert answer.status_code == 201
    body = {"uri": uri_of("new-dataset", SNOW_WHITE)}
    answer = client.post("/dataset/readme", json=body, headers=grumpy)
    assert answer.json == readme
