"""ETag on what is read, If-None-Match on reads, If-Match on edits."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

from flask import Response, abort, make_response, request
from werkzeug.datastructures import ETags

from ..database import transactional
from ..errors import UnknownURIError, UnknownUserError

View = Callable[..., Any]

Absence = type[Exception] | tuple[type[Exception], ...]

#: Headers of a request that make its answer depend on what the client has already, as
#: WSGI names them.
CONDITIONS = {
    "HTTP_IF_MATCH",
    "HTTP_IF_NONE_MATCH",
    "HTTP_IF_MODIFIED_SINCE",
    "HTTP_IF_UNMODIFIED_SINCE",
    "HTTP_IF_RANGE",
    "HTTP_RANGE",
}

#: A browser is to ask each time, and nobody else is to keep an answer.
UNKEPT = ("Cache-Control", "private, no-cache")

_ABSENT: Absence = (UnknownURIError, UnknownUserError)


def tag_read(response: Response) -> Response:
    """Give what was read its ETag, and answer 304 where the client has it already."""
    environ = request.environ
    if (
        environ["REQUEST_METHOD"] in ("GET", "HEAD")
        and response.status_code == 200
        and response.is_json
        and not response.is_streamed
    ):
        # Leaves one that is there.
        response.add_etag()
        response.headers.setdefault(*UNKEPT)
        if not CONDITIONS.isdisjoint(environ):
            response.make_conditional(environ)
    return response


def unless_changed(read: View, absent: Absence = _ABSENT) -> Callable[[View], View]:
    """Refuse an edit with 412 where it was meant for another state than there is.

    :param read: the view that reads what the edit changes; both with their guards
    :param absent: what it raises where there is nothing to read
    """
    shown = getattr(read, "__wrapped__", read)
    taken = inspect.signature(read).parameters

    def decorator(view: View) -> View:
        @functools.wraps(view)
        def checked(user: Any, **kwargs: Any) -> Any:
            if not request.if_match and not request.if_none_match:
                return _tagged(view(user, **kwargs))

            def current() -> str | None:
                names = taken.keys() & kwargs.keys()
                try:
                    response = shown(user, **{name: kwargs[name] for name in names})
                except absent:
                    return None
                return _with_etag(make_response(response)).get_etag()[0]

            # One transaction: nobody changes it between the check and the edit.
            return transactional(lambda: _edited(view, current, user, kwargs))()

        return checked

    return decorator


def _edited(
    view: View, current: Callable[[], str | None], user: Any, kwargs: dict[str, Any]
) -> Response:
    etag = current()
    # A proxy that compresses makes an ETag weak, so weak ones count too.
    wanted, unwanted = request.if_match, request.if_none_match
    if wanted and (etag is None or not _among(wanted, etag)):
        abort(412)
    if unwanted and etag is not None and _among(unwanted, etag):
        abort(412)
    return _tagged(view(user, **kwargs))


def _among(etags: ETags, etag: str) -> bool:
    return etags.star_tag or etags.contains_weak(etag)


def _tagged(result: Any) -> Response:
    """Return a response with the ETag of what it shows, if it shows the new state."""
    response = make_response(result)
    if response.status_code == 200 and response.get_json() != "":
        return _with_etag(response)
    return response


def _with_etag(response: Response) -> Response:
    response.add_etag()
    return response
