"""Requests: an id for each, how long it took, and a line in the log."""

import logging
import os
import re
import time
from typing import Any

from flask import Flask, Request, Response, g, request

from . import logs
from .logs import LOGGER
from .metrics import Metrics
from .stores import begin_request, store_seconds

ID_HEADER = "X-Request-ID"
_ID_IN_ENVIRON = "HTTP_X_REQUEST_ID"
# Where the environment of a request has its id, and when it came.
_BEGUN = "dtool_lookup_server.begun"

_WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{1,128}")

_log = logging.getLogger(f"{LOGGER}.requests")


class RequestWatch:
    """Gives each request an id, and logs and measures how it was answered.

    :param metrics: None where nobody wants them
    """

    def __init__(self, metrics: Metrics | None):
        self.metrics = metrics

    def begin(self, environ: dict[str, Any]) -> None:
        """Note that a request has come, in its application context.

        :param environ: of the request, as WSGI has it
        """
        # One that the short way has begun and left to Flask is the same request.
        begun = environ.get(_BEGUN)
        if begun is None:
            begun = environ[_BEGUN] = (_id_for(environ), time.perf_counter())
            begin_request()
        context = g._get_current_object()
        context.request_id, context.begun = begun
        context.errors = environ["wsgi.errors"]

    def end(self, method: str, route: str | None, status: int) -> tuple[str, str]:
        """Note how it was answered.

        :param route: the pattern of the path, which holds nothing of the client's
        :param status: of HTTP
        :returns: a header for the answer
        """
        context = g._get_current_object()
        seconds = time.perf_counter() - context.begun
        stores = store_seconds()
        if _log.isEnabledFor(logging.INFO):
            told = {
                "request_id": context.request_id,
                "user": context.get("username"),
                "method": method,
                "route": route,
                "status": status,
                "milliseconds": _milliseconds(seconds),
                "stores": {
                    store: _milliseconds(spent) for store, spent in stores.items()
                },
            }
            logs.write(_log, f"{method} {route or '-'} {status}", told)
        if self.metrics is not None:
            self.metrics.count_request(method, route or "", status, seconds, stores)
        return ID_HEADER, context.request_id


def watch_requests(app: Flask, watch: RequestWatch) -> None:
    """Watch what Flask answers.

    To be called before anything else is to happen after a request: what is asked for
    first is done last.
    """

    def begin() -> None:
        watch.begin(request.environ)

    def finish(response: Response) -> Response:
        # What the proxy stands for: to look behind it takes a microsecond.
        asked: Request = request._get_current_object()  # type: ignore[attr-defined]
        route = asked.url_rule.rule if asked.url_rule else None
        name, value = watch.end(asked.method, route, response.status_code)
        response.headers[name] = value
        return response

    app.before_request(begin)
    app.after_request(finish)


def _id_for(environ: dict[str, Any]) -> str:
    given: str = environ.get(_ID_IN_ENVIRON, "")
    return given if _WELL_FORMED.fullmatch(given) else os.urandom(16).hex()


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 1)
