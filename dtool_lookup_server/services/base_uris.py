"""Base URIs: their one spelling, and registering them."""

import os
import socket
from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, delete, select

from ..database import transactional
from ..errors import AlreadyExistsError, InUseError, UnknownBaseURIError
from ..extensions import sql_db
from ..pagination import AnyRow, SelectListing, SortedListing, exists
from ..prepared import Prepared
from ..sql_models import (
    URI_LENGTH,
    BaseURI,
    Dataset,
    IndexRun,
    User,
    access_token_base_uris,
    register_permissions,
    search_permissions,
    to_timestamp,
)
from . import audit, checks
from .audit import Action

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


# Made once: it is executed for every dataset that is registered.
_ID_OF = Prepared(
    select(BaseURI.__table__.c.id).where(
        BaseURI.__table__.c.base_uri == bindparam("base_uri")
    )
)


def find(base_uri: str) -> int | None:
    """Return the id of a registered base URI, in any spelling, or None."""
    found: int | None = _ID_OF.scalar({"base_uri": normalised(base_uri)})
    return found


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
        audit.record(Action.ADD_BASE_URI, base_uri=spelled)
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
    for table in (
        search_permissions,
        register_permissions,
        access_token_base_uris,
        IndexRun.__table__,
    ):
        sql_db.session.execute(delete(table).where(table.c.base_uri_id == base_uri_id))
    sql_db.session.execute(delete(BaseURI).where(BaseURI.id == base_uri_id))
    audit.record(Action.DELETE_BASE_URI, base_uri=normalised(base_uri))


def info(base_uri: str) -> dict[str, Any]:
    """Return a base URI with the names of those who may search and register in it.

    :raises UnknownBaseURIError: if it is not registered
    """
    rows = sql_db.session.execute(
        select(BaseURI.id, BaseURI.base_uri).where(BaseURI.id == require(base_uri))
    ).all()
    return _to_items(rows)[0]


def listing() -> SelectListing:
    """Return every base URI as info() has it, in order of registration.

    One that has been indexed also has index_run, as index_runs() returns it.
    """
    return SelectListing(
        select(BaseURI.id, BaseURI.base_uri).select_from(BaseURI),
        [BaseURI.id.asc()],
        lambda rows: _with_runs(rows, _to_items(rows)),
    )


def names(sort: str | None = None) -> SortedListing:
    """Return the base URIs alone, with index_run where there was one.

    :raises InvalidFieldError: for a sort by anything but base_uri
    """
    return SortedListing(
        select(BaseURI.id, BaseURI.base_uri).select_from(BaseURI),
        {"base_uri": BaseURI.base_uri},  # type: ignore[dict-item]
        sort,
        "base_uri",
        lambda rows: _with_runs(rows, [{"base_uri": row.base_uri} for row in rows]),
    )


def index_runs() -> dict[str, dict[str, Any]]:
    """Return the newest run of indexing each base URI that has had one.

    :returns: by base URI: state, one of running, ended and broken off; started_at and
        finished_at in seconds since the epoch, the latter None while it is running;
        the numbers of datasets registered, unchanged, failed and forgotten; error,
        None where there was none
    """
    found = sql_db.session.execute(select(BaseURI.base_uri, IndexRun).join(IndexRun))
    return {base_uri: _run_to_dict(run) for base_uri, run in found}


def _with_runs(
    rows: Sequence[AnyRow], items: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    ids = [row.id for row in rows]
    found = select(IndexRun).where(IndexRun.base_uri_id.in_(ids))
    runs = {run.base_uri_id: run for run in sql_db.session.scalars(found)}
    for row, item in zip(rows, items, strict=True):
        if row.id in runs:
            item["index_run"] = _run_to_dict(runs[row.id])
    return items


def _run_to_dict(run: IndexRun) -> dict[str, Any]:
    return {
        "state": run.state,
        "started_at": to_timestamp(run.started_at),
        "finished_at": to_timestamp(run.finished_at) if run.finished_at else None,
        "registered": run.registered,
        "unchanged": run.unchanged,
        "failed": run.failed,
        "forgotten": run.forgotten,
        "error": run.error,
    }


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
