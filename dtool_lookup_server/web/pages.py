"""The page at /, for people who open the server's address in a browser."""

from flask import Blueprint, current_app, render_template, url_for

from .._version import __version__

bp = Blueprint("pages", __name__)

# Each is there unless a setting takes it away.
_API_PAGES = (
    ("api-docs.openapi_swagger_ui", "Swagger", "Read the API and try its calls"),
    ("api-docs.openapi_redoc", "ReDoc", "Read the API on one long page"),
    ("api-docs.openapi_json", "OpenAPI", "The API as a document for programs"),
)


@bp.get("/")
def index() -> str:
    """Return the page that says what this is and where to go from here."""
    links = [
        {"href": url_for(endpoint), "name": name, "text": text}
        for endpoint, name, text in _API_PAGES
        if endpoint in current_app.view_functions
    ]
    return render_template("index.html", version=__version__, links=links)
