"""Revoked tokens: worthless at once, and only those of before."""

import time

import pytest

from dtool_lookup_server.auth import issue_token
from dtool_lookup_server.utils import delete_users, register_users
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


# Who is removed, and who has the same name later


def by_command(app, headers):
    """Remove a user and add another of the same name, by the commands."""
    run = app.test_cli_runner().invoke
    for command in ("delete", "add"):
        assert run(args=["user", command, "grumpy"]).exit_code == 0


def by_rest(app, headers):
    """Do so by the REST API."""
    client, admin = app.test_client(), headers("snow-white")
    assert client.delete("/users/grumpy", headers=admin).status_code == 200
    assert client.put("/users/grumpy", json={}, headers=admin).status_code == 201


def by_python(app, headers):
    """Do so by 0.18's names in Python."""
    with app.app_context():
        delete_users([{"username": "grumpy"}])
        register_users([{"username": "grumpy"}])


def by_0_18(app, headers):
    """Do so by a command and 0.18's API, which removes nobody."""
    args = ["user", "delete", "grumpy"]
    assert app.test_cli_runner().invoke(args=args).exit_code == 0
    path, body = "/admin/user/register", [{"username": "grumpy"}]
    answer = app.test_client().post(path, json=body, headers=headers("snow-white"))
    assert answer.status_code == 201


WAYS = [by_command, by_rest, by_python, by_0_18]


@pytest.fixture(params=WAYS, ids=lambda way: way.__name__)
def replace_grumpy(app, headers, request):
    """Remove grumpy, and add somebody else of that name."""
    return lambda: request.param(app, headers)


def test_tokens_of_who_was_removed_are_not_the_next_one_s(
    client, issue, token, replace_grumpy
):
    earlier = [
        issue(),
        issue(last_forever=True),
        token("grumpy"),
        token("grumpy", iat=time.time()),
    ]
    assert [status(client, each) for each in earlier] == [200] * len(earlier)
    replace_grumpy()
    assert [status(client, each) for each in earlier] == [401] * len(earlier)
    later = [issue(), token("grumpy", iat=time.time())]
    assert [status(client, each) for each in later] == [200] * len(later)


def test_a_token_of_between_two_users_is_the_second_one_s(client, app, token):
    def run(command):
        args = ["user", command, "grumpy"]
        assert app.test_cli_runner().invoke(args=args).exit_code == 0

    def new():
        return token("grumpy", iat=time.time())

    run("delete")
    between = new()
    assert status(client, between) == 401
    run("add")
    assert status(client, between) == 200
    run("delete")
    last = new()
    run("add")
    assert [status(client, each) for each in (between, last)] == [401, 200]


@pytest.mark.parametrize("claims", [{}, {"iat": 1}])
def test_a_token_of_before_its_first_user_counts(app, client, token, claims):
    early = token("dopey", **claims)
    assert status(client, early) == 401
    # Removing somebody who is not registered is no removal.
    run = app.test_cli_runner().invoke
    for command in ("delete", "add"):
        assert run(args=["user", command, "dopey"]).exit_code == 0
    assert status(client, early) == 200


def test_revoked_tokens_stay_so_when_their_user_is_replaced(
    client, issue, revoke, replace_grumpy
):
    token = issue()
    revoke()
    replace_grumpy()
    assert status(client, token) == 401
    assert status(client, issue()) == 200
