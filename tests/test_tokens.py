"""Tokens that are remembered count as long as they would otherwise, and no longer."""

import time

import flask_jwt_extended.jwt_manager
import pytest
from flask_jwt_extended import get_jwt, get_jwt_identity

from dtool_lookup_server.auth import registered_user
from dtool_lookup_server.utils import delete_users
from tests.conftest import make_key_pair

ME = "/user/info/grumpy"


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def verified(monkeypatch):
    """The tokens whose signatures were verified."""
    tokens = []
    decode = flask_jwt_extended.jwt_manager._decode_jwt

    def note(**arguments):
        tokens.append(arguments["encoded_token"])
        return decode(**arguments)

    monkeypatch.setattr(flask_jwt_extended.jwt_manager, "_decode_jwt", note)
    return tokens


def test_signature_is_verified_once(client, token, verified):
    mine = token("grumpy")
    statuses = [client.get(ME, headers=bearer(mine)).status_code for _ in range(3)]

    assert statuses == [200, 200, 200]
    assert verified == [mine]


def test_each_token_is_verified(client, token, verified):
    for name in ("grumpy", "sleepy", "snow-white"):
        client.get(ME, headers=bearer(token(name)))

    assert len(set(verified)) == 3


def test_remembered_token_ends(client, token):
    # Of the end of a token whole seconds count.
    end = int(time.time()) + 3
    short = token("grumpy", exp=end)
    assert client.get(ME, headers=bearer(short)).status_code == 200

    time.sleep(max(end - time.time(), 0))

    assert client.get(ME, headers=bearer(short)).status_code == 401


def test_user_of_a_remembered_token_is_removed(app, client, grumpy):
    assert client.get("/dataset/list", headers=grumpy).status_code == 200

    with app.app_context():
        delete_users([{"username": "grumpy"}])

    assert client.get("/dataset/list", headers=grumpy).status_code == 401


def test_changed_token_is_not_the_remembered_one(client, token):
    mine = token("grumpy")
    client.get(ME, headers=bearer(mine))
    other = mine[:-4] + ("AAAA" if mine[-4:] != "AAAA" else "BBBB")

    assert client.get(ME, headers=bearer(other)).status_code in (401, 422)


def test_remembered_token_does_not_outlive_the_key(app, client, grumpy):
    assert client.get(ME, headers=grumpy).status_code == 200

    app.config["JWT_PUBLIC_KEY"] = make_key_pair().public

    assert client.get(ME, headers=grumpy).status_code in (401, 422)


def test_what_a_remembered_token_says_can_be_asked(app, client, grumpy):
    @app.get("/names")
    @registered_user
    def names(user):
        return [user.username, get_jwt_identity(), get_jwt()["sub"]]

    answers = [client.get("/names", headers=grumpy).json for _ in range(2)]

    assert answers == [["grumpy"] * 3] * 2
