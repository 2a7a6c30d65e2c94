"""/config/ready: whether the server can serve, and for admins why not."""

import pytest
import sqlalchemy as sa

from dtool_lookup_server import create_app, sql_db
from tests.conftest import add_people


@pytest.fixture
def ready(app, runner):
    """Ask whether an initialised server is ready: ready(headers)."""
    assert runner.invoke(args=["db", "upgrade"]).exit_code == 0
    add_people(app)
    client = app.test_client()
    return lambda headers=None: client.get("/config/ready", headers=headers)


@pytest.fixture
def app(config):
    """An app whose tables its migrations make."""
    app = create_app(config)
    yield app
    with app.app_context():
        sql_db.drop_all()
        sql_db.session.execute(sa.text("DROP TABLE IF EXISTS alembic_version"))
        sql_db.session.commit()
        sql_db.engine.dispose()


def set_revision(app, revision):
    """Write into the database which migration it has reached."""
    with app.app_context():
        sql_db.session.execute(
            sa.text("UPDATE alembic_version SET version_num = :revision"),
            {"revision": revision},
        )
        sql_db.session.commit()


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


def test_tables_of_an_older_version_are_not_ready(app, ready, admin, grumpy):
    set_revision(app, "0002")
    assert ready(grumpy).status_code == 503
    assert "migrations" not in ready(grumpy).json["message"]
    assert "the migrations: run `db upgrade`" in ready(admin).json["message"]


def test_tables_of_a_newer_version_will_do(app, ready):
    set_revision(app, "9999")
    assert ready().status_code == 200


def test_a_database_without_tables_is_not_ready(app):
    response = app.test_client().get("/config/ready")
    assert (response.status_code, response.json["message"]) == (503, "Not ready")


@pytest.mark.parametrize("plugin", ["search", "retrieve"])
def test_a_store_that_is_away_is_not_ready(app, ready, admin, monkeypatch, plugin):
    def fail():
        raise ConnectionError("mongodb://user:secret@host")

    monkeypatch.setattr(getattr(app, plugin), "check_health", fail)
    message = ready(admin).json["message"]
    assert message == f"Not ready: the {plugin} plugin: does not answer"
    assert ready().json["message"] == "Not ready"
