"""/config/health: whether the server and its stores answer."""

import pytest

from dtool_lookup_server import sql_db
from dtool_lookup_server.errors import StoreUnavailableError


def test_a_healthy_server_says_so_to_everybody(library):
    response = library.get("/config/health")
    assert (response.status_code, response.json) == (200, {"status": "healthy"})


def test_a_database_without_tables_is_503(app, client):
    with app.app_context():
        sql_db.drop_all()
    response = client.get("/config/health")
    assert response.status_code == 503
    assert "the database" in response.json["message"]


@pytest.mark.parametrize("plugin", ["search", "retrieve"])
@pytest.mark.parametrize("error", [StoreUnavailableError, RuntimeError])
def test_a_store_that_does_not_answer_is_named(app, client, monkeypatch, plugin, error):
    def fail():
        raise error("mongodb://user:secret@host")

    monkeypatch.setattr(getattr(app, plugin), "check_health", fail)
    response = client.get("/config/health")
    assert response.status_code == 503
    assert response.json["code"] == 503
    assert response.json["message"] == f"Not answering: the {plugin} plugin"
