"""From a token to the acting user, and the two guards of routes.

A guarded view gets the acting user as its first argument. Both guards are public:
a plugin's routes may use them.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any

from flask import Flask, current_app, g, has_request_context, request
from flask_jwt_extended import create_access_token, get_jwt_identity
from flask_jwt_extended.exceptions import JWTDecodeError, JWTExtendedException
from flask_jwt_extended.exceptions import RevokedTokenError as RevokedJWTError
from jwt import PyJWTError
from sqlalchemy.exc import DBAPIError

from .errors import (
    AuthenticationError,
    AuthorizationError,
    ConfigurationError,
    DtoolLookupServerError,
    RevokedTokenError,
)
from .extensions import jwt
from .services import access_tokens, audit, users
from .services.audit import Action, Origin
from .services.users import ActingUser
from .sql_models import to_timestamp, utc_now

View = Callable[..., Any]

# Where the environment of a request has the user, once that is known.
_ACTING = "dtool_lookup_server.acting_user"


def acting_user() -> ActingUser:
    """Return the registered user whose token the request carries.

    :raises AuthenticationError: if the token is good and its user is not registered
    """
    # Asked for once in a request, which may need it more often.
    environ = request.environ
    known: ActingUser | None = environ.get(_ACTING)
    if known is not None:
        return known
    if current_app.config["DISABLE_JWT_AUTHORISATION"]:
        user = users.find(current_app.config["DEFAULT_USER"])
    else:
        user = _bearer()
    if user is None:
        raise AuthenticationError("The user of this token is not registered")
    act_as(user.username, user.token_id)
    environ[_ACTING] = user
    return user


def act_as(username: str | None, access_token_id: int | None = None) -> None:
    """Say in whose name the request is, for the log and the audit trail.

    :param username: None where nobody knows yet
    """
    context = g._get_current_object()
    context.username, context.access_token_id = username, access_token_id


def note_origins(app: Flask) -> None:
    """Let the audit trail know who asks for what is done in a request."""

    def begin() -> None:
        act_as(None)
        audit.come_from(_request_origin)

    app.before_request(begin)


def _request_origin() -> Origin | None:
    # A script may go on in the context that a request was made in, as tests do.
    return origin_of(request.environ) if has_request_context() else None


def origin_of(environ: Mapping[str, Any]) -> Origin:
    """Return who asks for what is done in a request, for the audit trail.

    :param environ: of the request, as WSGI has it
    """
    return Origin(
        audit.API,
        username=g.username or _verified_name(),
        address=environ.get("REMOTE_ADDR"),
        request_id=g.get("request_id"),
        access_token_id=g.access_token_id,
    )


def _verified_name() -> str | None:
    """Return the name in a token that a plugin's route has had verified, if any."""
    try:
        name = get_jwt_identity()
    except RuntimeError:
        return None
    return name if isinstance(name, str) else None


def _bearer() -> ActingUser | None:
    """Return the user whom the request's token names, if registered.

    The signature and the claims are the token's alone. What becomes of users later,
    and of their tokens, is read from the database each time.
    """
    authorization = request.authorization
    token = authorization.token if authorization is not None else None
    if token and token.startswith(access_tokens.PREFIX):
        user = access_tokens.find_bearer(token)
        if user is None:
            raise RevokedJWTError({}, {})
        return user
    _key, header, claims = jwt.verify_bearer(authorization)
    try:
        return user_named_by(claims)
    except RevokedTokenError:
        raise RevokedJWTError(header, claims) from None


def user_named_by(claims: dict[str, Any]) -> ActingUser | None:
    """Return the user whom a verified token names, or None if not registered.

    :raises JWTDecodeError: if it names nobody
    :raises RevokedTokenError: if it was revoked
    """
    name = claims.get(current_app.config["JWT_IDENTITY_CLAIM"])
    if not isinstance(name, str):
        raise JWTDecodeError("The claim with the user name is no string")
    issued_at = claims.get("iat")
    return users.find_bearer(name, None if issued_at is None else float(issued_at))


def is_from_admin() -> bool:
    """Return whether the request carries an admin's token; never an error.

    For routes that everybody may call, and that tell admins more.
    """
    try:
        return acting_user().is_admin
    except (DtoolLookupServerError, DBAPIError, JWTExtendedException, PyJWTError):
        return False


def registered_user(view: View) -> View:
    """Let only registered users call a view."""

    @functools.wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        return view(acting_user(), *args, **kwargs)

    return guarded


def owner(view: View) -> View:
    """Let registered users call a view, but no access token of theirs."""

    @functools.wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        user = acting_user()
        if user.token_id is not None:
            raise AuthorizationError("An access token may not do this")
        return view(user, *args, **kwargs)

    return guarded


def admin(view: View) -> View:
    """Let only registered users who are admins call a view."""

    @functools.wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        user = acting_user()
        if not user.is_admin:
            raise AuthorizationError("Only admins may do this")
        return view(user, *args, **kwargs)

    return guarded


def issue_token(username: str, last_forever: bool = False) -> str:
    """Return a new token for a user.

    :param last_forever: without it the token ends when the setting
        JWT_ACCESS_TOKEN_EXPIRES says
    :raises UnknownUserError: if the user is not registered
    :raises ConfigurationError: if the server has no private key
    """
    users.require(username)
    if not current_app.config.get("JWT_PRIVATE_KEY"):
        raise ConfigurationError(
            "There is no private key to sign tokens with: set JWT_PRIVATE_KEY_FILE"
        )
    token = create_access_token(
        identity=username,
        expires_delta=False if last_forever else None,
        # To the microsecond: one made just after a revocation counts.
        additional_claims={"iat": to_timestamp(utc_now())},
        additional_headers={"kid": current_app.config["JWT_KEY_ID"]},
    )
    audit.write(Action.ISSUE_TOKEN, username, last_forever=last_forever)
    return token
