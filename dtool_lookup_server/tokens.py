"""Tokens that were verified are not verified anew while they last.

To verify a signature takes longer than all else that most requests ask for.
"""

import hashlib
import math
import time
from typing import Any

from flask import current_app
from flask_jwt_extended import JWTManager
from jwt import get_unverified_header

_CACHE = "dtool_lookup_server_verified_tokens"

#: Most tokens that a worker remembers.
_MOST = 10_000


class RememberingJWTManager(JWTManager):
    """Remembers what verified tokens say, by their digest, until they end.

    Nothing else is remembered: whether a token was revoked, whether its user is still
    registered and what the user may do is asked for in every request.
    """

    def _decode_jwt_from_config(
        self, encoded_token: str, csrf_value: Any = None, allow_expired: bool = False
    ) -> dict[str, Any]:
        if csrf_value is not None or allow_expired:
            return super()._decode_jwt_from_config(
                encoded_token, csrf_value, allow_expired
            )
        known: dict[bytes, tuple[Any, dict[str, Any]]]
        known = current_app.extensions.setdefault(_CACHE, {})
        digest = hashlib.sha256(encoded_token.encode()).digest()
        # With the key that it takes today: keys are withdrawn.
        key = self._decode_key_callback(get_unverified_header(encoded_token), {})
        verified_by, claims = known.get(digest, (None, {}))
        if verified_by != key or claims.get("exp", math.inf) <= time.time():
            claims = super()._decode_jwt_from_config(encoded_token)
            if len(known) >= _MOST:
                known.clear()
            known[digest] = (key, claims)
        return dict(claims)
