"""Registering and forgetting datasets, in SQL and in every plugin."""

import hashlib
import json
import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.exc import DBAPIError

from ..database import transactional
from ..engines import WRITES
from ..errors import AuthorizationError, DtoolLookupServerError
from ..extensions import sql_db
from ..pagination import exists
from ..plugins import kept_beside
from ..plugins.analysis import ANALYSIS_VERSION
from ..plugins.interfaces import DatasetInfo
from ..plugins.registry import answering, in_use
from ..prepared import Prepared
from ..query.annotations import searchable_values
from ..sql_models import (
    DIGEST_LENGTH,
    Dataset,
    DatasetAnnotation,
    DatasetTag,
    from_timestamp,
    utc_now,
)
from . import audit, base_uris, counters, parts, permissions, spelling
from .audit import Action
from .counters import Counted
from .dataset_info import checked
from .users import ActingUser

_log = logging.getLogger(__name__)

# What a row takes from a dataset as it is.
_COPIED = (
    "uri",
    "uuid",
    "name",
    "creator_username",
    "number_of_items",
    "size_in_bytes",
    "type",
    "dtoolcore_version",
)

# Made once, since they are executed for every dataset.
_TABLE = Dataset.__table__
_LOCKED = Prepared(
    select(
        _TABLE.c.id,
        _TABLE.c.base_uri_id,
        _TABLE.c.creator_username,
        _TABLE.c.uploaded_by,
        _TABLE.c.size_in_bytes,
    )
    .where(_TABLE.c.uri == bindparam("uri"))
    .with_for_update()
)
_INSERT = insert(_TABLE)
_UPDATE = update(_TABLE).where(_TABLE.c.id == bindparam("known_id"))
_TAGS = Prepared(
    select(DatasetTag.__table__.c.tag)
    .where(DatasetTag.__table__.c.dataset_id == bindparam("dataset_id"))
    .order_by(DatasetTag.__table__.c.position)
)
_ROWS = (DatasetTag.__table__, DatasetAnnotation.__table__)
_ADD_ROWS = [
    Prepared(insert(table).values({c.name: bindparam(c.name) for c in table.c}))
    for table in _ROWS
]
_FORGET_ROWS = [
    delete(table).where(table.c.dataset_id == bindparam("forgotten_id"))
    for table in _ROWS
]


def register_as(user: ActingUser, info: dict[str, Any]) -> str:
    """Register a dataset on behalf of a user.

    :param info: see dataset_info.checked
    :returns: the dataset's URI
    :raises ValidationError: as dataset_info.checked does
    :raises AuthorizationError: if the user may not register in the base URI, or it is
        not registered
    """
    dataset = _permitted(user, info)
    _register(dataset, user.username, utc_now())
    return dataset["uri"]


def put(user: ActingUser, info: dict[str, Any]) -> bool:
    """Register a dataset as register_as does.

    :returns: whether it is new
    :raises: as register_as does
    """
    return _put(user, _permitted(user, info))


def register_many(
    user: ActingUser, infos: Sequence[dict[str, Any]]
) -> list[bool | Exception]:
    """Register datasets on behalf of a user, all in one transaction if nothing fails.

    :returns: for each whether it is new, or why it was not registered: an error that
        register_as or the database raises; the others are registered all the same
    """
    outcomes: list[bool | Exception] = []
    good: list[tuple[int, DatasetInfo]] = []
    for info in infos:
        try:
            good.append((len(outcomes), _permitted(user, info)))
            outcomes.append(True)
        except DtoolLookupServerError as error:
            outcomes.append(error)
    try:
        together = _put_together(user, [dataset for _place, dataset in good])
    except (DtoolLookupServerError, DBAPIError):
        # One by one, to find the one that fails.
        together = [_put_alone(user, dataset) for _place, dataset in good]
    for (place, _dataset), outcome in zip(good, together, strict=True):
        outcomes[place] = outcome
    return outcomes


@transactional
def _put_together(
    user: ActingUser, datasets: list[DatasetInfo]
) -> list[bool | Exception]:
    return [_put(user, dataset) for dataset in datasets]


def _put_alone(user: ActingUser, dataset: DatasetInfo) -> bool | Exception:
    try:
        return _put(user, dataset)
    except (DtoolLookupServerError, DBAPIError) as error:
        return error


def _put(user: ActingUser, dataset: DatasetInfo) -> bool:
    return _register(dataset, user.username, utc_now())


def forget_as(user: ActingUser, uri: str) -> None:
    """Remove a dataset on behalf of a user; nothing happens where it is unknown.

    :raises AuthorizationError: if the user may not register in the base URI, or it is
        not registered
    """
    base_uri, _name = base_uris.split(uri)
    _require_permission(user, base_uri)
    forget(uri)


def _permitted(user: ActingUser, info: dict[str, Any]) -> DatasetInfo:
    dataset = checked(info)
    _require_permission(user, dataset["base_uri"])
    return dataset


def _require_permission(user: ActingUser, base_uri: str) -> None:
    if not permissions.may_register(user, base_uri):
        raise AuthorizationError("No permission to register in this base URI")


def register(info: dict[str, Any]) -> str:
    """Register a dataset on behalf of the machine's administrator.

    :returns: the dataset's URI
    :raises ValidationError: as dataset_info.checked does
    :raises UnknownBaseURIError: if the base URI is not registered
    """
    dataset = checked(info)
    _register(dataset, None, utc_now())
    return dataset["uri"]


def register_if_changed(info: dict[str, Any]) -> bool:
    """Register a dataset unless it is registered with the same content already.

    :returns: whether it was registered
    :raises: as register does
    """
    dataset = checked(info)
    known = sql_db.session.scalar(
        select(Dataset.digest).where(Dataset.uri == dataset["uri"])
    )
    if known == _digest(dataset):
        return False
    _register(dataset, None, utc_now())
    return True


def forget(uri: str) -> None:
    """Remove a dataset from SQL and every plugin; nothing happens where unknown."""
    _forget_in_all(base_uris.normalised_uri(uri))


def replace(
    dataset: DatasetInfo,
    uploaded_by: str | None,
    uploaded_at: datetime | None,
    action: Action | None = None,
    **details: Any,
) -> None:
    """Replace what is known of a dataset, which stays registered by whom it was.

    :param dataset: as dataset_info.checked returns it
    :param uploaded_at: as the table holds it
    :param action: for the audit trail; None for that of a registration
    :param details: for the audit trail
    """
    _register(dataset, uploaded_by, uploaded_at, action, details)


def _register(
    dataset: DatasetInfo,
    uploaded_by: str | None,
    uploaded_at: datetime | None,
    action: Action | None = None,
    details: dict[str, Any] | None = None,
) -> bool:
    """Register a dataset everywhere; return whether it is new.

    :param action: for the audit trail; None for that of a registration
    """
    outside = _outside_plugins()
    if outside:
        _require_answers(outside)
    told: list[Any] = []
    try:
        return _register_in_all(
            dataset, uploaded_by, uploaded_at, action, details, outside, told
        )
    except Exception:
        _take_back(dataset["uri"], told)
        raise


def _require_answers(outside: list[Any]) -> None:
    """Return if the stores answer, as far as they must before a transaction begins.

    While one is waited for within it, nobody else could write to SQLite.
    """
    session = sql_db.session
    if session.info.get(WRITES) or session.get_bind().dialect.name != "sqlite":
        return
    for plugin in outside:
        if check_health := getattr(plugin, "check_health", None):
            with answering(plugin):
                check_health()


def _outside_plugins() -> list[Any]:
    """Return the plugins with stores of their own, the search plugin last.

    What a search plugin alone has would be counted among its hits.
    """
    plugins = _plugins(share_transaction=False)
    return sorted(plugins, key=lambda plugin: plugin is in_use().search)


def _take_back(uri: str, told: list[Any]) -> None:
    """Undo a registration that failed in the stores that have it already.

    A dataset that was registered before stays as these stores have it now; `flask
    dataset verify` finds where that is not what SQL says.
    """
    try:
        if not told or _is_registered(uri):
            return
        for plugin in told:
            _delete_from(plugin, uri)
    except Exception as error:
        # The error that the client is told of is the first one.
        _log.warning("%s is left in a store: %s", uri, type(error).__name__)


def _is_registered(uri: str) -> bool:
    return exists(select(Dataset.id).where(Dataset.uri == uri))


@transactional
def _register_in_all(
    dataset: DatasetInfo,
    uploaded_by: str | None,
    uploaded_at: datetime | None,
    action: Action | None,
    details: dict[str, Any] | None,
    outside: list[Any],
    told: list[Any],
) -> bool:
    """Register a dataset in SQL and in every plugin; return whether it is new.

    Stores of their own are told while the row is locked: of two registrations at once
    the one whose row is the last is the last in every store. The commit comes after
    them, so that where one does not answer nothing is registered.

    :param told: gets the plugins that have it, for them to be told otherwise
    """
    values = {
        **{key: dataset[key] for key in _COPIED},
        "base_uri_id": base_uris.require(dataset["base_uri"]),
        "frozen_at": from_timestamp(dataset["frozen_at"]),
        "created_at": from_timestamp(dataset["created_at"]),
        "digest": _digest(dataset),
        "uploaded_by": uploaded_by,
        "uploaded_at": uploaded_at,
    }
    known = _counted(dataset["uri"])
    if known is None:
        # Of two that insert at once one fails, and is begun anew.
        inserted = sql_db.session.execute(_INSERT, values)
        dataset_id = inserted.inserted_primary_key[0]  # type: ignore[attr-defined]
    else:
        dataset_id = known.id
        sql_db.session.execute(_UPDATE, {**values, "known_id": dataset_id})
        _forget_tags_and_annotations(dataset_id)
    _add_tags_and_annotations(dataset_id, dataset)
    parts.store(dataset_id, dataset, is_new=known is None)
    complete = True
    for plugin in outside:
        complete &= kept_beside.register_in(plugin, dataset)
        told.append(plugin)
    if outside:
        kept_beside.settle(dataset, complete)
    counters.change(
        known,
        Counted(
            dataset_id,
            values["base_uri_id"],
            dataset["creator_username"],
            uploaded_by,
            dataset["size_in_bytes"],
            dataset["tags"],
        ),
    )
    spelling.learn(values["base_uri_id"], dataset)
    for plugin in _plugins(share_transaction=True):
        plugin.register_dataset(dataset.copy())
    if action is None:
        action = Action.REGISTER if known is None else Action.REPLACE
    audit.record(action, dataset["uri"], dataset["base_uri"], **(details or {}))
    return known is None


def _counted(uri: str) -> Counted | None:
    """Return what is counted of a registered dataset, which nobody else changes now."""
    row = _LOCKED.first({"uri": uri})
    if row is None:
        return None
    dataset_id, base_uri_id, creator, uploaded_by, size = row
    tags = [tag for (tag,) in _TAGS.all({"dataset_id": dataset_id})]
    return Counted(dataset_id, base_uri_id, creator, uploaded_by, size, tags)


def _forget_tags_and_annotations(dataset_id: int) -> None:
    for statement in _FORGET_ROWS:
        sql_db.session.execute(statement, {"forgotten_id": dataset_id})


def _add_tags_and_annotations(dataset_id: int, dataset: DatasetInfo) -> None:
    tags = [
        {"dataset_id": dataset_id, "tag": tag, "position": position}
        for position, tag in enumerate(dataset["tags"])
    ]
    annotations = [
        {"dataset_id": dataset_id, "name": name, "value": value}
        for name, value in sorted(searchable_values(dataset["annotations"]))
    ]
    for statement, rows in zip(_ADD_ROWS, (tags, annotations), strict=True):
        if rows:
            statement.run(rows)


@transactional
def _forget_in_all(uri: str) -> None:
    known = _counted(uri)
    if known is not None:
        for plugin in _plugins(share_transaction=True):
            _delete_from(plugin, uri)
        counters.change(known, None)
        _forget_tags_and_annotations(known.id)
        parts.forget(known.id)
        sql_db.session.execute(delete(_TABLE).where(_TABLE.c.id == known.id))
        audit.record(Action.DELETE, uri, base_uris.split(uri)[0])
    # Before the commit, as in registering; also what a store alone has.
    for plugin in _plugins(share_transaction=False):
        _delete_from(plugin, uri)


def share_transactions() -> bool:
    """Return whether datasets may be registered by a transaction that is open.

    A plugin with a store of its own is told of each by itself, so that what fails is
    taken back there too.
    """
    return not _outside_plugins()


def _plugins(share_transaction: bool) -> list[Any]:
    return [
        plugin
        for plugin in in_use().instances
        if getattr(plugin, "shares_sql_transaction", False) == share_transaction
        and hasattr(plugin, "register_dataset")
    ]


def _delete_from(plugin: Any, uri: str) -> None:
    if delete_dataset := getattr(plugin, "delete_dataset", None):
        with answering(plugin):
            delete_dataset(uri)


def plugins_digest() -> str:
    """Return what changes when the plugins would keep something else."""
    kinds = [type(plugin) for plugin in in_use().instances]
    names = [f"{kind.__module__}.{kind.__qualname__}" for kind in kinds]
    return _half_digest([ANALYSIS_VERSION, names])


def content_digest(dataset: DatasetInfo) -> str:
    """Return what changes when a dataset info does.

    :param dataset: as dataset_info.checked returns it
    """
    return _half_digest(dataset)


def _digest(dataset: DatasetInfo) -> str:
    """Return what changes when a registration would change something anywhere.

    The plugins are a part of it, so that indexing fills one that is new.
    """
    return plugins_digest() + content_digest(dataset)


def _half_digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[: DIGEST_LENGTH // 2]
