"""/me and /users: users, for themselves and for admins."""

from typing import Any

from flask import Response, jsonify

from ...auth import admin, owner, registered_user
from ...errors import AuthorizationError, ValidationError
from ...pagination import Listing
from ...schemas import SummarySchema
from ...services import permissions, profiles, users
from ...services import summary as summarising
from ...services.users import ActingUser
from ..blueprint import Blueprint
from ..conditional import unless_changed
from .paging import SortedPage, SortSchema
from .schemas import EditMeSchema, EditUserSchema, PutUserSchema, UserSchema

me_bp = Blueprint("me", __name__, url_prefix="/me")
bp = Blueprint("users", __name__, url_prefix="/users")


def _require_self_or_admin(user: ActingUser, username: str) -> None:
    if username != user.username and not user.is_admin:
        raise AuthorizationError("Only admins may see other users")


@me_bp.get("")
@registered_user
@me_bp.refuses()
@me_bp.response(200, UserSchema)
def show_me(user: ActingUser) -> dict[str, Any]:
    """Show yourself."""
    return permissions.as_far_as_permitted(user, profiles.profile(user.username))


@me_bp.patch("")
@owner
@unless_changed(show_me)
@me_bp.refuses(400, 403, 412, 422)
@me_bp.arguments(EditMeSchema)
@me_bp.response(200, UserSchema)
def edit_me(user: ActingUser, changes: dict[str, Any]) -> dict[str, Any]:
    """Change the name that you go by."""
    profiles.change(user.username, changes)
    return profiles.profile(user.username)


@me_bp.get("/summary")
@registered_user
@me_bp.refuses()
@me_bp.response(200, SummarySchema)
def summarise_mine(user: ActingUser) -> dict[str, Any]:
    """Summarise the datasets that you may search."""
    return summarising.summary(user)


@bp.get("")
@admin
@bp.refuses(403, 422)
@bp.arguments(SortSchema, location="query")
@bp.response(200, UserSchema(many=True))
@bp.paginate(SortedPage)
def list_users(_user: ActingUser, paging: dict[str, str]) -> Listing:
    """List the users."""
    return profiles.listing(paging.get("sort"))


@bp.get("/<username>")
@registered_user
@bp.refuses(403, 404)
@bp.response(200, UserSchema)
def show_user(user: ActingUser, username: str) -> dict[str, Any]:
    """Show a user: yourself or, for admins, anybody."""
    _require_self_or_admin(user, username)
    if username == user.username:
        return show_me.__wrapped__(user)
    return profiles.profile(username)


@bp.get("/<username>/summary")
@registered_user
@bp.refuses(403, 404)
@bp.response(200, SummarySchema)
def summarise_of_user(user: ActingUser, username: str) -> dict[str, Any]:
    """Summarise the datasets that a user may search."""
    _require_self_or_admin(user, username)
    of = user if username == user.username else users.require(username)
    return summarising.summary(of)


@bp.put("/<username>")
@admin
@unless_changed(show_user)
@bp.refuses(400, 403, 412, 422)
@bp.arguments(PutUserSchema)
@bp.alt_response(200, schema={"type": "string"}, description="Replaced", success=True)
@bp.alt_response(201, schema={"type": "string"}, description="New", success=True)
def put_user(_user: ActingUser, wanted: dict[str, Any], username: str) -> Any:
    """Add a user, or make one an admin or, where is_admin is left out, not."""
    if wanted.pop("username", username) != username:
        raise ValidationError("username is not that of the path")
    new = profiles.put(username, wanted.pop("is_admin", False), wanted)
    return jsonify(""), 201 if new else 200


@bp.patch("/<username>")
@admin
@unless_changed(show_user)
@bp.refuses(400, 403, 404, 412, 422)
@bp.arguments(EditUserSchema)
@bp.response(200, UserSchema)
def edit_user(
    _user: ActingUser, changes: dict[str, Any], username: str
) -> dict[str, Any]:
    """Change what is given of a user, and nothing else."""
    profiles.change(username, changes)
    return profiles.profile(username)


@bp.delete("/<username>")
@admin
@unless_changed(show_user)
@bp.refuses(403, 412)
@bp.alt_response(200, schema={"type": "string"}, description="Gone", success=True)
def delete_user(_user: ActingUser, username: str) -> Response:
    """Remove a user; the datasets that the user registered stay."""
    users.remove([username])
    return jsonify("")


@bp.post("/<username>/search/<uri:base_uri>")
@admin
@unless_changed(show_user)
@bp.refuses(403, 404, 409, 412)
@bp.response(200, UserSchema)
def grant_search(_user: ActingUser, username: str, base_uri: str) -> dict[str, Any]:
    """Let a user search a base URI."""
    permissions.grant_search(username, base_uri)
    return profiles.profile(username)


@bp.delete("/<username>/search/<uri:base_uri>")
@admin
@unless_changed(show_user)
@bp.refuses(403, 404, 412)
@bp.response(200, UserSchema)
def revoke_search(_user: ActingUser, username: str, base_uri: str) -> dict[str, Any]:
    """Let a user search a base URI no more."""
    permissions.revoke_search(username, base_uri)
    return profiles.profile(username)


@bp.post("/<username>/register/<uri:base_uri>")
@admin
@unless_changed(show_user)
@bp.refuses(403, 404, 409, 412)
@bp.response(200, UserSchema)
def grant_register(_user: ActingUser, username: str, base_uri: str) -> dict[str, Any]:
    """Let a user register datasets in a base URI."""
    permissions.grant_register(username, base_uri)
    return profiles.profile(username)


@bp.delete("/<username>/register/<uri:base_uri>")
@admin
@unless_changed(show_user)
@bp.refuses(403, 404, 412)
@bp.response(200, UserSchema)
def revoke_register(_user: ActingUser, username: str, base_uri: str) -> dict[str, Any]:
    """Let a user register datasets in a base URI no more."""
    permissions.revoke_register(username, base_uri)
    return profiles.profile(username)
