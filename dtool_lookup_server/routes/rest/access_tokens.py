"""/me/tokens: personal access tokens, for their owners."""

from typing import Any

from flask import Response, jsonify

from ...auth import owner
from ...services import access_tokens
from ...services.users import ActingUser
from ..blueprint import Blueprint
from .schemas import AccessTokenSchema, MadeAccessTokenSchema, NewAccessTokenSchema

bp = Blueprint("access_tokens", __name__, url_prefix="/me/tokens")


@bp.get("")
@owner
@bp.refuses(403)
@bp.response(200, AccessTokenSchema(many=True))
def list_tokens(user: ActingUser) -> list[dict[str, Any]]:
    """List your access tokens, without the tokens themselves."""
    return access_tokens.listing(user)


@bp.post("")
@owner
@bp.refuses(400, 403, 422)
@bp.arguments(NewAccessTokenSchema)
@bp.response(201, MadeAccessTokenSchema)
def make_token(user: ActingUser, new: dict[str, Any]) -> dict[str, Any]:
    """Make an access token, which is shown this once."""
    return access_tokens.make(
        user, new["name"], new["scopes"], new.get("base_uris"), new.get("expires_at")
    )


@bp.delete("/<int(max=2147483647):token_id>")
@owner
@bp.refuses(403)
@bp.alt_response(200, schema={"type": "string"}, description="Gone", success=True)
def revoke_token(user: ActingUser, token_id: int) -> Response:
    """Revoke one of your access tokens."""
    access_tokens.revoke(user, token_id)
    return jsonify("")
