"""The REST API, beside 0.18's and on the same services."""

from . import access_tokens, audit, base_uris, bulk, contents, suggest, uris, users

BLUEPRINTS = (
    bulk.bp,
    suggest.bp,
    uris.uuids_bp,
    users.me_bp,
    access_tokens.bp,
    users.bp,
    base_uris.bp,
    audit.bp,
    *contents.BLUEPRINTS,
)
