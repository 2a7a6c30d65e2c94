"""How many requests a second somebody may send, counted by Flask-Limiter."""

import importlib
from typing import Any

from flask import Flask, Response, request
from flask_jwt_extended.exceptions import JWTExtendedException
from jwt import PyJWTError
from sqlalchemy.exc import SQLAlchemyError

from .auth import acting_user
from .errors import (
    ConfigurationError,
    DtoolLookupServerError,
    TooManyRequestsError,
)
from .http_errors import answer

#: What is asked for by machines that look after the server, and what pages are made of.
UNLIMITED = ("/config/health", "/config/ready", "/static/", "/doc")


def limit_rate(app: Flask) -> None:
    """Refuse requests of whoever sends too many, if the settings say so.

    :raises ConfigurationError: if the extra limits is missing, or the storage wrong
    """
    rate = app.config["REQUESTS_PER_SECOND"]
    if rate is None:
        return
    try:
        flask_limiter: Any = importlib.import_module("flask_limiter")
    except ImportError:
        raise ConfigurationError(
            "Setting REQUESTS_PER_SECOND: pip install 'dtool-lookup-server[limits]'"
        ) from None
    limiter = flask_limiter.Limiter(
        who_asks,
        application_limits=[f"{rate} per second"],
        storage_uri=app.config["RATE_LIMIT_STORAGE"],
        strategy="moving-window",
        headers_enabled=True,
        # A storage that is away must not stop the server.
        in_memory_fallback_enabled=True,
    )
    limiter.request_filter(lambda: request.path.startswith(UNLIMITED))
    try:
        limiter.init_app(app)
    except Exception as error:
        # The URL of the storage may hold a password.
        raise ConfigurationError(
            f"Setting RATE_LIMIT_STORAGE cannot be used: {type(error).__name__}"
        ) from None

    def refuse(_error: Exception) -> tuple[Response, int]:
        return answer(
            TooManyRequestsError(
                f"More than {rate} requests in a second: wait a little, and try again"
            )
        )

    app.register_error_handler(flask_limiter.RateLimitExceeded, refuse)


def who_asks() -> str:
    """Return what requests are counted by: the user or, without one, the address."""
    try:
        return f"user {acting_user().username}"
    except (
        DtoolLookupServerError,
        SQLAlchemyError,
        JWTExtendedException,
        PyJWTError,
    ):
        return f"address {request.remote_addr}"
