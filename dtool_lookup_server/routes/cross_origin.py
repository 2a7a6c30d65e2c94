"""CORS: which web sites' pages may use the API in a browser."""

from typing import Any

from flask import Flask, Response, request
from flask_cors import CORS

from ..errors import ConfigurationError

ANYBODY = "*"

#: Seconds that a browser keeps the answer to its question.
MAX_AGE = 600


def allow_origins(app: Flask) -> None:
    """Let the pages of the sites in CORS_ORIGINS use the API.

    Credentials only where sites are named: with "*" any site could act as the user.

    :raises ConfigurationError: for what is no origin
    """
    origins = app.config["CORS_ORIGINS"]
    for origin in origins:
        # flask-cors would take some characters as a regular expression.
        scheme, _separator, host = origin.partition("://")
        if origin != ANYBODY and (not host or set(origin) & set("*?\\[]^$()/") - {"/"}):
            raise ConfigurationError(f"Setting CORS_ORIGINS: no origin: {origin!r}")
    if ANYBODY in origins:
        CORS(app, origins=ANYBODY, send_wildcard=True, max_age=MAX_AGE)
    else:
        CORS(app, origins=origins, supports_credentials=True, max_age=MAX_AGE)
    _answer_where_asked(app)


def _answer_where_asked(app: Flask) -> None:
    """Spare flask-cors the answers that no page of another site has asked for.

    It takes as long for each as a short statement in SQL.
    """
    answer = app.after_request_funcs[None].pop()

    def answer_pages(response: Response) -> Any:
        return answer(response) if "HTTP_ORIGIN" in request.environ else response

    app.after_request(answer_pages)
