"""On SQLite the terms of very many items take rows of their own, which nobody notices.

Here a few items are very many, so that a few datasets tell.
"""

import random

import pytest
from sqlalchemy import select, text

from dtool_lookup_server import sql_db
from dtool_lookup_server.plugins import analysis, term_sets
from dtool_lookup_server.plugins.sql import SQLSearch, fts5
from dtool_lookup_server.plugins.text_query import parse, with_terms
from dtool_lookup_server.query import parse as parse_query
from dtool_lookup_server.services import base_uris, indexing, registering, verifying
from dtool_lookup_server.sql_models import Dataset
from tests.conftest import make_config, open_app
from tests.corpus import dataset_info

BASE_URI = "s3://bucket"
PATHS = [f"run_{n % 3}/WT-{n}_rep{n % 2}.fastq.gz" for n in range(40)]


@pytest.fixture
def context(tmp_path, keys, monkeypatch):
    """An application on SQLite to which a few items are very many, with a base URI."""
    few_are_many(monkeypatch)
    with open_app(make_config(tmp_path, keys)) as app, app.app_context():
        base_uris.register(BASE_URI)
        yield app


def few_are_many(monkeypatch):
    monkeypatch.setattr(analysis, "_FEW_PATHS", 4)
    monkeypatch.setattr(term_sets, "TEXT_LENGTH", 100)


def register(name, **fields):
    return registering.register(dataset_info(name, BASE_URI, **fields))


def hits(query):
    """Return the names of the datasets that a text finds, as a set."""
    match = SQLSearch().match_text(query)
    return set(sql_db.session.scalars(select(Dataset.name).where(match.condition)))


def rows_of_more():
    return sql_db.session.scalars(text(f"SELECT items FROM {fts5.MORE}")).all()


def test_no_row_has_the_terms_of_very_many_items(context):
    register("large", items=PATHS)
    first = sql_db.session.scalar(text(f"SELECT items FROM {fts5.TABLE}"))
    rows = [first, *rows_of_more()]
    assert len(rows) > 10
    info = dataset_info("large", BASE_URI, items=PATHS)
    terms = sorted(analysis.analyze_dataset(info).items)
    assert sorted(" ".join(rows).split()) == terms
    assert max(map(len, rows)) < len(" ".join(terms)) / 2


def test_what_many_items_have_is_in_the_datasets_own_row(context):
    register("large", items=PATHS)
    [own] = sql_db.session.scalars(text(f"SELECT items FROM {fts5.TABLE}"))
    assert {"fastq", "fastq__gz", "run__1"} <= set(own.split())
    assert "fastq" not in " ".join(rows_of_more()).split()


def test_few_items_have_no_rows_of_their_own(context):
    register("small", items=PATHS[:4])
    assert rows_of_more() == []


@pytest.mark.parametrize(
    ("free_text", "found"),
    [
        ("WT-7_rep1.fastq.gz", {"large"}),
        ("WT-7", {"large"}),
        ("WT-4*", {"large", "small"}),
        ("fastq", {"large", "small"}),
        ("nothing.fastq.gz", {"small"}),
        # Of several rows, and of the dataset's own.
        ('"WT-7" "WT-38_rep0" "apple pie"', {"large"}),
        ('"WT-7" "nothing.fastq.gz"', set()),
        ("apple -WT-7", {"small"}),
        ("-WT-7", {"small"}),
        ("-WT-7 -WT-4", set()),
        ("-WT-99", {"large", "small"}),
    ],
)
def test_each_is_found_as_if_it_were_in_one_row(context, free_text, found):
    readme = "description: apple pie"
    register("large", readme=readme, items=PATHS)
    register("small", readme=readme, items=["WT-4.fastq.gz", "nothing.fastq.gz"])
    assert hits(parse(free_text)) == found


def test_items_are_found_by_their_field(context):
    register("large", readme="WT-77", items=PATHS)
    register("small", readme="WT-7")
    assert hits(with_terms(parse_query("item:WT-7").tree)) == {"large"}
    assert hits(with_terms(parse_query("item:WT-77").tree)) == set()
    assert hits(with_terms(parse_query("readme:WT-7").tree)) == {"small"}


def test_what_is_asked_makes_no_difference(tmp_path, keys, monkeypatch):
    chance = random.Random(1)
    words = ["apple", "pear", "WT-3", "x1", "rep2", "a", "数据", "2020-01-02"]
    infos = []
    for number in range(12):
        paths = {
            "_".join(chance.choices(words, k=chance.randint(1, 4))) + ".tar.gz"
            for _ in range(chance.randint(2, 30))
        }
        readme = " ".join(chance.choices(words, k=2))
        infos.append(dataset_info(str(number), BASE_URI, readme=readme, items=paths))
    forms = ["{}", '"{}"', "-{}", "{}*", '-"{}"']
    asked = [
        " ".join(
            chance.choice(forms).format(
                chance.choice("_ ").join(chance.choices(words, k=chance.randint(1, 3)))
            )
            for _ in range(chance.randint(1, 3))
        )
        for _ in range(200)
    ]

    def answers(home):
        home.mkdir()
        with open_app(make_config(home, keys)) as app, app.app_context():
            base_uris.register(BASE_URI)
            for info in infos:
                registering.register(info)
            return {query: hits(parse(query)) for query in asked}

    in_one_row = answers(tmp_path / "one")
    few_are_many(monkeypatch)
    assert answers(tmp_path / "many") == in_one_row
    assert 0 < sum(map(bool, in_one_row.values())) < len(asked)


def test_registering_again_leaves_nothing_of_before(context):
    register("large", items=PATHS)
    register("other", items=PATHS)
    number = len(rows_of_more()) // 2
    register("large", items=PATHS[:1])
    assert len(rows_of_more()) == number
    assert hits(parse("WT-7")) == {"other"}


def test_forgetting_leaves_nothing(context):
    registering.forget(register("large", items=PATHS))
    assert rows_of_more() == []


def test_the_next_dataset_does_not_inherit_the_items_of_a_deleted_row(context):
    register("large", items=PATHS)
    sql_db.session.execute(text("DELETE FROM dataset"))
    assert rows_of_more() == []


def kinds_of_outcomes():
    return {outcome.kind for outcome in verifying.verify()}


def test_verify_looks_at_all_rows(context):
    register("large", items=PATHS)
    assert kinds_of_outcomes() == {indexing.UNCHANGED}
    sql_db.session.execute(text(f"DELETE FROM {fts5.MORE} WHERE items LIKE '%wt__7%'"))
    sql_db.session.commit()
    assert kinds_of_outcomes() == {indexing.DIFFERENT}


def test_what_was_registered_in_one_row_is_well_there(context, monkeypatch):
    with monkeypatch.context() as before:
        before.setattr(term_sets, "TEXT_LENGTH", 10**6)
        register("large", items=PATHS)
    assert rows_of_more() == []
    assert hits(parse('"WT-7" "WT-38"')) == {"large"}
    assert kinds_of_outcomes() == {indexing.UNCHANGED}
