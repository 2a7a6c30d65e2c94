"""The page at /: find, look, understand and administer, in a browser.

The page is one document for all of its views; its scripts talk to the API with the
user's token, and can do nothing that the API would refuse.
"""

from pathlib import Path

from flask import (
    Blueprint,
    Response,
    current_app,
    make_response,
    render_template,
    url_for,
)

from .._version import __version__
from ..services import editing, passwords

bp = Blueprint("pages", __name__)

#: What a browser may load and run: this server's own files, and nothing inline.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data:",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "form-action 'self'",
    )
)

# Each is there unless a setting takes it away.
_API_PAGES = (
    ("api-docs.openapi_swagger_ui", "Swagger"),
    ("api-docs.openapi_redoc", "ReDoc"),
    ("api-docs.openapi_json", "OpenAPI"),
)

_STATIC = Path(__file__).parent / "static"

#: The page's modules, so that a browser asks for all of them at once.
_MODULES = sorted(
    path.relative_to(_STATIC).as_posix()
    for path in (_STATIC / "page").rglob("*.js")
    if not path.stem.endswith("_worker")
)


@bp.get("/")
def index() -> Response:
    """Return the page for people."""
    links = [
        {"href": url_for(endpoint), "name": name}
        for endpoint, name in _API_PAGES
        if endpoint in current_app.view_functions
    ]
    response = make_response(
        render_template(
            "index.html",
            version=__version__,
            links=links,
            modules=_MODULES,
            takes_edits=current_app.config["EDITS"] != editing.OFF,
            takes_passwords=passwords.are_taken() or _has_plugin_for_tokens(),
        )
    )
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    return response


def _has_plugin_for_tokens() -> bool:
    """Tell whether a plugin gives tokens for passwords, at a /token of its own."""
    return any(
        rule.rule == "/token"
        and "POST" in (rule.methods or ())
        and rule.endpoint != "token.issue"
        for rule in current_app.url_map.iter_rules()
    )
