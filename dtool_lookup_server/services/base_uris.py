"""Base URIs: their one spelling, and registering them."""

import os
import socket
from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, select

from ..database import transactional
from ..errors import AlreadyExistsError, InUseError, UnknownBaseURIError
from ..extensions import sql_db
from ..pagination import AnyRow, SelectListing, SortedListing, exists
from ..sql_models import (
    URI_LENGTH,
    BaseURI,
    Dataset,
    User,
    access_token_base_uris,
    register_permissions,
    search_permissions,
)
from . import checks

_FILE = "file://"


def normalised(base_uri: str) -> str:
    """Return the one spelling of a base URI, which has no trailing slash.

    A folder is file://HOST/path, as dtoolcore spells the datasets in it: a path,
    file:///path and file://localhost/path all become that.
    """
    if "://" not in base_uri and base_uri:
        base_uri = f"{_FILE}{socket.gethostname()}{os.path.abspath(base_uri)}"
    elif base_uri.startswith(_FILE):
        host, slash, path = base_uri.removeprefix(_FILE).partition("/")
        if host in ("", "localhost"):
            host = socket.gethostname()
        base_uri = f"{_FILE}{host}{slash}{path}"
    return base_uri.rstrip("/")


def split(uri: str) -> tuple[str, str]:
    """Return the base URI of a dataset's URI, in its one spelling, and the rest."""
    base_uri, _slash, name = uri.rpartition("/")
    return normalised(base_uri), name


def normalised_uri(uri: str) -> str:
    """Return the one spelling of a dataset's URI."""
    return "/".join(split(uri))


def find(base_uri: str) -> int | None:
    """Return the id of a registered base URI, in any spelling, or None."""
    return sql_db.session.scalar(
        select(BaseURI.id).where(BaseURI.base_uri == normalised(base_uri))
    )


def require(base_uri: str) -> int:
    """Return the id of a registered base URI, in any spelling.

    :raises UnknownBaseURIError: if it is not registered
    """
    base_uri_id = find(base_uri)
    if base_uri_id is None:
        raise UnknownBaseURIError(f"Base URI '{base_uri}' not registered")
    return base_uri_id


@transactional
def register(base_uri: str) -> str:
    """Register a base URI; one that is registered is left as it is.

    :param base_uri: with its scheme, or the path of a folder
    :returns: its one spelling
    :raises InvalidFieldError: if it cannot be a base URI
    """
    checks.text("base_uri", base_uri, URI_LENGTH)
    spelled = normalised(base_uri)
    checks.text("base_uri", checks.absolute("base_uri", spelled), URI_LENGTH)
    if find(spelled) is None:
        sql_db.session.add(BaseURI(base_uri=spelled))
    return spelled


@transactional
def add(base_uri: str) -> str:
    """Register a base URI that is not registered yet.

    :returns: its one spelling
    :raises AlreadyExistsError: if it is registered
    """
    if find(base_uri) is not None:
        raise AlreadyExistsError(
            f"Base URI '{normalised(base_uri)}' already registered"
        )
    return register(base_uri)


@transactional
def remove(base_uri: str) -> None:
    """Forget a base URI with its permissions; nothing happens where it is unknown.

    :raises InUseError: while it has datasets
    """
    base_uri_id = find(base_uri)
    if base_uri_id is None:
        return
    if exists(select(Dataset.id).where(Dataset.base_uri_id == base_uri_id)):
        raise InUseError(f"Base URI '{normalised(base_uri)}' has datasets")
    for table in (search_permissions, register_permissions, access_token_base_uris):
        sql_db.session.execute(delete(table).where(table.c.base_uri_id == base_uri_id))
    sql_db.session.execute(delete(BaseURI).where(BaseURI.id == base_uri_id))


def info(base_uri: str) -> dict[str, Any]:
    """Return a base URI with the names of those who may search and register in it.

    :raises UnknownBaseURIError: if it is not registered
    """
    rows = sql_db.session.execute(
        select(BaseURI.id, BaseURI.base_uri).where(BaseURI.id == require(base_uri))
    ).all()
    return _to_items(rows)[0]


def listing() -> SelectListing:
    """Return every base URI as info() has it, in order of registration."""
    return SelectListing(
        select(BaseURI.id, BaseURI.base_uri).select_from(BaseURI),
        [BaseURI.id.asc()],
        _to_items,
    )


def names(sort: str | None = None) -> SortedListing:
    """Return the base URIs alone.

    :raises InvalidFieldError: for a sort by anything but base_uri
    """
    return SortedListing(
        select(BaseURI.base_uri).select_from(BaseURI),
        {"base_uri": BaseURI.base_uri},  # type: ignore[dict-item]
        sort,
        "base_uri",
        lambda rows: [{"base_uri": row.base_uri} for row in rows],
    )


def _to_items(rows: Sequence[AnyRow]) -> list[dict[str, Any]]:
    ids = [row.id for row in rows]
    searchers = _usernames_by_base_uri(search_permissions, ids)
    registrars = _usernames_by_base_uri(register_permissions, ids)
    return [
        {
            "base_uri": row.base_uri,
            "users_with_search_permissions": searchers[row.id],
            "users_with_register_permissions": registrars[row.id],
        }
        for row in rows
    ]


def _usernames_by_base_uri(table: Any, base_uri_ids: list[int]) -> dict[int, list[str]]:
    usernames: dict[int, list[str]] = {key: [] for key in base_uri_ids}
    held = (
        select(table.c.base_uri_id, User.username)
        .join(User, User.id == table.c.user_id)
        .where(table.c.base_uri_id.in_(base_uri_ids))
        .order_by(User.id)
    )
    for base_uri_id, username in sql_db.session.execute(held):
        usernames[base_uri_id].append(username)
    return usernames
