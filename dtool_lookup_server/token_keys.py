"""Which key verifies a token: chosen by the kid of its header.

The server's own keys come from settings; an identity provider's from its JWK Set
(RFC 7517), which is fetched when it is needed and kept.
"""

import hashlib
import json
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Flask, current_app
from jwt import PyJWKSet, PyJWTError
from jwt.algorithms import RSAAlgorithm
from jwt.utils import base64url_encode

from . import keys
from .errors import ConfigurationError, StoreUnavailableError
from .extensions import jwt

EXTENSION_KEY = "dtool_lookup_server_token_keys"

#: Algorithms with a key that may be public. With HS256 who verifies could sign.
ALGORITHMS = frozenset(
    {
        *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
        *("ES256", "ES384", "ES512", "EdDSA"),
    }
)

#: Seconds that keys of an identity provider are used before they are fetched anew.
MAX_AGE = 3600
#: Seconds between two fetches at least; after a failure twice as long, up to the most.
SHORTEST_WAIT = 10
LONGEST_WAIT = 300
#: Seconds that a provider has to answer, and bytes that its answer may have.
TIMEOUT = 5
LARGEST = 1024 * 1024

# Not "oct": a secret that both sides share is not public.
_KEY_TYPES = ("RSA", "EC", "OKP")

_SUFFIXES = (".pem", ".pub")


class RemoteKeys:
    """The public keys of an identity provider.

    An unknown kid has them fetched anew, since providers change keys, but not more
    often than the wait: anybody may send tokens with made-up kids. Where the provider
    does not answer the keys that are known stay good.

    :param url: of its JWK Set
    """

    def __init__(self, url: str):
        self._url = url
        self._lock = threading.Lock()
        self._keys: dict[str, Any] = {}
        self._fetched_at = -float(MAX_AGE)
        self._next_fetch = 0.0
        self._wait = SHORTEST_WAIT
        self._failing = False

    def find(self, kid: str) -> Any:
        """Return the key with an id, or None where the provider has none.

        :raises StoreUnavailableError: if that cannot be told, for the provider does not
            answer
        """
        with self._lock:
            now = time.monotonic()
            known = kid in self._keys and now < self._fetched_at + MAX_AGE
            if not known and now >= self._next_fetch:
                self._fetch(now)
            if kid not in self._keys and self._failing:
                raise StoreUnavailableError("The identity provider does not answer")
            return self._keys.get(kid)

    def _fetch(self, now: float) -> None:
        try:
            self._keys = _keys_of(_read(self._url))
        except (OSError, ValueError, PyJWTError) as error:
            current_app.logger.error("JWT_JWKS_URL: %s", type(error).__name__)
            self._failing = True
            self._next_fetch = now + self._wait
            self._wait = min(2 * self._wait, LONGEST_WAIT)
        else:
            self._failing = False
            self._wait = SHORTEST_WAIT
            self._fetched_at = now
            self._next_fetch = now + SHORTEST_WAIT


def configure(app: Flask) -> None:
    """Fill in what the extension for tokens is to know, from the settings.

    :raises ConfigurationError: naming a setting that is missing or wrong
    """
    settings = app.config
    if unknown := set(settings["JWT_DECODE_ALGORITHMS"]) - ALGORITHMS:
        raise ConfigurationError(
            "Setting JWT_DECODE_ALGORITHMS: tokens are not verified with"
            f" {', '.join(sorted(unknown))}, but with {', '.join(sorted(ALGORITHMS))}"
        )
    url = settings["JWT_JWKS_URL"]
    if url:
        _check_provider(url, settings)
    settings["JWT_DECODE_ISSUER"] = settings["JWT_ENCODE_ISSUER"] = settings[
        "JWT_ISSUER"
    ]
    settings["JWT_DECODE_AUDIENCE"] = settings["JWT_ENCODE_AUDIENCE"] = settings[
        "JWT_AUDIENCE"
    ]
    settings["JWT_IDENTITY_CLAIM"] = settings["JWT_USERNAME_CLAIM"]
    settings["JWT_KEY_ID"] = _thumbprint(settings["JWT_PUBLIC_KEY"])
    app.extensions[EXTENSION_KEY] = (
        _further_keys(settings["JWT_PUBLIC_KEYS_FOLDER"]),
        RemoteKeys(url) if url else None,
    )


@jwt.decode_key_loader
def key_of(header: dict[str, Any], _claims: dict[str, Any]) -> Any:
    """Return the key that a token must be signed with.

    :param header: of the token, which nobody has verified yet
    :raises StoreUnavailableError: if it cannot be told
    """
    further, remote = current_app.extensions[EXTENSION_KEY]
    settings = current_app.config
    kid = header.get("kid")
    if isinstance(kid, str) and kid != settings["JWT_KEY_ID"]:
        if kid in further:
            return further[kid]
        if remote is not None and (key := remote.find(kid)) is not None:
            return key
    return settings["JWT_PUBLIC_KEY"]


def _check_provider(url: str, settings: dict[str, Any]) -> None:
    for name in ("JWT_ISSUER", "JWT_AUDIENCE"):
        if not settings[name]:
            raise ConfigurationError(
                f"Set {name} beside JWT_JWKS_URL: the provider makes tokens for others"
                " too"
            )
    parts = urlsplit(url)
    local = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if parts.scheme != "https" and not (parts.scheme == "http" and local):
        raise ConfigurationError(
            "Setting JWT_JWKS_URL must begin with https://: who answers for the"
            " provider makes tokens for anybody"
        )


def _further_keys(folder: str | None) -> dict[str, str]:
    """Return the public keys in a folder by their names, and by their thumbprints.

    :raises ConfigurationError: if one cannot be read
    """
    if not folder:
        return {}
    if not Path(folder).is_dir():
        raise ConfigurationError(
            f"Setting JWT_PUBLIC_KEYS_FOLDER: {folder} is not a folder"
        )
    found: dict[str, str] = {}
    for path in sorted(Path(folder).iterdir()):
        if path.suffix in _SUFFIXES:
            text = keys.read_key_file("JWT_PUBLIC_KEYS_FOLDER", str(path))
            key = keys.checked_public_key("JWT_PUBLIC_KEYS_FOLDER", text)
            found |= {path.stem: key, _thumbprint(key): key}
    return found


def _thumbprint(public_key: str) -> str:
    """Return the thumbprint of an RSA key, as RFC 7638 has it."""
    data = public_key.strip().encode()
    load = (
        serialization.load_ssh_public_key
        if data.startswith(b"ssh-")
        else serialization.load_pem_public_key
    )
    key = RSAAlgorithm.to_jwk(cast(rsa.RSAPublicKey, load(data)), as_dict=True)
    members = {name: key[name] for name in ("e", "kty", "n")}
    text = json.dumps(members, separators=(",", ":"), sort_keys=True)
    return base64url_encode(hashlib.sha256(text.encode()).digest()).decode()


def _read(url: str) -> Any:
    """Return the JSON at a URL.

    :raises OSError: if nobody answers, or not in time
    :raises ValueError: if the answer is not JSON, or too large
    """
    with urllib.request.urlopen(url, timeout=TIMEOUT) as response:
        data = response.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise ValueError("The answer is too large")
    return json.loads(data)


def _keys_of(jwk_set: Any) -> dict[str, Any]:
    """Return the public keys of a JWK Set that are to verify with, by their ids."""
    if not isinstance(jwk_set, dict):
        raise ValueError("Not a JWK Set")
    # Of kinds that are not known it leaves out those, not all.
    found = PyJWKSet.from_dict(jwk_set).keys
    return {
        key.key_id: key.key
        for key in found
        if key.key_id and key.key_type in _KEY_TYPES and key.public_key_use != "enc"
    }
