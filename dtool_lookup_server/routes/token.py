"""/token: a token for a name and a password, where the server knows passwords."""

from flask import Response, jsonify, request

from ..auth import act_as, issue_token
from ..schemas import CredentialsSchema, TokenSchema
from ..services import passwords
from .blueprint import Blueprint

bp = Blueprint("token", __name__, url_prefix="/token")


@bp.post("")
@bp.doc(security=[])
@bp.refuses(400, 404, 422, 429, 503)
@bp.arguments(CredentialsSchema)
@bp.alt_response(200, schema=TokenSchema, description="A new token", success=True)
def issue(credentials: dict[str, str]) -> Response:
    """Issue a token for a name and a password; 404 unless that is configured."""
    username = credentials["username"]
    passwords.check(username, credentials["password"], request.remote_addr or "")
    act_as(username)
    response = jsonify({"token": issue_token(username)})
    response.cache_control.no_store = True
    return response
