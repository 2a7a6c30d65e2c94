"""What the embedded search and retrieve plugins find and give back."""

import json
import re
from datetime import timedelta

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, func, inspect, literal, select, text

from dtool_lookup_server.config import read_settings
from dtool_lookup_server.database import open_database
from dtool_lookup_server.errors import (
    ConfigurationError,
    StoreUnavailableError,
    UnknownURIError,
    ValidationError,
)
from dtool_lookup_server.extensions import sql_db
from dtool_lookup_server.plugins.interfaces import Hits
from dtool_lookup_server.plugins.sql import SQLRetrieve, SQLSearch
from dtool_lookup_server.plugins.sql.tables import (
    create_text_index,
    drop_text_index,
    text_engine,
)
from dtool_lookup_server.plugins.text_query import parse
from dtool_lookup_server.sql_models import BaseURI, Dataset, DatasetTag, from_timestamp
from tests.conftest import do_not_wait_for_the_disk
from tests.databases import KIND

BASE_URI = "s3://bucket"
UUID = "8ecd8e05-558a-48e2-b563-0c9ea273e71e"


@pytest.fixture
def session(database_url):
    app = Flask("bare")
    app.config.update(read_settings({"SQLALCHEMY_DATABASE_URI": database_url}))
    open_database(app)
    with app.app_context():
        event.listen(sql_db.engine, "connect", do_not_wait_for_the_disk)
        sql_db.create_all()
        yield sql_db.session
        sql_db.session.remove()
        sql_db.engine.dispose()


@pytest.fixture
def search(session):
    return SQLSearch()


@pytest.fixture
def retrieve(session):
    return SQLRetrieve()


def put_row(info):
    """Do what the core does before it calls the plugins."""
    query = select(BaseURI).where(BaseURI.base_uri == info["base_uri"])
    base_uri = sql_db.session.scalar(query) or BaseURI(base_uri=info["base_uri"])
    query = select(Dataset).where(Dataset.uri == info["uri"])
    dataset = sql_db.session.scalar(query) or Dataset(uri=info["uri"])
    dataset.base_uri = base_uri
    for key in ("uuid", "name", "creator_username"):
        setattr(dataset, key, info[key])
    dataset.frozen_at = dataset.created_at = from_timestamp(info["frozen_at"])
    dataset.tags = [
        DatasetTag(tag=tag, position=n) for n, tag in enumerate(info["tags"])
    ]
    sql_db.session.add(dataset)
    sql_db.session.flush()


@pytest.fixture
def add(search, retrieve):
    def add(label, **changes):
        info = {
            "uuid": UUID,
            "base_uri": BASE_URI,
            "uri": f"{BASE_URI}/{label}",
            "name": "plain",
            "creator_username": "nobody",
            "frozen_at": 1e9,
            "readme": "",
            "manifest": {"items": {}},
            "annotations": {},
            "tags": [],
        } | changes
        if "paths" in info:
            paths = enumerate(info.pop("paths"))
            info["manifest"] = {"items": {str(n): {"relpath": p} for n, p in paths}}
        put_row(info)
        search.register_dataset(info)
        retrieve.register_dataset(info)
        sql_db.session.commit()
        return info["uri"]

    return add


def labels(rows):
    return [row["uri"].removeprefix(f"{BASE_URI}/") for row in rows]


@pytest.fixture
def find(search):
    """Return the labels of what a text finds, the best first."""
    return lambda free_text: labels(search.search({"free_text": free_text}))


@pytest.mark.parametrize(
    ("readme", "free_text"),
    [
        ("two apples", "apple"),
        ("an apple", "Apples"),
        ("we run", "running"),
        ("Müller", "muller"),
        ("muller", "MÜLLER"),
        ("with élan", "elan"),
        ("Привет, мир", "привет"),
        ("数据集说明", "数据集"),
        ("日本語のデータ", "データ"),
        ("한국어 자료", "자료"),
        ("नमूना डेटा", "डेटा"),
        ("بيانات التجربة", "بيانات"),
        ("vitamin C", "c"),
        ("see U00096.3.rev.1.bt2", "U00096.3"),
        ("see U00096.3.rev.1.bt2", "rev.1"),
        ("see U00096.3.rev.1.bt2", "bt2"),
        ("see U00096.3.rev.1.bt2", "u00096.3.r*"),
        ("bread and butter", '"bread and butter"'),
        ("bread and butter", '"bread butter"'),
        ("a red apple", '"red apples"'),
        ("apples", "apples*"),
        ("running", "runn*"),
        ("running", "runnin*"),
        ("c", "c*"),
        ("привет", "прив*"),
        ("apple", "pear apple"),
        ("apple", "apple pear*"),
        ("NEAR AND", "near"),
        ("x" * 300, "x" * 300),
    ],
)
def test_text_that_is_found(add, find, readme, free_text):
    add("one", readme=readme)
    add("other", readme="something else")
    assert find(free_text) == ["one"]


@pytest.mark.parametrize(
    ("readme", "free_text"),
    [
        ("apple", "pear"),
        ("apple", "app"),
        ("a red fox, an apple", '"red apple"'),
        ("apple red", '"red apple"'),
        ("red apple", '"red apple" "green pear"'),
        ("rev 3, then U00096", "U00096.3"),
        ("sample-B", "sample-A"),
        ("number 10", "IS-10"),
        ("red apple", "apple -red"),
        ("red apple", 'apple -"red apple"'),
        ("red apple", "apple -re*"),
        ("red apple", "-apple"),
        ("the and of", "the"),
        ("a - b", "-"),
    ],
)
def test_text_that_is_not_found(add, find, readme, free_text):
    add("one", readme=readme)
    assert find(free_text) == []


@pytest.mark.parametrize(
    "free_text",
    [
        "barley",
        "grower",
        "spring",
        "wheat",
        "loam",
        "42",
        "8ecd8e05",
        "558a",
        UUID,
        UUID.upper(),
        "8ecd8e05-558a*",
        f"{BASE_URI}/one",
        "bucket",
        "WT-3_rep2",
        "WT-3_rep2.fastq",
        "WT-3_rep2.fastq.gz",
        "fastq.gz",
        "raw/WT-3_rep2.fastq.gz",
        '"my notes.txt"',
        "WT-3*",
    ],
)
def test_every_field_is_searched(add, find, free_text):
    add(
        "one",
        name="barley",
        creator_username="grower",
        tags=["spring"],
        readme="not wheat",
        annotations={"soil": ["loam", {"depth": 42}]},
        paths=["raw/WT-3_rep2.fastq.gz", "my notes.txt"],
    )
    add("x", uuid="0" * 36, uri="file://host/x", base_uri="file://host")
    assert find(free_text) == ["one"]


@pytest.mark.parametrize(
    "fields",
    [
        {"tags": ["red", "apple"]},
        {"annotations": {"a": "red", "b": "apple"}},
        {"name": "red", "tags": ["apple"]},
        {"paths": ["red", "apple"]},
    ],
)
def test_a_phrase_does_not_reach_over_two_values(add, find, fields):
    add("one", **fields)
    assert find('"red apple"') == []


def test_words_beside_a_phrase_are_for_the_order_alone(add, find):
    add("without", readme="red apple")
    add("with", readme="red apple pear")
    add("alone", readme="pear")
    assert find('pear "red apple"') == ["with", "without"]


def test_exclusions_alone_find_everything_else_newest_first(add, find):
    add("old", frozen_at=1.0)
    add("apple", readme="apple")
    add("new", frozen_at=2.0)
    assert find("-apple") == ["new", "old"]


def test_a_word_counts_more_in_a_name_than_in_tags_readme_or_items(add, find):
    add("items", paths=["apple"])
    add("readme", readme="apple")
    add("tags", tags=["apple"])
    add("name", name="apple")
    for n in range(9):
        add(f"other{n}")
    assert find("apple") == ["name", "tags", "readme", "items"]


def test_many_items_do_not_hide_a_name(add, find):
    add("readme", readme="apple apple")
    add("name", name="apple", paths=[f"{n}.txt" for n in range(2000)])
    for n in range(9):
        add(f"other{n}")
    assert find("apple") == ["name", "readme"]


def test_equally_good_hits_come_newest_first(add, find):
    for label, frozen_at in [("x1", 1.0), ("x3", 3.0), ("x2", 2.0)]:
        add(label, readme="apple", frozen_at=frozen_at)
    assert find("apple") == ["x3", "x2", "x1"]


def test_registering_again_replaces_the_terms(add, find):
    add("one", readme="apple")
    add("one", readme="pear")
    assert (find("apple"), find("pear")) == ([], ["one"])


def test_deleting_forgets_the_terms(add, find, search, session):
    search.delete_dataset(add("one", readme="apple"))
    session.commit()
    assert find("apple") == []


def test_deleting_what_is_not_known_does_nothing(search, retrieve):
    search.delete_dataset("s3://bucket/none")
    retrieve.delete_dataset("s3://bucket/none")


def test_the_next_dataset_does_not_inherit_the_terms_of_a_deleted_row(add, session):
    add("one", readme="apple")
    session.execute(text("DELETE FROM dataset"))
    assert session.scalar(text("SELECT count(*) FROM dataset_text")) == 0


def test_nothing_is_committed(add, search, session, find):
    add("one", readme="apple")
    search.register_dataset({"uri": f"{BASE_URI}/one", "readme": "pear"})
    session.rollback()
    assert find("apple") == ["one"]


def test_registering_needs_the_row(search, retrieve):
    for plugin in (search, retrieve):
        with pytest.raises(UnknownURIError):
            plugin.register_dataset({"uri": "s3://bucket/none"})


def test_rows_are_those_of_the_old_interface(add, search):
    add("one", tags=["b", "a"], frozen_at=1.25)
    assert search.search({"free_text": "plain"}) == [
        {
            "base_uri": BASE_URI,
            "uri": f"{BASE_URI}/one",
            "uuid": UUID,
            "name": "plain",
            "creator_username": "nobody",
            "frozen_at": 1.25,
            "created_at": 1.25,
            "number_of_items": None,
            "size_in_bytes": None,
            "type": None,
            "dtoolcore_version": None,
            "tags": ["b", "a"],
        }
    ]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["one", "two"]),
        ({"free_text": ""}, ["one", "two"]),
        ({"creator_usernames": ["ann"]}, ["one"]),
        ({"creator_usernames": ["ann", "bob"]}, ["one", "two"]),
        ({"creator_usernames": []}, []),
        ({"base_uris": [BASE_URI]}, ["one", "two"]),
        ({"base_uris": ["s3://other"]}, []),
        ({"uuids": [UUID.upper()]}, ["one"]),
        ({"tags": ["red"]}, ["one", "two"]),
        ({"tags": ["red", "big"]}, ["two"]),
        ({"free_text": "apple", "tags": ["big"]}, []),
        ({"free_text": "-apple", "tags": ["red"]}, ["two"]),
    ],
)
def test_queries_of_the_old_interface(add, search, query, found):
    add("one", creator_username="ann", tags=["red"], readme="apple")
    add("two", creator_username="bob", tags=["red", "big"], uuid="2" * 36)
    assert labels(search.search(query)) == found
    assert search.search_page(query, offset=0, limit=9).total == len(found)


def test_a_page_of_hits(add, search):
    uris = [add(str(n), readme="apple", frozen_at=9.0 - n) for n in range(5)]
    page = search.search_page({"free_text": "apple"}, offset=2, limit=2)
    assert page == Hits(uris[2:4], 5)


def test_lookup_in_some_base_uris(add, search):
    add("one")
    assert labels(search.lookup_uris(UUID.upper(), [BASE_URI])) == ["one"]
    assert search.lookup_uris(UUID, ["s3://other"]) == []


def test_a_match_is_part_of_any_select_from_datasets(add, search, session):
    add("one", readme="apple")
    match = search.match_text(parse("apple -pear"))
    counted = select(func.count()).select_from(Dataset).where(match.condition)
    assert session.scalar(counted) == 1
    subquery = select(Dataset.id).where(match.condition)
    named = select(Dataset.name).distinct().where(Dataset.id.in_(subquery))
    assert session.scalars(named).all() == ["plain"]


def plan_of(match):
    """Return how the database goes about a search in some base URIs, as one text."""
    base_uris = select(BaseURI.id).where(BaseURI.base_uri.in_(["a", "b"]))
    found = select(Dataset).where(match.condition, Dataset.base_uri_id.in_(base_uris))
    found = found.order_by(*match.relevance)
    sql = found.compile(sql_db.engine, compile_kwargs={"literal_binds": True})
    explain = "EXPLAIN QUERY PLAN" if KIND == "sqlite" else "EXPLAIN"
    return "\n".join(map(str, sql_db.session.execute(text(f"{explain} {sql}"))))


def test_a_rare_word_is_looked_up_and_not_scanned_for(add, search, session):
    add("one", readme="apple")
    if KIND == "postgresql":
        # It would rather scan a small table, or its primary key.
        session.execute(text("SET LOCAL enable_seqscan = off"))
        session.execute(text("SET LOCAL enable_indexscan = off"))
    plan = {
        "sqlite": "SCAN dataset_text VIRTUAL TABLE INDEX",
        "postgresql": "Bitmap Index Scan on ix_dataset_text_terms",
        "mariadb": "'dataset_text_term', '(eq_)?ref', '[^']*', 'PRIMARY'",
    }[KIND]
    assert re.search(plan, plan_of(search.match_text(parse("apple"))))


@pytest.mark.skipif(KIND != "postgresql", reason="the plan is PostgreSQL's")
def test_postgresql_does_not_read_the_terms_of_all_datasets(add, search):
    for number in range(20):
        add(f"{number}", readme="apple")
    plan = plan_of(search.match_expression(literal("apple")))
    assert "Seq Scan on dataset_text" not in plan


@pytest.mark.skipif(KIND != "sqlite", reason="the plan is SQLite's")
def test_each_hit_is_looked_up_among_the_datasets(search, session):
    plan = plan_of(search.match_text(parse("apple")))
    assert "SEARCH dataset USING INTEGER PRIMARY KEY" in plan


HOSTILE = [
    '"',
    '"""',
    '" OR "',
    "' OR 1=1 --",
    "AND OR NOT NEAR(a b, 3)",
    "name:apple ^apple {name}:x",
    "(((((",
    "* ** -* a*b*",
    "\0",
    "\ud800 a\udfff*",
    "a.b" * 30_000,
    "w " * 50_000,
    "".join(f"w{n} " for n in range(10_000)),
    "".join(f'"w{n} x" ' for n in range(10_000)),
    "".join(f"-w{n} " for n in range(10_000)),
    "".join(f"w{n}* " for n in range(10_000)),
]


@pytest.mark.parametrize("free_text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_no_error(add, search, free_text):
    add("one", readme=free_text, annotations={"a": free_text})
    assert isinstance(search.search({"free_text": free_text}), list)


@given(st.text(st.characters() | st.sampled_from('"-*. ()^:'), max_size=60))
@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_no_text_is_an_error(search, free_text):
    assert search.search({"free_text": free_text}) == []


@pytest.mark.parametrize("readme", ["", "a: ü\n", "NUL \0 and \ud800", "x" * 10**6])
def test_a_readme_comes_back_as_it_was(add, retrieve, readme):
    assert retrieve.get_readme(add("one", readme=readme)) == readme


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"b": 1, "a": 2},
        {"": 1, "$a.b": 2, "\0": 3, "ü\ud800": "ü\ud800"},
        {"big": 2**200, "small": 1e-300, "tenth": 0.1, "one": 1.0},
        {"deep": [[[{"x": [None, True, False, "1"]}]]]},
    ],
)
def test_annotations_and_manifest_come_back_as_they_were(add, retrieve, value):
    uri = add("one", annotations=value, manifest=value)
    assert repr(retrieve.get_annotations(uri)) == repr(value)
    assert repr(retrieve.get_manifest(uri)) == repr(value)


def test_json_is_handed_on_as_it_is_stored(add, retrieve):
    uri = add("one", annotations={"a": 1}, paths=["b"])
    assert json.loads(retrieve.get_annotations_json(uri)) == {"a": 1}
    assert retrieve.get_manifest_json(uri) == b'{"items":{"0":{"relpath":"b"}}}'


def test_what_json_cannot_hold_is_refused(add):
    with pytest.raises(ValidationError):
        add("one", annotations={"when": timedelta()})


def test_registering_again_replaces_the_contents(add, retrieve):
    add("one", readme="old")
    assert retrieve.get_readme(add("one", readme="new")) == "new"


@pytest.mark.parametrize(
    "name",
    [
        "get_readme",
        "get_manifest",
        "get_annotations",
        "get_manifest_json",
        "get_annotations_json",
    ],
)
def test_contents_of_unknown_and_of_deleted_datasets(add, retrieve, name):
    uri = add("one")
    retrieve.delete_dataset(uri)
    for unknown in (uri, "s3://bucket/none"):
        with pytest.raises(UnknownURIError):
            getattr(retrieve, name)(unknown)


def test_both_plugins_share_the_servers_transaction(search, retrieve):
    assert search.shares_sql_transaction
    assert retrieve.shares_sql_transaction


def test_both_are_healthy_where_their_tables_are(search, retrieve):
    search.check_health()
    retrieve.check_health()


def test_neither_is_healthy_without_its_tables(search, retrieve):
    sql_db.drop_all()
    for plugin in (search, retrieve):
        with pytest.raises(StoreUnavailableError):
            plugin.check_health()


def test_dropping_all_tables_leaves_nothing(session):
    sql_db.drop_all()
    session.commit()
    assert inspect(sql_db.engine).get_table_names() == []


def test_a_migration_may_make_the_index_anew(add, find, session):
    add("one", readme="apple")
    create_text_index(session.connection())
    assert find("apple") == ["one"]
    drop_text_index(session.connection())
    create_text_index(session.connection())
    assert find("apple") == []


def test_a_database_without_an_engine_is_named():
    with pytest.raises(ConfigurationError, match="oracle"):
        text_engine("oracle")


def test_a_search_is_few_statements_whatever_it_finds(add, search, session):
    for n in range(20):
        add(str(n), tags=["red"])
    session.expire_all()
    statements = []
    event.listen(
        sql_db.engine, "before_cursor_execute", lambda *a: statements.append(a[2])
    )
    assert len(search.search({"free_text": "red"})) == 20
    # SQLite is also asked whether there are rows of very many items.
    number = 3 if KIND == "sqlite" else 2
    assert len([sql for sql in statements if sql != "BEGIN"]) == number
