"""Requests: an id for each, how long it took, and a line in the log."""

import logging
import os
import re
import time
from typing import Any

from flask import Flask, Request, Response, g, request

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
        # What the proxies stand for: to look behind one takes a microsecond.
        asked: Request = request._get_current_object()  # type: ignore[attr-defined]
        context = g._get_current_object()
        seconds = time.perf_counter() - context.begun
        response.headers[ID_HEADER] = context.request_id
        # The pattern of the path, which holds nothing of the client's.
        route = asked.url_rule.rule if asked.url_rule else None
        stores = store_seconds()
        if _log.isEnabledFor(logging.INFO):
            _write(
                {
                    "request_id": context.request_id,
                    "user": context.get("username"),
                    "method": asked.method,
                    "route": route,
                    "status": response.status_code,
                    "milliseconds": _milliseconds(seconds),
                    "stores": {
                        store: _milliseconds(spent) for store, spent in stores.items()
                    },
                }
            )
        if metrics is not None:
            metrics.count_request(
                asked.method, route or "", response.status_code, seconds, stores
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


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 1)
