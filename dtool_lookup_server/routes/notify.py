"""/notify: a storage says which datasets have come and gone."""

from typing import Any

from flask import request

from ..schemas import NoticedSchema
from ..services import notifying
from .blueprint import Blueprint, loads_body

bp = Blueprint("notify", __name__, url_prefix="/notify")


@bp.post("")
@bp.doc(
    security=[],
    requestBody={"content": {"application/json": {"schema": {"type": "object"}}}},
)
@bp.refuses(400, 404)
@bp.response(200, NoticedSchema)
def notice() -> dict[str, Any]:
    """Register and forget the datasets that an event of S3 or MinIO is about.

    The secret, NOTIFY_SECRET, is a bearer token, or the password of HTTP's basic
    authentication. 404 unless it is set.
    """
    given = request.authorization
    notifying.check_secret((given and (given.token or given.password)) or "")
    return notifying.notice(loads_body())
