"""Who may search and who may register in which base URI."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Integer,
    Select,
    Table,
    and_,
    bindparam,
    delete,
    insert,
    literal,
    or_,
    select,
)

from ..database import lock_row, transactional
from ..errors import AlreadyExistsError, InvalidFieldError
from ..extensions import sql_db
from ..prepared import Prepared, RememberedSelect
from ..sql_models import (
    BaseURI,
    User,
    access_token_base_uris,
    register_permissions,
    search_permissions,
)
from . import audit, base_uris
from .audit import Action
from .users import ActingUser, require

_WORDS = {search_permissions.name: "search", register_permissions.name: "register"}
_GRANT = {
    search_permissions.name: Action.GRANT_SEARCH,
    register_permissions.name: Action.GRANT_REGISTER,
}
_REVOKE = {
    search_permissions.name: Action.REVOKE_SEARCH,
    register_permissions.name: Action.REVOKE_REGISTER,
}

_USER, _TOKEN = (bindparam(name, type_=Integer) for name in ("user_id", "token_id"))


def held_by(
    table: Table,
    user_id: BindParameter[int] = _USER,
    token_id: BindParameter[int] = _TOKEN,
) -> ColumnElement[bool]:
    """Return the condition that rows of a table of permissions count for somebody.

    Without values it has those of holder() as parameters.
    """
    limits = select(access_token_base_uris.c.base_uri_id)
    limits = limits.where(access_token_base_uris.c.token_id == token_id)
    return and_(
        table.c.user_id == user_id,
        or_(token_id.is_(None), table.c.base_uri_id.in_(limits)),
    )


def holder(user: ActingUser, table: Table = search_permissions) -> dict[str, Any]:
    """Return the parameters of held_by for a user.

    A personal access token limits what its owner may do: one that is not for a kind
    of permission holds none, as nobody does.
    """
    return {
        "user_id": user.id if _WORDS[table.name] in user.scopes else None,
        "token_id": None if user.all_base_uris else user.token_id,
    }


#: A subquery: the ids of the base URIs that may be searched, by holder().
SEARCHABLE = select(search_permissions.c.base_uri_id).where(held_by(search_permissions))


def _held(table: Table) -> Select[tuple[int]]:
    place = BaseURI.__table__.c
    return (
        select(table.c.user_id)
        .join(BaseURI.__table__, place.id == table.c.base_uri_id)
        .where(place.base_uri == bindparam("base_uri"), held_by(table))
    )


# Made once: they are executed for every dataset that is registered.
_HELD = {
    table.name: Prepared(_held(table))
    for table in (search_permissions, register_permissions)
}


_NAMES = {
    table.name: RememberedSelect(
        select(BaseURI.__table__.c.base_uri)
        .join(table, table.c.base_uri_id == BaseURI.__table__.c.id)
        .where(held_by(table))
        .order_by(BaseURI.__table__.c.id)
    )
    for table in (search_permissions, register_permissions)
}


_PLACES = RememberedSelect(
    select(
        BaseURI.__table__.c.id, BaseURI.__table__.c.id.in_(SEARCHABLE).label("shown")
    )
)


def shown_and_hidden(user: ActingUser) -> tuple[list[int], list[int]]:
    """Return the ids of the base URIs that a user may search, and of all others."""
    places: tuple[list[int], list[int]] = ([], [])
    for base_uri_id, shown in _PLACES.all(holder(user)):
        places[not shown].append(base_uri_id)
    return places


def searchable(user: ActingUser) -> Select[tuple[int]]:
    """Return a subquery: the ids of the base URIs that a user may search."""
    return select(search_permissions.c.base_uri_id).where(
        _held_by_user(search_permissions, user)
    )


def _held_by_user(table: Table, user: ActingUser) -> ColumnElement[bool]:
    values = holder(user, table)
    return held_by(
        table, **{name: literal(value, Integer) for name, value in values.items()}
    )


def as_far_as_permitted(user: ActingUser, item: dict[str, Any]) -> dict[str, Any]:
    """Return what is told of a user, with those permissions alone that may be used."""
    return {
        **item,
        "search_permissions_on_base_uris": searchable_names(user),
        "register_permissions_on_base_uris": registrable_names(user),
    }


def searchable_names(user: ActingUser) -> list[str]:
    """Return the base URIs that a user may search, in order of registration."""
    return _names(search_permissions, user)


def registrable_names(user: ActingUser) -> list[str]:
    """Return the base URIs that a user may register in, in order of registration."""
    return _names(register_permissions, user)


def may_search(user: ActingUser, base_uri: str) -> bool:
    """Return whether a user may search a base URI."""
    return _holds(search_permissions, user, base_uri)


def may_register(user: ActingUser, base_uri: str) -> bool:
    """Return whether a user may register datasets in a base URI."""
    return _holds(register_permissions, user, base_uri)


@transactional
def replace(base_uri: str, searchers: Iterable[str], registrars: Iterable[str]) -> None:
    """Give a base URI these permissions in place of those it has.

    :param searchers: names of the users who may search
    :param registrars: names of the users who may register
    :raises UnknownBaseURIError: if the base URI is not registered
    :raises InvalidFieldError: naming users that are not registered; nothing changes
    """
    base_uri_id = base_uris.require(base_uri)
    lock_row(BaseURI, base_uri_id)
    wanted = {
        search_permissions: _ids("users_with_search_permissions", searchers),
        register_permissions: _ids("users_with_register_permissions", registrars),
    }
    for table, user_ids in wanted.items():
        held = _holders(table, base_uri_id)
        sql_db.session.execute(delete(table).where(table.c.base_uri_id == base_uri_id))
        if user_ids:
            sql_db.session.execute(
                insert(table),
                [
                    {"user_id": key, "base_uri_id": base_uri_id}
                    for key in sorted(user_ids.values())
                ],
            )
        _record(_REVOKE[table.name], held - user_ids.keys(), base_uri)
        _record(_GRANT[table.name], user_ids.keys() - held, base_uri)


@transactional
def put(base_uri: str, searchers: Iterable[str], registrars: Iterable[str]) -> bool:
    """Register a base URI with these permissions, or replace those that it has.

    :returns: whether it is new
    :raises InvalidFieldError: if it cannot be a base URI, or naming users that are
        not registered; nothing changes
    """
    new = base_uris.find(base_uri) is None
    base_uris.register(base_uri)
    replace(base_uri, searchers, registrars)
    return new


def revoke_search(username: str, base_uri: str) -> None:
    """Take from a user the permission to search a base URI, if it is there.

    :raises UnknownBaseURIError: if the base URI is not registered
    :raises UnknownUserError: if the user is not registered
    """
    _revoke(search_permissions, username, base_uri)


def revoke_register(username: str, base_uri: str) -> None:
    """Take from a user the permission to register; raises as revoke_search does."""
    _revoke(register_permissions, username, base_uri)


@transactional
def _revoke(table: Table, username: str, base_uri: str) -> None:
    base_uri_id = base_uris.require(base_uri)
    user = require(username)
    held = (table.c.user_id == user.id, table.c.base_uri_id == base_uri_id)
    gone = sql_db.session.execute(delete(table).where(*held))
    if gone.rowcount:  # type: ignore[attr-defined]
        _record(_REVOKE[table.name], [username], base_uri)


def grant_search(username: str, base_uri: str) -> None:
    """Let a user search a base URI.

    :raises AlreadyExistsError: if the user may already
    :raises UnknownBaseURIError: if the base URI is not registered
    :raises UnknownUserError: if the user is not registered
    """
    _grant(search_permissions, username, base_uri)


def grant_register(username: str, base_uri: str) -> None:
    """Let a user register datasets in a base URI; raises as grant_search does."""
    _grant(register_permissions, username, base_uri)


@transactional
def _grant(table: Table, username: str, base_uri: str) -> None:
    base_uri_id = base_uris.require(base_uri)
    user = require(username)
    if _holds(table, user, base_uri):
        raise AlreadyExistsError(
            f"User '{username}' already has {_WORDS[table.name]} permissions"
        )
    sql_db.session.execute(
        insert(table).values(user_id=user.id, base_uri_id=base_uri_id)
    )
    _record(_GRANT[table.name], [username], base_uri)


def _record(action: Action, usernames: Iterable[str], base_uri: str) -> None:
    for username in sorted(usernames):
        audit.record(action, username, base_uris.normalised(base_uri))


def _holders(table: Table, base_uri_id: int) -> set[str]:
    held = select(User.username).join(table, table.c.user_id == User.id)
    return set(sql_db.session.scalars(held.where(table.c.base_uri_id == base_uri_id)))


def _holds(table: Table, user: ActingUser, base_uri: str) -> bool:
    place = {"base_uri": base_uris.normalised(base_uri)}
    return _HELD[table.name].first(holder(user, table) | place) is not None


def _names(table: Table, user: ActingUser) -> list[str]:
    return [base_uri for (base_uri,) in _NAMES[table.name].all(holder(user, table))]


def _ids(field: str, usernames: Iterable[str]) -> dict[str, int]:
    names = set(usernames)
    found = dict(
        sql_db.session.execute(
            select(User.username, User.id).where(User.username.in_(names))
        ).all()
    )
    if unknown := names - found.keys():
        raise InvalidFieldError(field, f"Not registered: {', '.join(sorted(unknown))}")
    return found
