"""/config: what the server tells of itself."""

from flask import Response, jsonify
from flask_smorest.error_handler import ErrorSchema

from ..auth import registered_user
from ..schemas import HealthSchema
from ..services import info
from ..services.users import ActingUser
from .blueprint import Blueprint

bp = Blueprint(
    "config",
    __name__,
    url_prefix="/config",
    description="What the server is made of and how it is set up",
)


@bp.get("/info")
@registered_user
@bp.alt_response(200, schema={"type": "object"}, description="The settings")
def show_settings(_user: ActingUser) -> Response:
    """Show every setting, secrets masked."""
    settings = info.lower_case(info.settings())
    # The same under "config" is how 0.18's successor answers.
    return jsonify({**settings, "config": settings})


@bp.get("/health")
@bp.doc(security=[])
@bp.response(200, HealthSchema)
@bp.alt_response(503, schema=ErrorSchema, description="What does not answer")
def check_health() -> dict[str, str]:
    """Say whether the server and its stores answer; needs no token."""
    info.check_health()
    return {"status": "healthy"}


@bp.get("/versions")
@bp.doc(security=[])
@bp.alt_response(200, schema={"type": "object"}, description="The versions")
def show_versions() -> Response:
    """Show the versions of the server and its plugins; needs no token."""
    versions = info.versions()
    return jsonify({**versions, "versions": versions})
