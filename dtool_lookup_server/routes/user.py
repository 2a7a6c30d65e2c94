"""/user: what users may know of themselves."""

from typing import Any

from ..auth import registered_user
from ..errors import AuthorizationError
from ..schemas import UserResponseSchema
from ..services import permissions, users
from ..services.users import ActingUser
from .blueprint import Blueprint

bp = Blueprint(
    "user", __name__, url_prefix="/user", description="Who you are and what you may do"
)


@bp.get("/info/<username>")
@registered_user
@bp.response(200, UserResponseSchema)
def info(user: ActingUser, username: str) -> dict[str, Any]:
    """Show a user: yourself or, for admins, anybody."""
    if username != user.username and not user.is_admin:
        raise AuthorizationError("Only admins may see other users")
    if username == user.username:
        return permissions.as_far_as_permitted(user, users.own_info(user))
    return users.info(username)
