"""The text index on SQLite is brought in order, and finds the same before and after."""

import pytest
import sqlalchemy as sa

from dtool_lookup_server import sql_db
from dtool_lookup_server.plugins.sql import fts5
from dtool_lookup_server.services import tidying
from tests.conftest import add_people, make_config, open_app, put_in_bulk
from tests.corpus import DATASETS, dataset_info
from tests.databases import KIND

#: Enough for several segments: each commit makes one.
REGISTERED = 10
#: Segments of about the same size that are left, at most.
LEFT = 4


@pytest.fixture
def app(tmp_path, keys, headers):
    """An app on SQLite with datasets that were registered one after the other."""
    with open_app(make_config(tmp_path, keys)) as app:
        add_people(app)
        client = app.test_client()
        for number in range(REGISTERED):
            info = dataset_info(f"plum-{number}", readme=f"sugar number{number}")
            sent = {"json": info, "headers": headers("librarian")}
            assert client.post("/dataset/register", **sent).status_code == 201
        yield app


@pytest.fixture
def segments(app):
    """Return the number of segments of the text index."""

    def count():
        with app.app_context():
            counted = f"SELECT count(DISTINCT segid) FROM {fts5.TABLE}_idx"
            return sql_db.session.scalar(sa.text(counted))

    return count


@pytest.fixture
def found(app, grumpy):
    """Return the names that a text finds."""

    def search(free_text):
        asked = {"json": {"free_text": free_text}, "headers": grumpy}
        answer = app.test_client().post("/dataset/search?page_size=100", **asked)
        return sorted(row["name"] for row in answer.json)

    return search


@pytest.fixture
def put(app, headers):
    """Register datasets in bulk; return the status of each."""

    def send(number):
        infos = (dataset_info(f"pear-{n}", readme="sugar") for n in range(number))
        return put_in_bulk(app.test_client(), infos, headers("librarian"))

    return send


def test_registering_one_after_the_other_leaves_few(segments):
    # Some of one commit, and some of those that five were united to.
    assert segments() <= LEFT + REGISTERED // (LEFT + 1)


def test_the_command_unites_all_segments(app, segments, found):
    assert segments() > 1
    before = found("sugar"), found("number7"), found('"sugar number3"')
    done = app.test_cli_runner().invoke(args=["database", "tidy"])
    assert (done.exit_code, done.stdout) == (0, "In order\n")
    assert segments() == 1
    assert (found("sugar"), found("number7"), found('"sugar number3"')) == before


def test_what_is_in_order_stays_as_it_is(app, segments):
    for _time in range(2):
        assert app.test_cli_runner().invoke(args=["database", "tidy"]).exit_code == 0
        assert segments() == 1


def test_reindexing_ends_with_it(app, segments):
    assert app.test_cli_runner().invoke(args=["dataset", "reindex"]).exit_code == 0
    assert segments() == 1


def test_registering_many_in_bulk_ends_with_some_of_it(monkeypatch, put, segments):
    monkeypatch.setattr(tidying, "MANY", 3)
    before = segments()
    assert put(3) == [201] * 3
    assert segments() < before


def test_registering_few_does_not(put, segments):
    before = segments()
    assert put(3) == [201] * 3
    assert segments() >= before


def test_what_is_begun_is_gone_on_with(monkeypatch, app, segments, found):
    monkeypatch.setattr(fts5, "_MERGED_AT_ONCE", 1)
    monkeypatch.setattr("dtool_lookup_server.plugins.sql.search._FEW_STEPS", 2)
    monkeypatch.setattr(tidying, "MANY", 0)
    with app.app_context():
        for _time in range(50):
            tidying.tidy_some(1)
            assert len(found("sugar")) == REGISTERED
    assert segments() == 1


def test_where_it_fails_the_registrations_stay(monkeypatch, app, put, found):
    def fail(*_args):
        raise sa.exc.OperationalError("merge", None, Exception("disk I/O error"))

    monkeypatch.setattr(tidying, "MANY", 3)
    monkeypatch.setattr(fts5, "merge", fail)
    assert put(3) == [201] * 3
    assert len(found("sugar")) == REGISTERED + 3


counts_at_once = pytest.mark.skipif(
    KIND != "postgresql", reason="counts rows by itself, at once"
)


def counted():
    """Return the numbers of rows that PostgreSQL believes there to be, by table."""
    known = "SELECT relname, reltuples FROM pg_class WHERE relkind = 'r'"
    return dict(sql_db.session.execute(sa.text(known)).all())


@counts_at_once
def test_postgresql_knows_how_many_rows_its_tables_have(library_app):
    with library_app.app_context():
        for _step in tidying.tidy():
            pass
        numbers = counted()
    assert numbers["dataset"] == numbers["dataset_text"] == len(DATASETS)
    assert numbers["user"] > 0


@counts_at_once
@pytest.mark.parametrize(
    ("known", "found"), [(-1, len(DATASETS)), (len(DATASETS) - 1, len(DATASETS) - 1)]
)
def test_postgresql_counts_when_twice_as_many_have_come(library_app, known, found):
    known_so_far = sa.text(
        "UPDATE pg_class SET reltuples = :known WHERE oid = to_regclass('dataset')"
    )
    with library_app.app_context():
        sql_db.session.execute(known_so_far, {"known": known})
        sql_db.session.commit()
        tidying.tidy_some(tidying.MANY)
        assert counted()["dataset"] == found
