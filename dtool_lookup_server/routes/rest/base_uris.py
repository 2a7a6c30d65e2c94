"""/base-uris: base URIs and their permissions, for admins."""

from typing import Any

from flask import Response, jsonify

from ...auth import admin
from ...errors import UnknownBaseURIError
from ...pagination import Listing
from ...schemas import URIPermissionSchema
from ...services import base_uris, permissions
from ...services.users import ActingUser
from ..blueprint import Blueprint
from ..conditional import unless_changed
from .paging import SortedPage, SortSchema
from .schemas import BaseURINameSchema, PermissionsSchema

bp = Blueprint("base_uris", __name__, url_prefix="/base-uris")


@bp.get("")
@admin
@bp.refuses(403, 422)
@bp.arguments(SortSchema, location="query")
@bp.response(200, BaseURINameSchema(many=True))
@bp.paginate(SortedPage)
def list_base_uris(_user: ActingUser, paging: dict[str, str]) -> Listing:
    """List the base URIs."""
    return base_uris.names(paging.get("sort"))


@bp.get("/<uri:base_uri>")
@admin
@bp.refuses(403, 404)
@bp.response(200, URIPermissionSchema)
def show_base_uri(_user: ActingUser, base_uri: str) -> dict[str, Any]:
    """Show who may search and register in a base URI."""
    return base_uris.info(base_uri)


@bp.route("/<uri:base_uri>", methods=["PUT", "POST"])
@admin
@unless_changed(show_base_uri, UnknownBaseURIError)
@bp.refuses(400, 403, 412, 422)
@bp.arguments(PermissionsSchema)
@bp.alt_response(200, schema={"type": "string"}, description="Replaced", success=True)
@bp.alt_response(201, schema={"type": "string"}, description="New", success=True)
def put_base_uri(_user: ActingUser, wanted: dict[str, Any], base_uri: str) -> Any:
    """Register a base URI, or replace who may search and register in it."""
    new = permissions.put(
        base_uri,
        wanted["users_with_search_permissions"],
        wanted["users_with_register_permissions"],
    )
    return jsonify(""), 201 if new else 200


@bp.delete("/<uri:base_uri>")
@admin
@unless_changed(show_base_uri, UnknownBaseURIError)
@bp.refuses(403, 409, 412)
@bp.alt_response(200, schema={"type": "string"}, description="Gone", success=True)
def delete_base_uri(_user: ActingUser, base_uri: str) -> Response:
    """Forget a base URI and its permissions, unless it has datasets."""
    base_uris.remove(base_uri)
    return jsonify("")
