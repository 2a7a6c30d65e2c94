"""The REST API, beside 0.18's and on the same services."""

from . import base_uris, bulk, contents, suggest, uris, users

BLUEPRINTS = (
    bulk.bp,
    suggest.bp,
    uris.uuids_bp,
    users.me_bp,
    users.bp,
    base_uris.bp,
    *contents.BLUEPRINTS,
)
