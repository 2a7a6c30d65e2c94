"""Profiles: users with the names that they go by."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select, update

from ..database import transactional
from ..errors import UnknownUserError
from ..extensions import sql_db
from ..pagination import AnyRow, SortedListing
from ..sql_models import NAME_LENGTH, User
from . import audit, checks, users
from .audit import Action

_COLUMNS = (User.id, User.username, User.is_admin, User.display_name)
_SORTABLE = {"username": User.username, "is_admin": User.is_admin}


def profile(username: str) -> dict[str, Any]:
    """Return what users.info() returns, and display_name.

    :raises UnknownUserError: if there is no such user
    """
    rows = sql_db.session.execute(
        select(*_COLUMNS).where(User.username == username)
    ).all()
    if not rows:
        raise UnknownUserError(f"User '{username}' not registered")
    return _to_items(rows)[0]


def listing(sort: str | None = None) -> SortedListing:
    """Return the profile of every user.

    :raises InvalidFieldError: for a sort by anything but username and is_admin
    """
    statement = select(*_COLUMNS).select_from(User)
    return SortedListing(statement, _SORTABLE, sort, "username", _to_items)  # type: ignore[arg-type]


@transactional
def put(username: str, is_admin: bool, changes: dict[str, Any]) -> bool:
    """Add a user, or make one that is there an admin or not.

    :param changes: as change() takes them
    :returns: whether the user is new
    :raises InvalidFieldError: for a name that cannot be one
    """
    new = users.find(username) is None
    if new:
        users.register([{"username": username, "is_admin": is_admin}])
    else:
        changes = {**changes, "is_admin": is_admin}
    change(username, changes)
    return new


@transactional
def change(username: str, changes: dict[str, Any]) -> None:
    """Change is_admin and display_name, where they are given.

    :raises UnknownUserError: if there is no such user
    :raises InvalidFieldError: for a display name that cannot be one
    """
    users.require(username)
    if changes.get("display_name") is not None:
        checks.text("display_name", changes["display_name"], NAME_LENGTH)
    if changes:
        sql_db.session.execute(
            update(User).where(User.username == username).values(changes)
        )
        audit.record(Action.UPDATE_USER, username, **changes)


def _to_items(rows: Sequence[AnyRow]) -> list[dict[str, Any]]:
    names = {row.username: row.display_name for row in rows}
    return [
        {**item, "display_name": names[item["username"]]}
        for item in users.to_items(rows)
    ]
