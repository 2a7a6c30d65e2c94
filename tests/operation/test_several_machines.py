"""Machines with home folders of their own, and one database."""

import shutil

import pytest

from dtool_lookup_server import create_app, sql_db

KEYS = ("jwt_key", "jwt_key.pub", "secret_key")


@pytest.fixture
def machine(tmp_path, database_url):
    """Make a server with a home folder of its own: machine("first")."""
    apps = []

    def make(name):
        home = tmp_path / name
        config = {
            "DTOOL_LOOKUP_SERVER_HOME": str(home),
            "SQLALCHEMY_DATABASE_URI": database_url,
        }
        apps.append(create_app(config))
        done = apps[-1].test_cli_runner().invoke(args=["init", "--admin", "queen"])
        assert done.exit_code == 0, done.output
        return apps[-1], home

    yield make
    for app in apps:
        with app.app_context():
            sql_db.session.remove()
            sql_db.engine.dispose()


def token_of(app):
    done = app.test_cli_runner().invoke(args=["user", "token", "queen"])
    return {"Authorization": f"Bearer {done.stdout.strip()}"}


def test_with_the_keys_of_the_first_all_take_its_tokens(machine, tmp_path):
    first, home = machine("first")
    (tmp_path / "second").mkdir()
    for name in KEYS:
        shutil.copy(home / name, tmp_path / "second" / name)
    second, _home = machine("second")
    for one, other in ((first, second), (second, first)):
        answer = other.test_client().get("/me", headers=token_of(one))
        assert (answer.status_code, answer.json["username"]) == (200, "queen")


def test_keys_of_their_own_refuse_each_others_tokens(machine):
    first, _home = machine("first")
    second, _home = machine("second")
    answer = second.test_client().get("/me", headers=token_of(first))
    assert answer.status_code == 422
    assert "Signature verification failed" in str(answer.json)
