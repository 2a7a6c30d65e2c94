"""Logs: a line for each thing that happens, as JSON or for people to read.

A line says what was asked for and never what was in it: no token, password, README or
text of a query is in any of them, unless LOG_LEVEL is DEBUG.
"""

import logging
import sys
import time
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
            self.write(self.format(record))
        except Exception:
            self.handleError(record)

    def write(self, line: str) -> None:
        """Write a line."""
        stream = g.get("errors", sys.stderr) if g else sys.stderr
        stream.write(f"{line}\n")
        stream.flush()


_handler = ErrorStream()


def write(log: logging.Logger, message: str, fields: dict[str, Any]) -> None:
    """Log what happens very often, at the level INFO.

    To make a record and pass it on takes as long as to write a line. That is left out
    where nobody but this module would see the record.

    :param log: one of this server's, enabled for INFO
    :param fields: what else there is to tell
    """
    formatter = _handler.formatter
    if isinstance(formatter, Lines) and _goes_here_alone(log):
        try:
            begin = beginning(time.time(), "INFO", log.name, message)
            _handler.write(formatter.line({**begin, **fields}))
            return
        except Exception:
            # As logging has it: told once more, by what tells of its own errors.
            pass
    record = log.makeRecord(
        log.name, logging.INFO, __file__, 0, message, (), None, write.__name__
    )
    record.fields = fields
    log.handle(record)


def _goes_here_alone(log: logging.Logger) -> bool:
    """Return whether a logger's records go to this module's handler as they are."""
    current: logging.Logger | None = log
    while current is not None:
        handlers = [_handler] if current.parent is None else []
        if current.handlers != handlers or current.filters:
            return False
        if current.parent is not None and not current.propagate:
            return False
        current = current.parent
    plain = logging.getLogRecordFactory() is logging.LogRecord
    return plain and not _handler.filters and not _handler.level


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


class Lines(logging.Formatter):
    """What a record says, on a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as a line."""
        return self.line(contents(record))

    def line(self, line: dict[str, Any]) -> str:
        """Return what a line says, as contents() has it, as text."""
        raise NotImplementedError


class JSONLines(Lines):
    """A JSON object on each line."""

    def line(self, line: dict[str, Any]) -> str:
        """Return the object."""
        return orjson.dumps(line, default=str).decode()


class TextLines(Lines):
    """Time, level and message on each line, and then what else is known."""

    def line(self, line: dict[str, Any]) -> str:
        """Return the line, and the trace of an error below it."""
        trace = line.pop("trace", [])
        head = f"{line.pop('time')} {line.pop('level')} {line.pop('message')}"
        rest = (f"{key}={value}" for key, value in line.items() if value is not None)
        return "\n  ".join([_printable(" ".join([head, *rest])), *trace])


def contents(record: logging.LogRecord) -> dict[str, Any]:
    """Return what a line says.

    :returns: time, level, logger and message; request_id within a request; what the
        caller gave as extra={"fields": ...}; and of an error its type and trace
    """
    message = record.getMessage()
    line = {
        **beginning(record.created, record.levelname, record.name, message),
        **getattr(record, "fields", {}),
    }
    if "request_id" not in line and g and "request_id" in g:
        line["request_id"] = g.request_id
    if record.exc_info and record.exc_info[1] is not None:
        line["error"] = type(record.exc_info[1]).__name__
        line["trace"] = list(_trace(record.exc_info[1]))
    return line


def beginning(seconds: float, level: str, logger: str, message: str) -> dict[str, Any]:
    """Return what each line says first.

    :param seconds: when it happened, since the epoch
    """
    time_of_day = datetime.fromtimestamp(seconds, UTC)
    return {
        "time": time_of_day.isoformat(timespec="milliseconds"),
        "level": level,
        "logger": logger,
        "message": message,
    }


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
