"""/config: what the server tells of itself."""

from typing import Any

from flask import Response, jsonify
from flask_smorest.error_handler import ErrorSchema

from ..auth import is_from_admin, registered_user
from ..errors import StoreUnavailableError
from ..schemas import HealthSchema, ReadinessSchema
from ..services import info, readiness
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


@bp.get("/ready")
@bp.doc(security=[])
@bp.response(200, ReadinessSchema)
@bp.alt_response(503, schema=ErrorSchema, description="Not ready to serve")
def check_readiness() -> dict[str, Any]:
    """Say whether requests can be served; admins are told what was looked at."""
    details = is_from_admin()
    checks = readiness.checks()
    missing = {name: state for name, state in checks.items() if state != readiness.OK}
    if missing:
        told = "; ".join(f"{name}: {state}" for name, state in missing.items())
        raise StoreUnavailableError(f"Not ready: {told}" if details else "Not ready")
    return {"status": "ready", **({"checks": checks} if details else {})}


@bp.get("/versions")
@bp.doc(security=[])
@bp.alt_response(200, schema={"type": "object"}, description="The versions")
def show_versions() -> Response:
    """Show the versions of the server and its plugins; needs no token."""
    versions = info.versions()
    return jsonify({**versions, "versions": versions})
