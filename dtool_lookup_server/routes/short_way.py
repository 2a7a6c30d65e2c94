"""A short way from a request to its answer, for what is asked most often.

Flask, flask-smorest and webargs take longer over a short answer than SQLite takes to
find it. On this way the same views are called and the same headers are sent, without
the request, response and context objects that these libraries make on the way.

It knows only how to say yes. Whatever is unusual about a request, and whatever fails,
is left to Flask as if nothing had been: these views only read, or leave nothing of what
they write where they fail. Where plugins or extensions take part in requests, all go
through Flask. So does the first request of a worker, and the first with a token, whose
signature is verified there.
"""

import inspect
import io
import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from flask import (
    Flask,
    Request,
    Response,
    g,
    has_app_context,
    request,
)
from flask.signals import request_finished, request_started, request_tearing_down
from flask_smorest.pagination import PaginationParameters
from marshmallow import Schema
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.http import generate_etag
from werkzeug.routing import Rule

from .. import auth, deadlines
from ..errors import StoreUnavailableError, TookTooLongError
from ..extensions import jwt
from ..json_output import FastJSONProvider
from ..prepared import hold
from ..schemas import (
    RegisterDatasetSchema,
    SearchDatasetSchema,
    URISchema,
    UserResponseSchema,
)
from ..services import audit, search
from ..services.users import ActingUser
from ..watching.requests import RequestWatch
from . import dataset, user
from .blueprint import JSON, UNCOUNTED, Blueprint, ListingPage, loads, pagination
from .compression import SMALLEST, compressed
from .conditional import CONDITIONS, UNKEPT
from .rest import contents
from .rest.schemas import AnnotationsSchema, ReadmeSchema, TagsSchema
from .understood import HEADER as UNDERSTOOD
from .understood import told
from .unopened_sessions import UnopenedSessions

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Headers = list[tuple[str, str]]
View = Callable[..., Any]


class _Way(NamedTuple):
    """How a view is called and its answer made, as its decorators say.

    :param view: with its decorators
    :param body: how the request's body is read; None where it has none
    :param result: what is made of what it returns; None where that is final
    :param is_paged: whether it returns a listing
    :param is_reading: whether it writes nothing
    :param status: of HTTP, with its reason
    """

    view: View
    body: Schema | None = None
    result: Schema | None = None
    is_paged: bool = False
    is_reading: bool = True
    status: str = "200 OK"


_WAYS = {
    "dataset.list_datasets": _Way(dataset.list_datasets, is_paged=True),
    "dataset.look_up": _Way(dataset.look_up, is_paged=True),
    "dataset.search": _Way(dataset.search, SearchDatasetSchema(), is_paged=True),
    "dataset.summary": _Way(dataset.summary),
    "dataset.register": _Way(
        dataset.register,
        RegisterDatasetSchema(),
        URISchema(),
        is_reading=False,
        status="201 CREATED",
    ),
    "dataset.readme": _Way(dataset.readme, URISchema()),
    "dataset.manifest": _Way(dataset.manifest, URISchema()),
    "dataset.annotations": _Way(dataset.annotations, URISchema()),
    "user.info": _Way(user.info, result=UserResponseSchema()),
    "readmes.show_readme": _Way(contents.show_readme, result=ReadmeSchema()),
    "manifests.show_manifest": _Way(contents.show_manifest),
    "annotations.show_annotations": _Way(
        contents.show_annotations, result=AnnotationsSchema()
    ),
    "tags.show_tags": _Way(contents.show_tags, result=TagsSchema()),
}
# Hooks are kept by the blueprint, and by None for all.
_SCOPES = {None, *(endpoint.partition(".")[0] for endpoint in _WAYS)}

# Whose hooks this way does the work of; those of anybody else need Flask.
_STOOD_FOR = {
    f"dtool_lookup_server.{module}"
    for module in (
        "app",
        "auth",
        "routes.compression",
        "routes.conditional",
        "routes.cross_origin",
        "routes.short_way",
        "watching.requests",
    )
}

# What a request has that needs Flask, as WSGI names it.
_UNUSUAL = CONDITIONS | {
    "HTTP_ORIGIN",
    "HTTP_TRANSFER_ENCODING",
    # Whoever sets it wants Flask's contexts afterwards, as its test client does.
    "werkzeug.debug.preserve_context",
}

# What the last part of a path is where it needs no reading, by how Flask reads it.
_PLAIN = {
    "default": re.compile(r"[A-Za-z0-9._-]{1,255}"),
    "uri": re.compile(r"[a-z][a-z0-9+.-]*://[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)*"),
}
_PAGE = re.compile(
    r"(?:page=([1-9]\d{0,8}))?(?:(?:^|&)page_size=([1-9]\d{0,3}))?", re.ASCII
)
_LARGEST_BODY = 64 * 1024

# What is not to be tried twice, since that would take as long once more: Flask is told
# of it where the environment of the request has it, with the name of the user.
_SLOW_TO_FAIL = (StoreUnavailableError, TookTooLongError, SQLAlchemyError)
_FAILED = "dtool_lookup_server.failed"


class _UnusualError(Exception):
    """Raised where Flask is needed."""


class _Step(NamedTuple):
    """A view that requests are answered by.

    :param call: the view without its decorators
    :param route: the pattern of its path
    :param last: the pattern of the last part, where the view is given that
    """

    way: _Way
    call: View
    route: str
    last: re.Pattern[str] | None


class ShortWay:
    """WSGI: answers what it can, and leaves to Flask what it cannot.

    :param app: whose answers these are; all others are its own
    :param watch: what is told of each request
    """

    def __init__(self, app: Flask, watch: RequestWatch):
        self._app = app
        self._watch = watch
        self._whole_way: WSGIApplication = app.wsgi_app
        # Known after the first request, when Flask takes no more hooks.
        self._steps: dict[tuple[str, str], _Step] | None = None

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer a request."""
        if self._steps is None:
            answer = self._whole_way(environ, start_response)
            self._steps = dict(_steps(self._app))
            return answer
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        # A path, or one that ends in a name, or in a URI.
        for start in (len(path), path.rfind("/") + 1, path.find("/", 1) + 1):
            step = self._steps.get((method, path[:start]))
            if step is not None:
                break
        last = path[start:]
        if step is not None and _is_usual(step, last, environ):
            found = self._answer(step, (last,) if last else (), environ)
            if found is not None:
                headers, data = found
                start_response(step.way.status, headers)
                return [data]
        return self._whole_way(environ, start_response)

    def _answer(
        self, step: _Step, named: tuple[str, ...], environ: "WSGIEnvironment"
    ) -> tuple[Headers, bytes] | None:
        """Return the headers and the body of an answer; None where Flask is needed."""
        with self._app.app_context():
            self._watch.begin(environ)
            auth.act_as(None)
            audit.come_from(lambda: auth.origin_of(environ))
            deadlines.begin(self._app.config["REQUEST_TIMEOUT"])
            try:
                hold(step.way.is_reading)
                headers, data = self._made(step, named, environ)
                method, status = environ["REQUEST_METHOD"], int(step.way.status[:3])
                headers += [self._watch.end(method, step.route, status)]
                return headers, data
            except _SLOW_TO_FAIL as error:
                environ[_FAILED] = (g.username, error)
                return None
            except Exception:
                # Whatever it is, Flask comes upon it too, and knows what to answer.
                return None
            finally:
                hold(False)
                deadlines.lift()

    def _made(
        self, step: _Step, named: tuple[str, ...], environ: "WSGIEnvironment"
    ) -> tuple[Headers, bytes]:
        """Return the headers and the body of an answer.

        :raises Exception: of any kind where there is none to be had here
        """
        acting = _acting_user(environ)
        way = step.way
        queries = (way.body.load(self._body(environ)),) if way.body else ()
        result = step.call(acting, *queries, *named)
        headers: Headers = []
        if way.is_paged:
            result = self._page(result, environ, headers, acting, *queries)
        if isinstance(result, bytes):
            data = result
        else:
            data = self._json.line(way.result.dump(result) if way.result else result)
        mark = ""
        etag = generate_etag(data) if environ["REQUEST_METHOD"] == "GET" else None
        if _accepts_gzip(environ) and len(data) >= SMALLEST:
            data, mark = compressed(data), "W/"
            headers.append(("Content-Encoding", "gzip"))
        if etag is not None:
            headers += [("ETag", f'{mark}"{etag}"'), UNKEPT]
        headers += [
            ("Content-Type", JSON),
            ("Content-Length", str(len(data))),
            ("Vary", "Accept-Encoding"),
        ]
        return headers, data

    @property
    def _json(self) -> FastJSONProvider:
        provider = self._app.json
        assert isinstance(provider, FastJSONProvider)
        return provider

    def _body(self, environ: "WSGIEnvironment") -> Any:
        """Return the JSON that a request has brought; Flask can read it once more."""
        length = environ.get("CONTENT_LENGTH", "")
        if environ.get("CONTENT_TYPE") != JSON or not length.isdecimal():
            raise _UnusualError
        most = self._app.config["MAX_CONTENT_LENGTH"]
        if int(length) > min(_LARGEST_BODY, _LARGEST_BODY if most is None else most):
            raise _UnusualError
        data = environ["wsgi.input"].read(int(length))
        environ["wsgi.input"] = io.BytesIO(data)
        return loads(data)

    def _page(
        self,
        listing: Any,
        environ: "WSGIEnvironment",
        headers: Headers,
        acting: ActingUser,
        query: dict[str, Any] | None = None,
    ) -> list[dict[str, Any]]:
        """Return the items of the page that is asked for.

        :param headers: where what is told of the page is added
        """
        asked = _PAGE.fullmatch(environ.get("QUERY_STRING", ""))
        if asked is None:
            raise _UnusualError
        defaults = Blueprint.DEFAULT_PAGINATION_PARAMETERS
        page = int(asked[1] or defaults["page"])
        size = int(asked[2] or defaults["page_size"])
        if size > self._app.config["MAX_PAGE_SIZE"]:
            raise _UnusualError
        shown = ListingPage(listing, PaginationParameters(page, size))
        items, total = shown.items, shown.item_count
        if total != UNCOUNTED:
            headers.append(
                ("X-Pagination", self._json.dumps(pagination(page, size, total)))
            )
        if query is not None and search.free_text_of(query):
            on_first = total if page == 1 and total != UNCOUNTED else None
            headers.append((UNDERSTOOD, told(acting, query, on_first)))
        return items


def go_on() -> None:
    """Let Flask answer what has failed on the short way; called before each request."""
    username, error = request.environ.pop(_FAILED, (None, None))
    if error is not None:
        auth.act_as(username)
        raise error


def _acting_user(environ: "WSGIEnvironment") -> ActingUser:
    """Return the user whose token, which was verified before, a request carries."""
    scheme, _space, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme != "Bearer":
        raise _UnusualError
    verified = jwt.remembered_bearer(token)
    found = auth.user_named_by(verified.claims) if verified else None
    if found is None:
        raise _UnusualError
    auth.act_as(found.username)
    return found


def _accepts_gzip(environ: "WSGIEnvironment") -> bool:
    accepted = environ.get("HTTP_ACCEPT_ENCODING", "").lower()
    if ";" in accepted:
        # Some are liked better than others, or not at all.
        raise _UnusualError
    return "gzip" in accepted


def _is_usual(step: _Step, last: str, environ: "WSGIEnvironment") -> bool:
    """Return whether a request is one for this way, as far as that is seen at once.

    :param last: the last part of its path; empty where the view is given none
    """
    return (
        _UNUSUAL.isdisjoint(environ)
        and (step.last.fullmatch(last) is not None if step.last else not last)
        # A script, or a test, whose context Flask shares with the request.
        and not has_app_context()
        and not request_started.receivers
        and not request_finished.receivers
        and not request_tearing_down.receivers
    )


def _steps(app: Flask) -> Iterator[tuple[tuple[str, str], _Step]]:
    """Yield what is answered on this way, by method and path; nothing where Flask is.

    A path that ends in a slash stands for those with one more part.
    """
    if not _lets_alone(app):
        return
    rules = list(app.url_map.iter_rules())
    for rule in rules:
        way = _WAYS.get(rule.endpoint)
        if way is None or app.view_functions[rule.endpoint] is not way.view:
            continue
        path, _angle, argument = rule.rule.partition("<")
        method = "POST" if way.body else "GET"
        others = (one for one in rules if one is not rule and method in _methods(one))
        if any(one.rule.startswith(path) for one in others):
            # A plugin's path may come before this one.
            continue
        converter = "uri" if argument.startswith("uri:") else "default"
        last = _PLAIN[converter] if argument else None
        yield (method, path), _Step(way, inspect.unwrap(way.view), rule.rule, last)


def _methods(rule: Rule) -> set[str]:
    return rule.methods or set()


def _lets_alone(app: Flask) -> bool:
    """Return whether nobody but this server takes part in requests."""
    settings = app.config
    return (
        _hooks(app) <= _STOOD_FOR
        and app.extensions.get("flask-jwt-extended") is jwt
        and jwt.decides_alone
        and not settings["DISABLE_JWT_AUTHORISATION"]
        and settings["SERVER_NAME"] is None
        and settings.get("TRUSTED_HOSTS") is None
        and isinstance(app.json, FastJSONProvider)
        and isinstance(app.session_interface, UnopenedSessions)
        and (app.request_class, app.response_class) == (Request, Response)
    )


def _hooks(app: Flask) -> set[str]:
    """Return the names of the modules that take part in requests."""
    kinds: tuple[Any, ...] = (
        app.before_request_funcs,
        app.after_request_funcs,
        app.teardown_request_funcs,
        app.url_value_preprocessors,
    )
    return {
        hook.__module__
        for hooks in kinds
        for blueprint in _SCOPES
        for hook in hooks.get(blueprint, ())
    }
