"""Personal access tokens: for scripts, limited to what a script needs.

Their owner makes, lists and revokes them. A token is shown once and kept as a digest: a
token has 256 random bits, so that a plain SHA-256 cannot be guessed back.
"""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.exc import DBAPIError

from ..database import transactional
from ..errors import InvalidFieldError
from ..extensions import sql_db
from ..sql_models import (
    NAME_LENGTH,
    AccessToken,
    BaseURI,
    User,
    access_token_base_uris,
    from_timestamp,
    to_timestamp,
    utc_now,
)
from . import audit, base_uris, checks, permissions
from .audit import Action
from .users import EVERY_SCOPE, ActingUser

#: What each token begins with, so that scans for secrets find it.
PREFIX = "dtool_lookup_"

#: How long a token is good where its maker does not say.
DEFAULT_LIFE = timedelta(days=90)

# What the audit trail tells of one.
_RECORDED = ("id", "name", "scopes", "base_uris", "expires_at")

#: How old the time of the last use may be before it is written anew.
_STALE = timedelta(minutes=1)


def find_bearer(token: str) -> ActingUser | None:
    """Return the user whose access token this is, limited as it is; None if it is none.

    One that has ended or was revoked is none.
    """
    now = utc_now()
    row = sql_db.session.execute(
        select(
            User.id,
            User.username,
            AccessToken.id.label("token_id"),
            AccessToken.scopes,
            AccessToken.all_base_uris,
            AccessToken.last_used_at,
        )
        .join(User, User.id == AccessToken.user_id)
        .where(
            AccessToken.sha256 == _sha256(token),
            AccessToken.expires_at > now,
            or_(
                User.tokens_valid_from.is_(None),
                AccessToken.created_at >= User.tokens_valid_from,
            ),
        )
    ).first()
    if row is None:
        return None
    if row.last_used_at is None or now - row.last_used_at > _STALE:
        _note_use(row.token_id)
    return ActingUser(
        row.id,
        row.username,
        is_admin=False,
        scopes=frozenset(row.scopes.split()),
        token_id=row.token_id,
        all_base_uris=row.all_base_uris,
    )


@transactional
def make(
    user: ActingUser,
    name: str,
    scopes: Sequence[str],
    limits: Sequence[str] | None = None,
    expires_at: float | None = None,
) -> dict[str, Any]:
    """Make a token.

    :param name: for its owner to know it by
    :param scopes: of EVERY_SCOPE
    :param limits: the only base URIs that it is for; None for all of its owner's
    :param expires_at: its end, in seconds since the epoch
    :returns: as listing() has it, and the token itself, which nobody sees again
    :raises InvalidFieldError: for a base URI that the user may not use, or another
        wrong value
    """
    now = utc_now()
    checks.text("name", name, NAME_LENGTH)
    if not scopes or set(scopes) - EVERY_SCOPE:
        raise InvalidFieldError("scopes", f"One or more of {sorted(EVERY_SCOPE)}.")
    end = now + DEFAULT_LIFE if expires_at is None else from_timestamp(expires_at)
    if end <= now:
        raise InvalidFieldError("expires_at", "Is over.")
    token = PREFIX + secrets.token_urlsafe(32)
    row = AccessToken(
        user_id=user.id,
        name=name,
        sha256=_sha256(token),
        scopes=" ".join(sorted(set(scopes))),
        all_base_uris=limits is None,
        created_at=now,
        expires_at=end,
    )
    sql_db.session.add(row)
    sql_db.session.flush()
    for base_uri_id in _usable(user, limits or ()):
        sql_db.session.execute(
            insert(access_token_base_uris).values(
                token_id=row.id, base_uri_id=base_uri_id
            )
        )
    [item] = [item for item in listing(user) if item["id"] == row.id]
    told = {key: item[key] for key in _RECORDED}
    audit.record(Action.MAKE_ACCESS_TOKEN, user.username, **told)
    return {**item, "token": token}


def listing(user: ActingUser) -> list[dict[str, Any]]:
    """Return a user's tokens, the oldest first: all about them but the tokens."""
    mine = select(AccessToken).where(AccessToken.user_id == user.id)
    rows = sql_db.session.scalars(mine.order_by(AccessToken.id)).all()
    return [
        {
            "id": row.id,
            "name": row.name,
            "scopes": row.scopes.split(),
            "base_uris": None if row.all_base_uris else _limits_of(row.id),
            "created_at": to_timestamp(row.created_at),
            "expires_at": to_timestamp(row.expires_at),
            "last_used_at": row.last_used_at and to_timestamp(row.last_used_at),
        }
        for row in rows
    ]


@transactional
def revoke(user: ActingUser, token_id: int) -> None:
    """Make one of a user's tokens worthless; nothing happens if there is none."""
    mine = (AccessToken.id == token_id, AccessToken.user_id == user.id)
    ids = select(AccessToken.id).where(*mine)
    sql_db.session.execute(
        delete(access_token_base_uris).where(access_token_base_uris.c.token_id.in_(ids))
    )
    gone = sql_db.session.execute(delete(AccessToken).where(*mine))
    if gone.rowcount:  # type: ignore[attr-defined]
        audit.record(Action.REVOKE_ACCESS_TOKEN, user.username, id=token_id)


def _usable(user: ActingUser, limits: Sequence[str]) -> set[int]:
    found = set()
    for base_uri in limits:
        # Whether one that the user may not use is registered is not told.
        if not (
            permissions.may_search(user, base_uri)
            or permissions.may_register(user, base_uri)
        ):
            raise InvalidFieldError("base_uris", f"No permission on {base_uri}.")
        found.add(base_uris.require(base_uri))
    return found


def _limits_of(token_id: int) -> list[str]:
    held = (
        select(BaseURI.base_uri)
        .join(access_token_base_uris)
        .where(access_token_base_uris.c.token_id == token_id)
        .order_by(BaseURI.id)
    )
    return list(sql_db.session.scalars(held))


def _note_use(token_id: int) -> None:
    try:
        _write_use(token_id)
    except DBAPIError:
        # A database that cannot be written can still be read.
        sql_db.session.rollback()


@transactional
def _write_use(token_id: int) -> None:
    sql_db.session.execute(
        update(AccessToken)
        .where(AccessToken.id == token_id)
        .values(last_used_at=utc_now())
    )


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
