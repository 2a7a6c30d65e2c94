"""Users: who they are, and adding, changing and removing them."""

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, select, update

from ..database import transactional
from ..errors import AlreadyExistsError, RevokedTokenError, UnknownUserError
from ..extensions import sql_db
from ..pagination import AnyRow, SelectListing
from ..prepared import RememberedSelect
from ..sql_models import (
    USERNAME_LENGTH,
    AccessToken,
    BaseURI,
    RemovedUser,
    User,
    access_token_base_uris,
    register_permissions,
    search_permissions,
    to_timestamp,
    utc_now,
)
from . import audit, checks
from .audit import Action

# Executed in every request.
_COLUMNS = ("id", "username", "is_admin", "tokens_valid_from")
_BY_NAME = RememberedSelect(
    select(*(User.__table__.c[key] for key in _COLUMNS)).where(
        User.__table__.c.username == bindparam("username")
    )
)


#: What an access token may be for, by the words of the permissions.
EVERY_SCOPE = frozenset({"search", "register"})


@dataclass(frozen=True)
class ActingUser:
    """The user on whose behalf something is done.

    :param scopes: the permissions that may be used
    :param token_id: of the personal access token that stands for the user, if one does
    :param all_base_uris: whether that token is for every base URI
    """

    id: int
    username: str
    is_admin: bool
    scopes: frozenset[str] = EVERY_SCOPE
    token_id: int | None = None
    all_base_uris: bool = True


def find(username: str) -> ActingUser | None:
    """Return the registered user of that name, or None."""
    row = _row(username)
    return _acting(*row[:-1]) if row else None


# To make one takes as long as to find what it is made of.
_acting = functools.lru_cache(ActingUser)


def _row(username: str) -> tuple[Any, ...] | None:
    """Return the columns of an ActingUser, and tokens_valid_from, of a user."""
    if not username or len(username) > USERNAME_LENGTH or not username.isprintable():
        return None
    return _BY_NAME.first({"username": username})


def find_bearer(username: str, issued_at: float | None) -> ActingUser | None:
    """Return the user whom a token names, or None where nobody is registered.

    Whether the token was revoked is read in the same statement as the user, so that no
    cache can come between.

    :param issued_at: seconds since the epoch; None where the token does not say, which
        counts as before any revocation
    :raises RevokedTokenError: if the user's tokens of that time were revoked
    """
    row = _row(username)
    if row is None:
        return None
    *columns, valid_from = row
    if valid_from is not None and (
        issued_at is None or issued_at < to_timestamp(valid_from)
    ):
        raise RevokedTokenError("Token has been revoked")
    return _acting(*columns)


@transactional
def revoke_tokens(username: str) -> None:
    """Make all tokens worthless that a user has by now.

    :raises UnknownUserError: if there is no such user
    """
    require(username)
    sql_db.session.execute(
        update(User)
        .where(User.username == username)
        .values(tokens_valid_from=utc_now())
    )
    audit.record(Action.REVOKE_TOKENS, username)


@transactional
def register(users: Iterable[dict[str, Any]]) -> None:
    """Add users; those that exist are left as they are.

    The tokens of somebody who had the same name before, and was removed, do not count.
    Others may be older than their user.

    :param users: dictionaries with username and, optionally, is_admin
    :raises InvalidFieldError: for a name that cannot be one; then none is added
    """
    wanted: dict[str, bool] = {}
    for user in users:
        name = checks.text("username", user["username"], USERNAME_LENGTH)
        wanted.setdefault(name, bool(user.get("is_admin", False)))
    for name in wanted:
        if find(name) is None:
            user = User(username=name, is_admin=wanted[name])
            user.tokens_valid_from = _removed_at(name)
            sql_db.session.add(user)
            audit.record(Action.ADD_USER, name, is_admin=wanted[name])


def _removed_at(username: str) -> datetime | None:
    """Return when a user of that name was removed; None if there never was one."""
    removed_at = select(RemovedUser.removed_at).where(RemovedUser.username == username)
    return sql_db.session.scalar(removed_at)


@transactional
def add(username: str, is_admin: bool = False) -> None:
    """Add one user.

    :raises AlreadyExistsError: if there is one of that name
    """
    if find(username):
        raise AlreadyExistsError(f"User '{username}' already registered")
    register([{"username": username, "is_admin": is_admin}])


@transactional
def change(users: Iterable[dict[str, Any]]) -> None:
    """Make users admins or not; those that do not exist are left out.

    :param users: dictionaries with username and is_admin (False where it is missing)
    """
    for user in users:
        name, is_admin = user["username"], bool(user.get("is_admin", False))
        changed = sql_db.session.execute(
            update(User).where(User.username == name).values(is_admin=is_admin)
        )
        if changed.rowcount:  # type: ignore[attr-defined]
            audit.record(Action.UPDATE_USER, name, is_admin=is_admin)


@transactional
def remove(usernames: Iterable[str]) -> None:
    """Remove users with their permissions and tokens.

    Those that do not exist are left out.
    """
    named = select(User.username).where(User.username.in_(list(usernames)))
    names = sql_db.session.scalars(named.order_by(User.id)).all()
    ids = select(User.id).where(User.username.in_(names))
    tokens = select(AccessToken.id).where(AccessToken.user_id.in_(ids))
    sql_db.session.execute(
        delete(access_token_base_uris).where(
            access_token_base_uris.c.token_id.in_(tokens)
        )
    )
    sql_db.session.execute(delete(AccessToken).where(AccessToken.user_id.in_(ids)))
    for table in (search_permissions, register_permissions):
        sql_db.session.execute(delete(table).where(table.c.user_id.in_(ids)))
    sql_db.session.execute(delete(User).where(User.username.in_(names)))
    sql_db.session.execute(delete(RemovedUser).where(RemovedUser.username.in_(names)))
    now = utc_now()
    for name in names:
        sql_db.session.add(RemovedUser(username=name, removed_at=now))
        audit.record(Action.DELETE_USER, name)


def require(username: str) -> ActingUser:
    """Return the registered user of that name.

    :raises UnknownUserError: if there is none
    """
    user = find(username)
    if user is None:
        raise UnknownUserError(f"User '{username}' not registered")
    return user


def info(username: str) -> dict[str, Any]:
    """Return username, is_admin and the base URIs of both permissions.

    :raises UnknownUserError: if there is no such user
    """
    rows = sql_db.session.execute(
        select(User.id, User.username, User.is_admin).where(User.username == username)
    ).all()
    if not rows:
        raise UnknownUserError(f"User '{username}' not registered")
    (item,) = to_items(rows)
    del item["id"]
    return item


def own_info(user: ActingUser) -> dict[str, Any]:
    """Return username and is_admin of an acting user, who may be one by a token."""
    if user.token_id is None:
        # As they were read a moment ago, with the user.
        return {"username": user.username, "is_admin": user.is_admin}
    return info(user.username)


def listing() -> SelectListing:
    """Return every user as info() has it, and id, in order of registration."""
    return SelectListing(
        select(User.id, User.username, User.is_admin).select_from(User),
        [User.id.asc()],
        to_items,
    )


def to_items(rows: Sequence[AnyRow]) -> list[dict[str, Any]]:
    """Return rows with id, username and is_admin as listing() has them."""
    ids = [row.id for row in rows]
    searches = _base_uris_by_user(search_permissions, ids)
    registers = _base_uris_by_user(register_permissions, ids)
    return [
        {
            "id": row.id,
            "username": row.username,
            "is_admin": row.is_admin,
            "search_permissions_on_base_uris": searches[row.id],
            "register_permissions_on_base_uris": registers[row.id],
        }
        for row in rows
    ]


def _base_uris_by_user(table: Any, user_ids: list[int]) -> dict[int, list[str]]:
    base_uris: dict[int, list[str]] = {user_id: [] for user_id in user_ids}
    held = (
        select(table.c.user_id, BaseURI.base_uri)
        .join(BaseURI, BaseURI.id == table.c.base_uri_id)
        .where(table.c.user_id.in_(user_ids))
        .order_by(BaseURI.id)
    )
    for user_id, base_uri in sql_db.session.execute(held):
        base_uris[user_id].append(base_uri)
    return base_uris
