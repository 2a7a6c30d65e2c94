"""Logs: a line for each thing that happens, as JSON or for people to read.

A line says what was asked for and never what was in it: no token, password, README or
text of a query is in any of them, unless LOG_LEVEL is DEBUG.
"""

import logging
import sys
import traceback
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
from flask import g

#: The parent of all loggers of this server.
LOGGER = "dtool_lookup_server"


class ErrorStream(logging.Handler):
    """Writes lines where the server around wants them, else on standard error.

    As Flask's own handler does, which looks for that stream a dozen times a line.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record as a line."""
        try:
            stream = g.errors if g and "errors" in g else sys.stderr
            stream.write(f"{self.format(record)}\n")
            stream.flush()
        except Exception:
            self.handleError(record)


_handler = ErrorStream()


def configure_logs(settings: Mapping[str, Any]) -> None:
    """Write log lines on standard error, unless the program around has set up its own.

    :param settings: app.config
    """
    logging.getLogger(LOGGER).setLevel(settings["LOG_LEVEL"])
    people = settings["LOG_FORMAT"] == "text" or (
        settings["LOG_FORMAT"] is None and sys.stderr.isatty()
    )
    _handler.setFormatter(TextLines() if people else JSONLines())
    logging.getLogger("werkzeug").addFilter(_is_no_access_line)
    root = logging.getLogger()
    if not root.handlers:
        root.addHandler(_handler)


def _is_no_access_line(record: logging.LogRecord) -> bool:
    """Tell werkzeug's other lines from those on requests, which have their own here."""
    return record.levelno > logging.INFO or " - - [" not in str(record.msg)


class JSONLines(logging.Formatter):
    """A JSON object on each line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as a line."""
        return orjson.dumps(contents(record), default=str).decode()


class TextLines(logging.Formatter):
    """Time, level and message on each line, and then what else is known."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as a line, and the trace of an error below it."""
        line = contents(record)
        trace = line.pop("trace", [])
        head = f"{line.pop('time')} {line.pop('level')} {line.pop('message')}"
        rest = (f"{key}={value}" for key, value in line.items() if value is not None)
        return "\n  ".join([_printable(" ".join([head, *rest])), *trace])


def contents(record: logging.LogRecord) -> dict[str, Any]:
    """Return what a line says.

    :returns: time, level, logger and message; request_id within a request; what the
        caller gave as extra={"fields": ...}; and of an error its type and trace
    """
    line = {
        "time": datetime.fromtimestamp(record.created, UTC).isoformat(
            timespec="milliseconds"
        ),
        "level": record.levelname,
        "logger": record.name,
        "message": record.getMessage(),
        **getattr(record, "fields", {}),
    }
    if "request_id" not in line and g and "request_id" in g:
        line["request_id"] = g.request_id
    if record.exc_info and record.exc_info[1] is not None:
        line["error"] = type(record.exc_info[1]).__name__
        line["trace"] = list(_trace(record.exc_info[1]))
    return line


def _trace(error: BaseException) -> Iterator[str]:
    """Yield where an error and its causes came from, without their words.

    The words may hold what a user sent: they are for LOG_LEVEL DEBUG.
    """
    verbose = logging.getLogger(LOGGER).isEnabledFor(logging.DEBUG)
    cause: BaseException | None = error
    while cause is not None:
        yield f"{type(cause).__name__}: {cause}" if verbose else type(cause).__name__
        for frame in traceback.extract_tb(cause.__traceback__):
            yield f"{frame.filename}:{frame.lineno} in {frame.name}"
        cause = cause.__cause__ or cause.__context__


def _printable(text: str) -> str:
    """Return a text without characters that could make it look like another line."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in text
    )
