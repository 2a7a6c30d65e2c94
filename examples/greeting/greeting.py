"""A blueprint: one route, which greets whoever has a token."""

from flask import Blueprint

from dtool_lookup_server import registered_user

bp = Blueprint("greeting", __name__, url_prefix="/greeting")


@bp.get("/")
@registered_user
def greet(user):
    """Greet the acting user."""
    return {"greeting": f"Hello, {user.username}"}
