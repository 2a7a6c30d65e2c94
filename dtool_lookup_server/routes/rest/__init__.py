"""The REST API, beside 0.18's and on the same services."""

from . import base_uris, bulk, contents, uris, users

BLUEPRINTS = (
    bulk.bp,
    uris.uuids_bp,
    users.me_bp,
    users.bp,
    base_uris.bp,
    *contents.BLUEPRINTS,
)
