"""Many machines at start: one migrates, the others wait, and all of them are ready."""

import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress

import pytest
import sqlalchemy as sa

from dtool_lookup_server import sql_db
from dtool_lookup_server.migrating import one_at_a_time
from dtool_lookup_server.sql_models import User
from tests.databases import SERVERS, empty_database, listening
from tests.operation.conftest import set_revision

MACHINES = 4


@pytest.fixture(params=["sqlite", *SERVERS])
def database_url(request, tmp_path):
    """URL of an empty database of each kind."""
    with empty_database(request.param, tmp_path) as url:
        yield url


@pytest.fixture
def start(tmp_path, database_url):
    """Start a command on a machine of its own: start("init")."""

    def run(*command):
        return subprocess.Popen(
            [sys.executable, "-m", "dtool_lookup_server", *command],
            env={
                **os.environ,
                "DTOOL_LOOKUP_SERVER_HOME": str(tmp_path),
                "SQLALCHEMY_DATABASE_URI": database_url,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return run


@pytest.mark.parametrize("command", [("init",), ("db", "upgrade")])
def test_every_machine_may_migrate_at_its_start(start, empty_app, command):
    machines = [start(*command) for _ in range(MACHINES)]
    for machine in machines:
        _out, error = machine.communicate(timeout=120)
        assert machine.returncode == 0, error
    with empty_app.app_context():
        versions = sql_db.session.execute(sa.text("SELECT * FROM alembic_version"))
        assert len(versions.all()) == 1
        if command == ("init",):
            users = sql_db.session.scalars(sa.select(User.username))
            assert users.all() == ["admin"]


def test_who_comes_second_waits(start, empty_app):
    with empty_app.app_context(), sql_db.engine.connect() as connection:
        with one_at_a_time(connection):
            second = start("db", "upgrade")
            assert "Waiting for another migration" in second.stderr.readline()
            assert not sa.inspect(sql_db.engine).has_table("base_uri")
        second.communicate(timeout=120)
        assert second.returncode == 0
        assert sa.inspect(sql_db.engine).has_table("base_uri")


def test_a_migration_that_was_killed_holds_nobody_up(start, empty_app):
    first = start("db", "upgrade")
    time.sleep(1.5)
    first.kill()
    first.communicate()
    second = start("db", "upgrade")
    _out, error = second.communicate(timeout=120)
    assert second.returncode == 0, error


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_others_write_does_not_end_a_migration(empty_app):
    runner = empty_app.test_cli_runner()
    assert runner.invoke(args=["db", "upgrade"]).exit_code == 0
    path = sa.make_url(empty_app.config["SQLALCHEMY_DATABASE_URI"]).database

    def write_meanwhile(_connection, _cursor, statement, *_rest):
        # Which step was reached has been read by then, in the same transaction.
        if statement.startswith("DELETE FROM alembic_version"):
            with (
                closing(sqlite3.connect(path, timeout=0)) as other,
                suppress(sqlite3.OperationalError),
            ):
                other.execute("INSERT INTO user (username, is_admin) VALUES ('x', 0)")
                other.commit()

    with listening(sa.Engine, "before_cursor_execute", write_meanwhile):
        done = runner.invoke(args=["db", "upgrade"])
    assert done.exit_code == 0, done.output


def test_an_older_version_leaves_newer_tables_alone(empty_app):
    runner = empty_app.test_cli_runner()
    assert runner.invoke(args=["db", "upgrade"]).exit_code == 0
    set_revision(empty_app, "9999")
    done = runner.invoke(args=["db", "upgrade"])
    assert done.exit_code == 0
    assert "newer version" in done.output
    with empty_app.app_context():
        version = sql_db.session.scalar(sa.text("SELECT * FROM alembic_version"))
    assert version == "9999"
