"""Headers that keep browsers from doing more with an answer than it is for.

As the OWASP Secure Headers Project recommends for APIs. Strict-Transport-Security is
for the server that ends TLS to send.
"""

from flask import Response

_EVERYWHERE = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

#: For what is data, should a browser show it as a page all the same.
_OF_DATA = "default-src 'none'; frame-ancestors 'none'"

#: For scripts, which count when one runs as a worker: it asks this server alone.
_OF_SCRIPTS = "default-src 'self'; frame-ancestors 'none'"

#: For pages without a policy of their own: those of the API's documentation, whose
#: scripts may be configured to come from elsewhere, and those of plugins.
_OF_PAGES = "base-uri 'none'; object-src 'none'; frame-ancestors 'none'"

_POLICIES = {
    "text/html": _OF_PAGES,
    "text/javascript": _OF_SCRIPTS,
    "application/javascript": _OF_SCRIPTS,
}


def harden(response: Response) -> Response:
    """Add the headers that an answer does not have yet."""
    policy = _POLICIES.get(response.mimetype or "", _OF_DATA)
    headers = {**_EVERYWHERE, "Content-Security-Policy": policy}
    present = {name.lower() for name, _value in response.headers}
    for name, value in headers.items():
        if name.lower() not in present:
            response.headers.add(name, value)
    return response
