"""Flask's sessions work for plugins that use them, and cost nobody else anything."""

from flask import session


def test_a_session_is_kept(app, client):
    @app.get("/count")
    def count():
        session["times"] = session.get("times", 0) + 1
        return [session["times"]]

    assert [client.get("/count").json for _ in range(3)] == [[1], [2], [3]]


def test_without_one_no_cookie_is_set(client):
    assert "Set-Cookie" not in client.get("/config/health").headers
