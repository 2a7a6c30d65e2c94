"""Counters say what there is, on each database, whatever happens at once."""

import random
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import pytest
from sqlalchemy import delete, select, update

from dtool_lookup_server import sql_db
from dtool_lookup_server.services import base_uris, counters, datasets, registering
from dtool_lookup_server.services import summary as summarising
from dtool_lookup_server.services.users import require
from dtool_lookup_server.sql_models import BaseURI, dataset_counter
from tests.conftest import add_people
from tests.corpus import DATASETS, MR_MEN, SNOW_WHITE, dataset_info
from tests.databases import listening

CLIENTS = 8
ROUNDS = 12


@pytest.fixture
def library(app):
    """An application context with the datasets of tests/corpus.py."""
    add_people(app)
    with app.app_context():
        for info in DATASETS:
            registering.register(info)
        yield app


def wrong():
    ids = list(sql_db.session.scalars(select(BaseURI.id)))
    return [found for base_uri_id in ids for found in counters.verify(base_uri_id)]


def summaries():
    grumpy = require("grumpy")
    return (
        summarising.summary(grumpy),
        summarising.summary_of([datasets.visible(grumpy)]),
    )


def test_registered_datasets_are_counted(library):
    assert wrong() == []
    kept, counted = summaries()
    assert kept == counted
    assert kept["number_of_datasets"] == len(DATASETS)


REPLACEMENTS = [
    {"creator_username": "another"},
    {"tags": ["new", "veg"]},
    {"tags": []},
    {"size_in_bytes": 2**62, "number_of_items": 1},
    {"size_in_bytes": ...},
    {},
]


def test_replaced_dataset_is_counted_as_it_is_now(library):
    for fields in REPLACEMENTS:
        registering.register(dataset_info("carrot-stew", **fields))

        assert wrong() == []
        kept, counted = summaries()
        assert kept == counted


def test_uploader_is_counted_instead_of_the_one_before(library):
    info = dataset_info("carrot-stew")
    for name in ("grumpy", "librarian"):
        registering.register_as(require(name), info)

    assert wrong() == []
    assert summaries()[0]["datasets_per_uploader"] == {"librarian": 1}


def test_sizes_add_up_beyond_what_a_column_holds(library):
    for number in range(3):
        registering.register(
            dataset_info(f"huge-{number}", number_of_items=1, size_in_bytes=2**63 - 1)
        )

    kept, counted = summaries()
    assert kept == counted
    assert kept["total_size_in_bytes"] > 3 * (2**63 - 1)


def test_forgotten_datasets_are_not_counted(library):
    for info in DATASETS:
        registering.forget(info["uri"])

    assert wrong() == []
    assert summaries()[0] == summaries()[1]
    assert counters.total(require("grumpy")) == 0


def test_refused_dataset_is_not_counted(library, monkeypatch):
    def fail(dataset_info):
        raise RuntimeError

    monkeypatch.setattr(library.retrieve, "register_dataset", fail)
    with pytest.raises(RuntimeError):
        registering.register(dataset_info("refused"))

    sql_db.session.commit()
    assert wrong() == []
    assert counters.total(require("grumpy")) == len(DATASETS)


def test_counters_are_right_after_many_clients_at_once(library, headers):
    """They register, replace and forget the same few datasets, and permissions change.

    In one base URI and in two, alone and many together.
    """
    librarian = headers("librarian")

    def go_on(seed):
        lot = random.Random(seed)
        client = library.test_client()
        for _round in range(ROUNDS):
            info = dataset_info(
                f"contested-{lot.randrange(4)}",
                lot.choice([SNOW_WHITE, MR_MEN]),
                creator_username=f"creator-{lot.randrange(3)}",
                tags=[f"tag-{lot.randrange(5)}" for _tag in range(2)],
                size_in_bytes=lot.randrange(2**40),
            )
            match lot.randrange(4):
                case 0:
                    reply = client.delete(f"/uris/{info['uri']}", headers=librarian)
                case 1:
                    permissions = {
                        "base_uri": MR_MEN,
                        "users_with_search_permissions": lot.choice([["grumpy"], []]),
                        "users_with_register_permissions": ["librarian"],
                    }
                    reply = client.post(
                        "/admin/permission/update_on_base_uri",
                        json=permissions,
                        headers=headers("snow-white"),
                    )
                case _:
                    reply = client.post(
                        "/dataset/register", json=info, headers=librarian
                    )
            assert reply.status_code in (200, 201), reply.text

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(go_on, range(CLIENTS)))

    assert wrong() == []
    kept, counted = summaries()
    assert kept == counted


def test_permission_counts_at_once(library, headers, client):
    def seen():
        reply = client.get("/dataset/summary", headers=headers("sleepy"))
        return reply.json["number_of_datasets"]

    before = seen()
    permissions = {
        "base_uri": SNOW_WHITE,
        "users_with_search_permissions": [],
        "users_with_register_permissions": [],
    }
    client.post(
        "/admin/permission/update_on_base_uri",
        json=permissions,
        headers=headers("snow-white"),
    )

    assert (before, seen()) == (7, 0)


def test_wrong_counters_are_found_and_mended(library):
    base_uri_id = base_uris.require(SNOW_WHITE)
    table = dataset_counter.c
    here = table.base_uri_id == base_uri_id
    changed = update(dataset_counter).where(here, table.kind == counters.ALL)
    sql_db.session.execute(changed.values(number=1000))
    gone = here & (table.kind == counters.TAG) & (table.value == "veg")
    sql_db.session.execute(delete(dataset_counter).where(gone))
    sql_db.session.commit()

    found = counters.verify(base_uri_id)
    assert [(item.kind, item.value, item.kept[0]) for item in found] == [
        ("all", "", 1000),
        ("tag", "veg", 0),
    ]
    assert counters.verify(base_uri_id, mend=True) == found
    assert wrong() == []
    assert summaries()[0] == summaries()[1]


def test_counters_are_made_anew_as_they_were(library):
    everything = select(dataset_counter).order_by(*dataset_counter.primary_key)
    before = sql_db.session.execute(everything).all()

    counters.fill(sql_db.session.connection())

    assert sql_db.session.execute(everything).all() == before


@pytest.mark.parametrize("close", [0, 10**9], ids=["far apart", "close"])
def test_pages_lie_where_the_counters_say(app, monkeypatch, close):
    monkeypatch.setattr(counters, "BLOCK_IDS", 4)
    monkeypatch.setattr(datasets, "_CLOSE", close)
    add_people(app)
    with app.app_context():
        for number in range(30):
            base_uri = MR_MEN if number % 5 else SNOW_WHITE
            registering.register(dataset_info(f"numbered-{number}", base_uri))
        for number in range(10, 17):
            base_uri = MR_MEN if number % 5 else SNOW_WHITE
            registering.forget(dataset_info(f"numbered-{number}", base_uri)["uri"])
        for user in map(require, ("grumpy", "sleepy", "noone")):
            usual = datasets.listing(datasets.visible(user))
            listing = datasets.list_visible(user)

            assert listing.total() == usual.total()
            for size, offset in product((1, 3, 10, 100), range(0, 31, 2)):
                assert listing.page(offset, size) == usual.page(offset, size)


COUNTED = [
    {"tags": ["veg"]},
    {"creator_usernames": ["queen", "mr.strong", "queen"]},
    {"creator_usernames": ["queen"], "base_uris": [SNOW_WHITE]},
    {"base_uris": [MR_MEN + "/"]},
    {"base_uris": []},
    {"tags": ["no such"]},
    {},
]
NOT_COUNTED = [
    {"tags": ["fruit", "veg"]},
    {"tags": ["veg"], "creator_usernames": ["grumpy"]},
    {"uuids": ["7b4a3b5e-6f0f-4c27-9d53-2b0ce3a1f0aa"]},
    {"free_text": "apple"},
    {"min_size": 10},
    {"uploaded_by": ["grumpy"]},
]


# With few datasets in all, a query's hits are many, and it goes through all of them.
@pytest.mark.parametrize("datasets_in_all", [-1, 10**9])
def test_counted_queries_find_what_others_do(library, monkeypatch, datasets_in_all):
    monkeypatch.setattr(counters, "total", lambda user: datasets_in_all)
    user = require("grumpy")
    for query in COUNTED:
        usual = datasets.listing(datasets.narrowed(datasets.visible(user), query))
        listing = datasets.of_lists(user, query)

        assert counters.total_of(user, query) is not None
        assert listing.total() == usual.total(), query
        for offset in (0, 1, 5):
            assert listing.page(offset, 3) == usual.page(offset, 3), query


def test_of_other_queries_nobody_keeps_count(library):
    counted = [counters.total_of(require("grumpy"), query) for query in NOT_COUNTED]

    assert counted == [None] * len(NOT_COUNTED)


#: What is in a plan that gathers all before it sorts them. PostgreSQL decides by the
#: numbers of rows; MariaDB does so for the order, and is to leave indexes alone.
GATHERS = {"sqlite": "USE TEMP B-TREE", "mariadb": "ix_dataset_"}


def test_what_many_have_is_found_in_order(library):
    dialect = sql_db.engine.dialect.name
    if dialect not in GATHERS:
        pytest.skip("decides by itself")
    sent = []

    def note(_connection, _cursor, statement, parameters, *_others):
        sent.append((statement, parameters))

    query = {"creator_usernames": ["queen", "mr.strong"]}
    listing = datasets.of_lists(require("grumpy"), query)
    with listening(sql_db.engine, "before_cursor_execute", note):
        assert len(listing.page(0, 1)) == 1
    [(statement, parameters)] = [one for one in sent if "LIMIT" in one[0]]
    explain = "EXPLAIN QUERY PLAN" if dialect == "sqlite" else "EXPLAIN"
    plan = sql_db.session.connection().exec_driver_sql(
        f"{explain} {statement}", parameters
    )
    assert GATHERS[dialect] not in str(plan.all())
