"""/admin: users, base URIs and permissions. For all but admins it is not there."""

from typing import Any

from ..auth import admin
from ..pagination import Listing
from ..schemas import (
    BaseURISchema,
    RegisterUserSchema,
    URIPermissionSchema,
    UserWithIdSchema,
)
from ..services import base_uris, checks, permissions, users
from ..services.users import ActingUser
from .blueprint import Blueprint, StrictListingPage

user_bp = Blueprint(
    "admin_user", __name__, url_prefix="/admin/user", description="For admins: users"
)
base_uri_bp = Blueprint(
    "admin_base_uri",
    __name__,
    url_prefix="/admin/base_uri",
    description="For admins: base URIs",
)
permission_bp = Blueprint(
    "admin_permission",
    __name__,
    url_prefix="/admin/permission",
    description="For admins: who may search and register in which base URI",
)

_DONE = ("", 201)

BLUEPRINTS = (user_bp, base_uri_bp, permission_bp)


@user_bp.get("/list")
@admin
@user_bp.response(200, UserWithIdSchema(many=True))
@user_bp.paginate(StrictListingPage)
def list_users(_user: ActingUser) -> Listing:
    """List the users."""
    return users.listing()


@user_bp.post("/register")
@admin
@user_bp.arguments(RegisterUserSchema(many=True))
@user_bp.alt_response(201, description="Done; the body is empty")
def register_users(
    _user: ActingUser, new_users: list[dict[str, Any]]
) -> tuple[str, int]:
    """Add users; those that exist are left as they are."""
    users.register(new_users)
    return _DONE


@base_uri_bp.get("/list")
@admin
@base_uri_bp.response(200, URIPermissionSchema(many=True))
@base_uri_bp.paginate(StrictListingPage)
def list_base_uris(_user: ActingUser) -> Listing:
    """List the base URIs."""
    return base_uris.listing()


@base_uri_bp.post("/register")
@admin
@base_uri_bp.arguments(BaseURISchema)
@base_uri_bp.alt_response(201, description="Done; the body is empty")
def register_base_uri(_user: ActingUser, new: dict[str, str]) -> tuple[str, int]:
    """Register a base URI."""
    base_uris.register(checks.absolute("base_uri", new["base_uri"]))
    return _DONE


@permission_bp.post("/info")
@admin
@permission_bp.arguments(BaseURISchema)
@permission_bp.response(200, URIPermissionSchema)
def permission_info(_user: ActingUser, query: dict[str, str]) -> dict[str, Any]:
    """Show who may search and register in a base URI."""
    return base_uris.info(query["base_uri"])


@permission_bp.post("/update_on_base_uri")
@admin
@permission_bp.arguments(URIPermissionSchema)
@permission_bp.alt_response(201, description="Done; the body is empty")
def update_permissions(_user: ActingUser, wanted: dict[str, Any]) -> tuple[str, int]:
    """Replace who may search and register in a base URI."""
    permissions.replace(
        wanted["base_uri"],
        wanted["users_with_search_permissions"],
        wanted["users_with_register_permissions"],
    )
    return _DONE
