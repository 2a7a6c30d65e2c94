"""/audit: who did what, when and from where, for admins."""

from typing import Any

from ...auth import admin
from ...pagination import Listing
from ...services import audit, base_uris
from ...services.users import ActingUser
from ..blueprint import Blueprint
from .paging import CursorPage
from .schemas import AuditEntrySchema, AuditQuerySchema

bp = Blueprint("audit", __name__, url_prefix="/audit")


@bp.get("")
@admin
@bp.refuses(403, 422)
@bp.arguments(AuditQuerySchema, location="query")
@bp.response(200, AuditEntrySchema(many=True))
@bp.paginate(CursorPage)
def list_audit_entries(_user: ActingUser, query: dict[str, Any]) -> Listing:
    """List the audit trail, the newest entries first; keys may be repeated."""
    query.pop("after", None)
    places = [base_uris.normalised(place) for place in query.pop("base_uris", ())]
    return audit.listing(base_uris=places, **query)
