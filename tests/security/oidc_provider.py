"""An OpenID Connect provider on the loopback address, with keys that rotate.

It has what the discovery of OpenID Connect names: metadata, a JWK Set, and a token
endpoint that signs ID tokens (client credentials stand for a person who signs in).
"""

import time

from flask import Flask, jsonify, request
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

CLIENT = "lookup"


class Provider:
    """The provider; what it does wrong is for the test to set."""

    def __init__(self):
        self.keys = []
        self.fetches = 0
        self.down = False
        self.address = ""
        self.rotate("first")
        self.app = self._make_app()

    def rotate(self, kid):
        """Publish and sign with a new key alone."""
        self.keys = [RSAKey.generate_key(2048, {"kid": kid, "use": "sig"})]

    def _make_app(self):
        app = Flask("provider")
        app.get("/.well-known/openid-configuration")(self._metadata)
        app.get("/jwks")(self._jwks)
        app.post("/token")(self._token)
        return app

    def _metadata(self):
        return {
            "issuer": self.address,
            "jwks_uri": f"{self.address}/jwks",
            "token_endpoint": f"{self.address}/token",
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def _jwks(self):
        self.fetches += 1
        if self.down:
            return "away", 503
        return jsonify(KeySet(self.keys).as_dict(private=False))

    def _token(self):
        name = request.form["username"]
        return {"id_token": self.sign({"preferred_username": name, "sub": "0815"})}

    def sign(self, claims, key=None, **header):
        """Return a token of this provider; claims that are None are left out."""
        key = key or self.keys[-1]
        now = int(time.time())
        all_claims = {"iss": self.address, "aud": CLIENT, "iat": now, "exp": now + 60}
        all_claims |= claims
        return jwt.encode(
            {"alg": "RS256", "kid": key.kid} | header,
            {name: value for name, value in all_claims.items() if value is not None},
            key,
            algorithms=["RS256", "RS512"],
        )
