"""Revoked tokens: worthless at once, and only those of before."""

import time

import pytest

from dtool_lookup_server.auth import issue_token
from tests.api_018.test_authentication import bearer


@pytest.fixture
def issue(app, client):
    """Make a token as the command line does."""

    def make(username="grumpy", **options):
        with app.app_context():
            return issue_token(username, **options)

    return make


@pytest.fixture
def revoke(app):
    """Run `user revoke-tokens`."""

    def run(username="grumpy"):
        return app.test_cli_runner().invoke(args=["user", "revoke-tokens", username])

    return run


def status(client, token):
    return client.get("/dataset/list", headers=bearer(token)).status_code


@pytest.mark.parametrize("last_forever", [True, False])
def test_earlier_tokens_are_worthless_at_once(client, issue, revoke, last_forever):
    token = issue(last_forever=last_forever)
    assert status(client, token) == 200
    assert revoke().exit_code == 0
    response = client.get("/dataset/list", headers=bearer(token))
    assert (response.status_code, response.json) == (
        401,
        {"msg": "Token has been revoked"},
    )


def test_later_tokens_count(client, issue, revoke):
    revoke()
    assert status(client, issue()) == 200


def test_tokens_of_others_stay(client, issue, revoke):
    token = issue("sleepy")
    revoke("grumpy")
    assert status(client, token) == 200


def test_a_token_that_does_not_say_when_is_worthless(client, token, revoke):
    minimal = token("grumpy")
    assert status(client, minimal) == 200
    revoke()
    assert status(client, minimal) == 401


def test_a_token_of_the_same_second_and_before_is_worthless(client, token, revoke):
    earlier = token("grumpy", iat=int(time.time()))
    revoke()
    assert status(client, earlier) == 401


def test_somebody_unknown_has_no_tokens(revoke):
    result = revoke("dopey")
    assert result.exit_code == 1
    assert "User 'dopey' not registered" in result.stderr
