"""/suggest: what is being typed, completed."""

from typing import Any

from ...auth import registered_user
from ...services import suggest
from ...services.users import ActingUser
from ..blueprint import Blueprint
from .schemas import SuggestionSchema, TypedSchema

bp = Blueprint("suggest", __name__, url_prefix="/suggest")


@bp.get("")
@registered_user
@bp.refuses(422)
@bp.arguments(TypedSchema, location="query")
@bp.response(200, SuggestionSchema(many=True))
def suggest_values(user: ActingUser, asked: dict[str, str]) -> list[dict[str, Any]]:
    """Complete creators, tags, base URIs, annotations and names."""
    return suggest.suggest(user, asked["q"])
