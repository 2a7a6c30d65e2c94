"""How URIs are written in a path, and how lists are fetched."""

import json
from urllib.parse import quote


def encoded(uri):
    """Return a URI as clients send it: no slash is left."""
    return quote(uri, safe="")


def spellings(uri):
    """Return a URI in each spelling that counts in a path."""
    scheme, _separator, rest = uri.partition("://")
    return [
        uri,
        encoded(uri),
        encoded(uri).replace("%2F", "%252F"),
        encoded(encoded(uri)),
        f"{scheme}/{rest}",
        f"{scheme}:/{rest}",
    ]


def sort_of(response):
    return json.loads(response.headers["X-Sort"])["sort"]


def total_of(response):
    return json.loads(response.headers["X-Pagination"])["total"]
