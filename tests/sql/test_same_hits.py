"""Engines of full text differ in speed and not in what they find."""

import random

import pytest
from sqlalchemy import select

from dtool_lookup_server import sql_db
from dtool_lookup_server.plugins.sql import SQLSearch, term_rows
from dtool_lookup_server.plugins.text_query import parse
from dtool_lookup_server.services import base_uris, registering
from dtool_lookup_server.sql_models import Dataset
from tests.conftest import make_config, open_app
from tests.corpus import dataset_info, manifest_of
from tests.databases import SERVERS, empty_database

BASE_URI = "s3://bucket"

# Stop words of the analyzer and of databases, short ones, accents, identifiers.
TEXT = """
    a i x the com www und de la en about from apple apples red réd Über 7 42 c 数据
    데이터 U00096.3 rev.1 WT-3_rep2 wt x1 mine diamond running runs
"""
WORDS = TEXT.split()
FORMS = ["{}", "{}", '"{}"', '"{}"', "-{}", '-"{}"', "{}*", "-{}*"]


def documents():
    """Return the READMEs of some datasets, the same in every run."""
    chance = random.Random(1)
    return [" ".join(chance.choices(WORDS, k=chance.randint(1, 12))) for _ in range(60)]


def queries():
    """Return what is asked: single words, and mixtures, the same in every run."""
    chance = random.Random(2)
    pieces = [
        chance.choice(FORMS).format(" ".join(chance.choices(WORDS, k=number)))
        for number in [1, 2, 1, 3] * 75
    ]
    mixtures = [" ".join(chance.choices(pieces, k=n)) for n in [2, 3, 6] * 50]
    return [*WORDS, *pieces, *mixtures]


def hits(free_text):
    """Return the names of the datasets that a text finds, as a set."""
    match = SQLSearch().match_text(parse(free_text))
    return set(sql_db.session.scalars(select(Dataset.name).where(match.condition)))


def answers(config):
    """Return what each query finds on the database of an app."""
    with open_app(config) as app, app.app_context():
        base_uris.register(BASE_URI)
        for number, readme in enumerate(documents()):
            info = dataset_info(str(number), BASE_URI, readme=readme)
            registering.register(info)
        return {query: hits(query) for query in queries()}


@pytest.fixture(scope="module")
def expected(tmp_path_factory, keys):
    """What each query finds on SQLite."""
    return answers(make_config(tmp_path_factory.mktemp("expected"), keys))


@pytest.mark.parametrize("kind", SERVERS)
def test_every_engine_finds_the_same(kind, tmp_path, keys, expected):
    with empty_database(kind, tmp_path) as url:
        assert answers(make_config(tmp_path, keys, url)) == expected
    assert 0 < sum(map(bool, expected.values())) < len(expected)


@pytest.fixture
def context(app):
    """An application context, and one base URI."""
    with app.app_context():
        base_uris.register(BASE_URI)
        yield app


def register(name, **fields):
    registering.register(dataset_info(name, BASE_URI, **fields))


def test_a_text_that_takes_many_rows_is_one_text(context, monkeypatch):
    monkeypatch.setattr(term_rows, "_ROW_BYTES", 10_000)
    words = [f"w{n}" for n in range(3000)]
    register("long", readme=" ".join(words), items=[f"i{n}.txt" for n in range(500)])
    register("short", readme="w1 w2 w2999")
    for start in range(0, 2990, 7):
        assert hits(f'"{" ".join(words[start : start + 9])}"') == {"long"}
    assert hits('"w1 w2" "w2998 w2999"') == {"long"}
    assert hits("w1 -w2998") == {"short"}
    assert hits('"w1 w2" -i499.txt') == {"short"}
    assert hits("-w2998") == {"short"}


def test_a_large_dataset_is_found_by_each_of_its_words(context):
    readme = " ".join(f"word{n} {n % 100}" for n in range(60_000))
    paths = [f"folder{n % 100}/file-{n:06}.txt" for n in range(20_000)]
    register("large", readme=readme, manifest=manifest_of(*paths))
    register("small")
    for query in (
        '"word0 0"',
        '"word59999 99"',
        '"word34999 99 word35000 0"',
        "file-019999.txt",
        "folder99/file-000099*",
        "word59999 -word2000000",
        '"word5 5" "word50000 0"',
    ):
        assert hits(query) == {"large"}
    assert hits('"word0 1"') == set()
