"""Tokens that were verified are not verified anew while they last.

To verify a signature takes longer than all else that most requests ask for, and to
read a token's header as long as to find the user whom it names.
"""

import hashlib
import time
from typing import Any, NamedTuple

from flask import current_app, g
from flask_jwt_extended import JWTManager, get_jwt, get_jwt_header
from flask_jwt_extended import verify_jwt_in_request as verify
from flask_jwt_extended.default_callbacks import (
    default_blocklist_callback,
    default_token_verification_callback,
)
from flask_jwt_extended.internal_utils import (
    custom_verification_for_token,
    verify_token_not_blocklisted,
)
from werkzeug.datastructures import Authorization

_CACHE = "dtool_lookup_server_verified_tokens"

_NEVER = 2**63

# What JWT_TOKEN_LOCATION may be where tokens come in headers alone.
_HEADERS_ALONE = ("headers", ["headers"], ("headers",))

#: Most tokens that a worker remembers.
_MOST = 10_000


class Verified(NamedTuple):
    """What a verified token says.

    :param key: that verified it
    """

    key: Any
    header: dict[str, Any]
    claims: dict[str, Any]


class RememberingJWTManager(JWTManager):
    """Remembers what verified tokens say, by their digest, until they end.

    Nothing else is remembered: whether a token was revoked, whether its user is still
    registered and what the user may do is asked for in every request.
    """

    def verify_bearer(self, authorization: Authorization | None) -> Verified:
        """Return what the token of the current request says.

        get_jwt and its like answer afterwards, as after verify_jwt_in_request.

        :param authorization: of the request
        :raises JWTExtendedException: as verify_jwt_in_request does, and PyJWTError
        """
        # Where users are looked up by a function it is told of each verification.
        token = None
        if authorization is not None and authorization.type == "bearer":
            token = authorization.token
        digest = None if self._user_lookup_callback else _digest(token)
        remembered = None if digest is None else self._remembered(digest)
        if remembered is not None:
            _key, header, claims = remembered
            verify_token_not_blocklisted(header, claims)
            custom_verification_for_token(header, claims)
            _pass_on(header, claims)
            return remembered
        verify()
        header, claims = get_jwt_header(), get_jwt()
        verified = Verified(self._decode_key_callback(header, claims), header, claims)
        if digest is not None:
            known = _known()
            if len(known) >= _MOST:
                known.clear()
            known[digest] = verified
        return verified

    def remembered_bearer(self, token: str) -> Verified | None:
        """Return what a token says that was verified before and is good still.

        For where Flask has no request; needs decides_alone.

        :returns: None for any other token
        """
        digest = _digest(token)
        return None if digest is None else self._remembered(digest)

    @property
    def decides_alone(self) -> bool:
        """Whether nobody else has a say in which tokens are good."""
        return (
            self._user_lookup_callback is None
            and self._token_in_blocklist_callback is default_blocklist_callback
            and self._token_verification_callback is default_token_verification_callback
        )

    def _remembered(self, digest: bytes) -> Verified | None:
        known = _known()
        verified = known.get(digest)
        if verified is None:
            return None
        # With the key that it takes today: keys are withdrawn.
        key, header, claims = verified
        if (
            int(claims.get("exp", _NEVER)) <= time.time()
            or self._decode_key_callback(header, claims) != key
        ):
            known.pop(digest, None)
            return None
        return verified


def _known() -> dict[bytes, Verified]:
    known: dict[bytes, Verified] = current_app.extensions.setdefault(_CACHE, {})
    return known


def _digest(token: str | None) -> bytes | None:
    """Return the digest of a bearer's token; None where tokens are elsewhere."""
    # As they are set: the extension's own properties check them each time.
    settings = current_app.config
    if (
        not token
        or settings["JWT_TOKEN_LOCATION"] not in _HEADERS_ALONE
        or settings["JWT_HEADER_NAME"] != "Authorization"
        or settings["JWT_HEADER_TYPE"] != "Bearer"
    ):
        return None
    return hashlib.sha256(token.encode()).digest()


def _pass_on(header: dict[str, Any], claims: dict[str, Any]) -> None:
    """Leave what a token says where verify_jwt_in_request leaves it."""
    context = g._get_current_object()
    context._jwt_extended_jwt = dict(claims)
    context._jwt_extended_jwt_header = dict(header)
    context._jwt_extended_jwt_user = None
    context._jwt_extended_jwt_location = "headers"
