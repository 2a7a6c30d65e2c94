"""Tokens of an institute's identity provider, and keys that rotate."""

import pytest
import requests
from joserfc.jwk import RSAKey

from dtool_lookup_server import create_app, token_keys
from dtool_lookup_server.auth import issue_token
from dtool_lookup_server.errors import ConfigurationError
from tests.conftest import add_people, open_app
from tests.live_server import serve
from tests.security.oidc_provider import CLIENT, Provider


@pytest.fixture
def provider():
    """A provider that listens."""
    provider = Provider()
    with serve(provider.app) as address:
        provider.address = address
        yield provider


@pytest.fixture
def metadata(provider):
    url = f"{provider.address}/.well-known/openid-configuration"
    return requests.get(url, timeout=10).json()


@pytest.fixture
def settings(config, metadata):
    """Settings of a server that takes the provider's tokens."""
    return config | {
        "JWT_JWKS_URL": metadata["jwks_uri"],
        "JWT_ISSUER": metadata["issuer"],
        "JWT_AUDIENCE": CLIENT,
        "JWT_USERNAME_CLAIM": "preferred_username",
    }


@pytest.fixture
def app(settings):
    with open_app(settings) as app:
        add_people(app)
        yield app


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture
def clock(monkeypatch):
    """The time that keys go by, to be moved on: clock[0] += 60."""
    now = [1000.0]
    monkeypatch.setattr(token_keys.time, "monotonic", lambda: now[0])
    return now


def status(client, token, path="/me"):
    return client.get(path, headers={"Authorization": f"Bearer {token}"}).status_code


def of_grumpy(provider, **claims):
    return provider.sign({"preferred_username": "grumpy"} | claims)


def test_a_token_from_the_token_endpoint_counts(client, metadata):
    answer = requests.post(
        metadata["token_endpoint"], data={"username": "grumpy"}, timeout=10
    )
    headers = {"Authorization": f"Bearer {answer.json()['id_token']}"}
    assert client.get("/me", headers=headers).json["username"] == "grumpy"


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://elsewhere.example"},
        {"iss": None},
        {"aud": "another-client"},
        {"aud": ["another-client"]},
        {"aud": None},
        {"exp": 1},
        {"preferred_username": None},
        {"preferred_username": 7},
        {"preferred_username": {"$gt": ""}},
        {"preferred_username": ["grumpy"]},
    ],
    ids=str,
)
def test_a_token_with_other_claims_does_not_count(client, provider, claims):
    assert status(client, of_grumpy(provider, **claims)) in (401, 422)


def test_one_audience_of_several_is_enough(client, provider):
    assert status(client, of_grumpy(provider, aud=["another-client", CLIENT])) == 200


def test_the_subject_is_not_the_user_where_another_claim_is(client, provider):
    token = provider.sign({"preferred_username": "dopey", "sub": "snow-white"})
    assert status(client, token) == 401


def test_an_algorithm_that_is_not_allowed_does_not_count(client, provider):
    token = provider.sign({"preferred_username": "grumpy"}, alg="RS512")
    assert status(client, token) == 422


def test_a_key_of_somebody_else_with_the_same_kid_does_not_count(client, provider):
    stranger = RSAKey.generate_key(2048, {"kid": "first"})
    token = provider.sign({"preferred_username": "grumpy"}, key=stranger)
    assert status(client, token) == 422


def test_keys_are_fetched_once(client, provider):
    for _ in range(5):
        assert status(client, of_grumpy(provider)) == 200
    assert provider.fetches == 1


def test_an_unknown_kid_has_the_keys_fetched_anew(client, provider, clock):
    old = of_grumpy(provider)
    assert status(client, old) == 200
    provider.rotate("second")
    clock[0] += token_keys.SHORTEST_WAIT
    assert status(client, of_grumpy(provider)) == 200
    assert provider.fetches == 2
    assert status(client, old) == 422


def test_made_up_kids_cost_no_fetch_each(client, provider, clock):
    assert status(client, of_grumpy(provider)) == 200
    for number in range(20):
        token = provider.sign({"preferred_username": "grumpy"}, kid=f"made-up-{number}")
        assert status(client, token) == 422
    assert provider.fetches == 1


def test_known_keys_stay_good_while_the_provider_is_away(client, provider, clock):
    token = of_grumpy(provider)
    assert status(client, token) == 200
    provider.down = True
    clock[0] += token_keys.MAX_AGE
    assert status(client, token) == 200


def test_the_waits_grow_while_the_provider_is_away(client, provider, clock):
    provider.down = True
    token = of_grumpy(provider)
    for _ in range(60):
        assert status(client, token) == 503
        clock[0] += token_keys.SHORTEST_WAIT
    assert provider.fetches < 10
    provider.down = False
    clock[0] += token_keys.LONGEST_WAIT
    assert status(client, token) == 200


def test_tokens_of_the_server_itself_count_beside(app, client):
    with app.app_context():
        token = issue_token("sleepy")
    assert status(client, token) == 200


@pytest.mark.parametrize("missing", ["JWT_ISSUER", "JWT_AUDIENCE"])
def test_a_provider_needs_issuer_and_audience(settings, missing):
    with pytest.raises(ConfigurationError, match=missing):
        create_app(settings | {missing: None})


@pytest.mark.parametrize(
    "url", ["http://idp.example.org/jwks", "file:///etc/passwd", "ftp://x/y", "jwks"]
)
def test_keys_are_not_fetched_from_where_others_may_answer(settings, url):
    with pytest.raises(ConfigurationError, match="https"):
        create_app(settings | {"JWT_JWKS_URL": url})


@pytest.mark.parametrize("algorithm", ["HS256", "none", "RS1"])
def test_an_algorithm_without_a_public_key_is_no_setting(config, algorithm):
    with pytest.raises(ConfigurationError, match=algorithm):
        create_app(config | {"JWT_DECODE_ALGORITHMS": ["RS256", algorithm]})


class TestRotation:
    """Several public keys at once."""

    @pytest.fixture
    def folder(self, tmp_path, other_keys):
        folder = tmp_path / "public-keys"
        folder.mkdir()
        (folder / "of-2025.pem").write_text(other_keys.public)
        return folder

    @pytest.fixture
    def old_token(self, config, other_keys, tmp_path):
        """A token of the time when the server had another key."""
        pair = {"JWT_PUBLIC_KEY": other_keys.public}
        pair |= {"JWT_PRIVATE_KEY": other_keys.private}
        with open_app(config | pair) as app:
            add_people(app)
            with app.app_context():
                return issue_token("grumpy")

    @pytest.fixture
    def client(self, old_token, config, folder):
        with open_app(config | {"JWT_PUBLIC_KEYS_FOLDER": str(folder)}) as app:
            yield app.test_client()

    def test_tokens_of_both_keys_count(self, client, old_token, token):
        assert status(client, old_token) == 200
        assert status(client, token("grumpy")) == 200

    def test_a_key_goes_by_the_name_of_its_file(self, client, other_keys):
        key = RSAKey.import_key(other_keys.private, {"kid": "of-2025"})
        token = Provider().sign({"sub": "grumpy", "iss": None, "aud": None}, key=key)
        assert status(client, token) == 200

    def test_the_kid_alone_is_not_enough(self, client, keys):
        key = RSAKey.import_key(keys.private, {"kid": "of-2025"})
        token = Provider().sign({"sub": "grumpy", "iss": None, "aud": None}, key=key)
        assert status(client, token) == 422

    def test_without_its_file_a_key_does_not_count(self, config, old_token):
        with open_app(config) as app:
            assert status(app.test_client(), old_token) == 422

    def test_what_is_no_key_is_named(self, config, folder):
        (folder / "broken.pub").write_text("nonsense")
        with pytest.raises(ConfigurationError, match="JWT_PUBLIC_KEYS_FOLDER"):
            create_app(config | {"JWT_PUBLIC_KEYS_FOLDER": str(folder)})
