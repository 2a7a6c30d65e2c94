"""Headers that keep browsers from doing more with an answer than it is for.

As the OWASP Secure Headers Project recommends for APIs. Strict-Transport-Security is
for the server that ends TLS to send.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Headers = list[tuple[str, str]]

_EVERYWHERE = (
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=()"),
)

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


def hardened(application: "WSGIApplication") -> "WSGIApplication":
    """Add to each answer of an application the headers that it does not have yet.

    Here an answer's headers are a plain list; werkzeug's would check each once more.
    """

    def serve(
        environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        def start(status: str, headers: Headers, *error: Any) -> Any:
            return start_response(status, [*headers, *_missing(headers)], *error)

        return application(environ, start)

    return serve


def _missing(headers: Headers) -> Headers:
    present = {name.lower(): value for name, value in headers}
    mimetype = present.get("content-type", "").partition(";")[0].strip()
    policy = _POLICIES.get(mimetype, _OF_DATA)
    return [
        header
        for header in (*_EVERYWHERE, ("Content-Security-Policy", policy))
        if header[0].lower() not in present
    ]
