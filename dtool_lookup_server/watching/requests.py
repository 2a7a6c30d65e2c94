"""Requests: an id for each, how long it took, and a line in the log."""

import logging
import os
import re
import time
from typing import Any

from flask import Flask, Response, g, request

from .logs import LOGGER
from .metrics import Metrics
from .stores import begin_request, store_seconds

ID_HEADER = "X-Request-ID"
_ID_IN_ENVIRON = "HTTP_X_REQUEST_ID"

_WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{1,128}")

_log = logging.getLogger(f"{LOGGER}.requests")


def watch_requests(app: Flask, metrics: Metrics | None) -> None:
    """Give each request an id, and log and measure how it was answered.

    To be called before anything else is to happen after a request: what is asked for
    first is done last.
    """

    def finish(response: Response) -> Response:
        context = g._get_current_object()
        seconds = time.perf_counter() - context.begun
        response.headers[ID_HEADER] = context.request_id
        if _log.isEnabledFor(logging.INFO):
            _write(fields(response, seconds))
        if metrics is not None:
            metrics.count_request(
                request.method,
                route() or "",
                response.status_code,
                seconds,
                store_seconds(),
            )
        return response

    app.before_request(_begin)
    app.after_request(finish)


def _write(line: dict[str, Any]) -> None:
    """Log a request, without looking for the line of code that does."""
    values = (line["method"], line["route"] or "-", line["status"])
    record = _log.makeRecord(
        _log.name, logging.INFO, __file__, 0, "%s %s %s", values, None, _write.__name__
    )
    record.fields = line
    _log.handle(record)


def _begin() -> None:
    context = g._get_current_object()
    context.begun = time.perf_counter()
    begin_request()
    given = request.environ.get(_ID_IN_ENVIRON)
    good = given is not None and _WELL_FORMED.fullmatch(given)
    context.request_id = given if good else os.urandom(16).hex()


def route() -> str | None:
    """Return the pattern of the request's path, which holds nothing of the client's.

    :returns: None where there is no such path
    """
    rule = request.url_rule
    return rule.rule if rule else None


def fields(response: Response, seconds: float) -> dict[str, Any]:
    """Return what the log says of a request."""
    return {
        "request_id": g.request_id,
        "user": g.get("username"),
        "method": request.method,
        "route": route(),
        "status": response.status_code,
        "milliseconds": _milliseconds(seconds),
        "stores": {
            store: _milliseconds(spent) for store, spent in store_seconds().items()
        },
    }


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 1)
