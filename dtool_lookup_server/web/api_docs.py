"""What the API pages, Swagger and ReDoc, need beside flask-smorest.

Their scripts, for use without internet access, and the routes of plain Flask.

Two installed packages carry them. Their files are found and served without running
their Python, which would bring in a second way of writing an API.
"""

import inspect
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any

from flask import Blueprint, Flask, Response, abort, send_from_directory
from flask_smorest import Api

from ..errors import ConfigurationError

#: Where the files are served; the defaults of OPENAPI_..._URL lie below it.
URL_PREFIX = "/doc-assets"

#: Seconds that a browser keeps a file before asking whether it has changed.
MAX_AGE = 24 * 60 * 60

# (page, file): package and folder in it. Nothing else in the packages is served.
_FILES = {
    ("swagger", "swagger-ui.css"): (
        "flask_openapi3_swagger",
        "templates/swagger/css",
    ),
    ("swagger", "swagger-ui-bundle.js"): (
        "flask_openapi3_swagger",
        "templates/swagger/js",
    ),
    ("swagger", "swagger-ui-standalone-preset.js"): (
        "flask_openapi3_swagger",
        "templates/swagger/js",
    ),
    ("redoc", "redoc.standalone.js"): (
        "flask_openapi3_redoc",
        "templates/redoc/js",
    ),
}
_TYPES = {".css": "text/css", ".js": "text/javascript"}

bp = Blueprint("api_docs", __name__, url_prefix=URL_PREFIX)


@bp.get("/<page>/<name>")
def asset(page: str, name: str) -> Response:
    """Return a script or a style sheet of an API page."""
    if (page, name) not in _FILES:
        abort(404)
    package, folder = _FILES[page, name]
    return send_from_directory(
        _package_folder(package) / folder,
        name,
        mimetype=_TYPES[Path(name).suffix],
        max_age=MAX_AGE,
    )


class API(Api):
    """An Api whose OpenAPI document is made when somebody asks for it.

    To describe all routes takes half the time in which an application is made, which is
    done for each command.
    """

    def __init__(self, app: Flask):
        self._waiting: list[Callable[[], None]] = []
        self._lock = Lock()
        super().__init__(app)

    def later(self, describe: Callable[[], None]) -> None:
        """Have routes described before the document is written."""
        self._waiting.append(describe)

    def describe_now(self) -> None:
        """Describe what waits to be described."""
        with self._lock:
            while self._waiting:
                self._waiting[0]()
                del self._waiting[0]

    def _init_spec(self, **options: Any) -> None:
        super()._init_spec(**options)
        write = self.spec.to_dict

        def write_all() -> dict[str, Any]:
            self.describe_now()
            return write()

        self.spec.to_dict = write_all

    def _register_responses(self) -> None:
        self.later(super()._register_responses)


def document(app: Flask, api: Api, blueprint: Blueprint) -> None:
    """Add the routes of a plain Flask blueprint to the OpenAPI document.

    Nothing is known of what goes in and out: the first line of a view's docstring is
    the summary.
    """
    name = blueprint.name
    api.spec.tag({"name": name, "description": "Routes of a plugin"})
    for rule in app.url_map.iter_rules():
        if rule.endpoint.rpartition(".")[0] != name:
            continue
        about = {
            "tags": [name],
            "summary": _first_line(app.view_functions[rule.endpoint]),
            "responses": {"default": {"description": "As the plugin answers"}},
        }
        methods = sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
        operations = {method.lower(): dict(about) for method in methods}
        api.spec.path(rule=rule, operations=operations)


def _first_line(documented: Any) -> str:
    return (inspect.getdoc(documented) or "").partition("\n")[0]


def _package_folder(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ConfigurationError(f"The API pages need the package {package}")
    return Path(spec.origin).parent
