"""On SQLite, what is acknowledged was synchronised with the disk before."""

import os
from pathlib import Path

import pytest
from sqlalchemy import event, text

from dtool_lookup_server import create_app, engines, sql_db
from dtool_lookup_server.database import transactional
from dtool_lookup_server.services import users


@pytest.fixture
def on_disk(tmp_path):
    """An application with its database in a file."""
    url = f"sqlite:///{tmp_path}/lookup.db"
    app = create_app({"SQLALCHEMY_DATABASE_URI": url})
    with app.app_context():
        sql_db.create_all()
        sql_db.session.commit()
        yield app


@pytest.fixture
def steps(on_disk, monkeypatch):
    """What happens, in order: commits, and the names of files that are synchronised."""
    found = []
    synchronise = engines._synchronise

    def note(file):
        found.append(Path(os.readlink(f"/proc/self/fd/{file}")).name)
        synchronise(file)

    monkeypatch.setattr(engines, "_synchronise", note)
    event.listen(sql_db.engine, "commit", lambda _connection: found.append("commit"))
    return found


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="not Linux")
def test_the_log_is_synchronised_after_the_commit(steps):
    users.add("grumpy")

    assert steps[-2:] == ["commit", "lookup.db-wal"]


def test_an_inner_use_case_waits_for_the_outer_one(steps):
    @transactional
    def two_users():
        users.add("grumpy")
        users.add("sleepy")

    two_users()

    assert steps.count("lookup.db-wal") == 1


def test_other_transactions_are_synchronised_by_sqlite(on_disk):
    users.add("grumpy")

    assert sql_db.session.scalar(text("PRAGMA synchronous")) == 2


def test_in_memory_there_is_no_log(app):
    with app.app_context():
        engines.make_durable(sql_db.engine)
        users.add("bashful")
        assert users.find("bashful")
