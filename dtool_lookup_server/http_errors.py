"""From an exception to the status and the one JSON shape of errors."""

from typing import Any, NamedTuple

from flask import Flask, Response, current_app, jsonify, request
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.http import HTTP_STATUS_CODES

from .database import unavailable
from .errors import (
    AlreadyExistsError,
    AuthenticationError,
    AuthorizationError,
    DtoolLookupServerError,
    EditsOffError,
    InUseError,
    InvalidFieldError,
    NotificationsOffError,
    StoreFullError,
    StoreUnavailableError,
    TokensOffError,
    TooManyAttemptsError,
    TooManyRequestsError,
    UnknownBaseURIError,
    UnknownURIError,
    UnknownUserError,
    ValidationError,
)


class Answer(NamedTuple):
    """How an exception is answered.

    :param message: text for the client; None for the exception's own; empty for none
    """

    status: int
    message: str | None = None


Answers = dict[type[Exception], Answer]

_ANSWERS: Answers = {
    InvalidFieldError: Answer(422),
    ValidationError: Answer(400),
    AuthenticationError: Answer(401, ""),
    AuthorizationError: Answer(403, ""),
    UnknownBaseURIError: Answer(404),
    UnknownURIError: Answer(404),
    UnknownUserError: Answer(404),
    AlreadyExistsError: Answer(409),
    InUseError: Answer(409),
    TokensOffError: Answer(404),
    NotificationsOffError: Answer(404),
    TooManyAttemptsError: Answer(429),
    TooManyRequestsError: Answer(429),
    EditsOffError: Answer(403),
    StoreUnavailableError: Answer(503),
    StoreFullError: Answer(507),
    DtoolLookupServerError: Answer(500, ""),
}

# Neither tells whether it is the base URI, the dataset or the permission that is
# missing: what is there must not leak to those who may not see it.
_NOT_READABLE = Answer(400, "No such dataset, or no permission to read it")
_NOT_REGISTRABLE = Answer(401, "No permission to register in this base URI")

# To those who are not admins, and to strangers, these routes are not there.
_NOT_THERE: Answers = {
    AuthenticationError: Answer(404, ""),
    AuthorizationError: Answer(404, ""),
}

# Which base URIs are registered is for admins to know: to others one that is not is
# one that they may not use.
_OF_A_DATASET: Answers = {UnknownBaseURIError: Answer(403, "")}

# Where the answer is another one, by endpoint or by blueprint.
_OTHER_ANSWERS: dict[str, Answers] = {
    "dataset.register": {
        ValidationError: Answer(409),
        AuthorizationError: _NOT_REGISTRABLE,
        UnknownBaseURIError: _NOT_REGISTRABLE,
    },
    "dataset": {
        AuthorizationError: _NOT_READABLE,
        UnknownBaseURIError: _NOT_READABLE,
        UnknownURIError: _NOT_READABLE,
    },
    "user": {**_NOT_THERE, UnknownUserError: Answer(404, "")},
    "admin": _NOT_THERE,
    **{
        name: _OF_A_DATASET
        for name in ("uris", "readmes", "manifests", "annotations", "tags")
    },
}


def register_error_handlers(app: Flask) -> None:
    """Answer the domain's exceptions and the database's with the JSON of errors."""
    app.register_error_handler(DtoolLookupServerError, answer)
    app.register_error_handler(DBAPIError, answer)
    app.register_error_handler(PoolTimeout, answer_busy_pool)


def answer(error: Exception) -> tuple[Response, int]:
    """Return the response to an exception: 503 or 507 where a store is away or full."""
    payload = describe(error)
    return jsonify(payload), payload["code"]


def describe(error: Exception) -> dict[str, Any]:
    """Return the JSON of one of the domain's exceptions, or of the database's."""
    if isinstance(error, DBAPIError):
        away = unavailable(error)
        if away is None:
            # The statement's values may be anybody's data: they stay out of the log.
            name = type(error.orig).__name__
            current_app.logger.error("Database error: %s", name)
        error = away or DtoolLookupServerError()
    if not isinstance(error, DtoolLookupServerError):
        raise error
    status, message = _answer_to(error)
    if status >= 500:
        current_app.logger.error("%s: %s", type(error).__name__, error)
    payload: dict[str, Any] = {"code": status, "status": HTTP_STATUS_CODES[status]}
    if text := str(error) if message is None else message:
        payload["message"] = text
    if isinstance(error, InvalidFieldError):
        payload["errors"] = {"json": error.errors}
    return payload


def answer_busy_pool(_error: PoolTimeout) -> tuple[Response, int]:
    """Return the response where every connection to the database stayed in use."""
    return answer(StoreUnavailableError("The database is busy: try again later"))


def _answer_to(error: DtoolLookupServerError) -> Answer:
    tables = [
        _OTHER_ANSWERS.get(request.endpoint or "", {}),
        _OTHER_ANSWERS.get((request.blueprint or "").partition("_")[0], {}),
        _ANSWERS,
    ]
    for exception in type(error).__mro__:
        for table in tables:
            if exception in table:
                return table[exception]
    raise AssertionError("every domain exception is a DtoolLookupServerError")
