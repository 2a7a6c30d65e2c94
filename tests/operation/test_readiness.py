"""/config/ready: whether the server can serve, and for admins why not."""

import pytest

from tests.conftest import add_people
from tests.operation.conftest import set_revision


@pytest.fixture
def ready(empty_app):
    """Ask whether an initialised server is ready: ready(headers)."""
    assert empty_app.test_cli_runner().invoke(args=["db", "upgrade"]).exit_code == 0
    add_people(empty_app)
    client = empty_app.test_client()
    return lambda headers=None: client.get("/config/ready", headers=headers)


@pytest.mark.parametrize("username", [None, "grumpy", "dopey"])
def test_everybody_hears_that_it_is_ready(ready, headers, username):
    response = ready(headers(username) if username else None)
    assert (response.status_code, response.json) == (200, {"status": "ready"})


def test_a_bad_token_is_as_none(ready):
    assert ready({"Authorization": "Bearer nonsense"}).json == {"status": "ready"}


def test_admins_hear_what_was_looked_at(ready, admin):
    checks = ready(admin).json["checks"]
    assert set(checks.values()) == {"ok"}
    assert {"the database", "the search plugin", "the migrations", "the key"} <= set(
        checks
    )


def test_tables_of_an_older_version_are_not_ready(empty_app, ready, admin, grumpy):
    set_revision(empty_app, "0002")
    assert ready(grumpy).status_code == 503
    assert "migrations" not in ready(grumpy).json["message"]
    assert "the migrations: run `db upgrade`" in ready(admin).json["message"]


def test_tables_of_a_newer_version_will_do(empty_app, ready):
    set_revision(empty_app, "9999")
    assert ready().status_code == 200


def test_a_database_without_tables_is_not_ready(empty_app):
    response = empty_app.test_client().get("/config/ready")
    assert (response.status_code, response.json["message"]) == (503, "Not ready")


@pytest.mark.parametrize("plugin", ["search", "retrieve"])
def test_a_store_that_is_away(empty_app, ready, admin, monkeypatch, plugin):
    def fail():
        raise ConnectionError("mongodb://user:secret@host")

    monkeypatch.setattr(getattr(empty_app, plugin), "check_health", fail)
    message = ready(admin).json["message"]
    assert message == f"Not ready: the {plugin} plugin: does not answer"
    assert ready().json["message"] == "Not ready"
