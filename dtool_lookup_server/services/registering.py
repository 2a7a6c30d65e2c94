"""Registering and forgetting datasets, in SQL and in every plugin."""

import copy
import hashlib
import json
import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.exc import DBAPIError

from ..database import transactional, upsert
from ..errors import AuthorizationError, DtoolLookupServerError
from ..extensions import sql_db
from ..pagination import exists
from ..plugins.analysis import ANALYSIS_VERSION
from ..plugins.interfaces import DatasetInfo
from ..plugins.registry import answering, in_use, registering_in
from ..query.annotations import searchable_values
from ..sql_models import (
    DIGEST_LENGTH,
    Dataset,
    DatasetAnnotation,
    DatasetTag,
    from_timestamp,
    utc_now,
)
from . import base_uris, permissions
from .dataset_info import checked
from .users import ActingUser

_log = logging.getLogger(__name__)

# What a newer registration of the same URI replaces.
_REPLACED = (
    "uuid",
    "name",
    "creator_username",
    "frozen_at",
    "created_at",
    "number_of_items",
    "size_in_bytes",
    "type",
    "dtoolcore_version",
    "uploaded_by",
    "uploaded_at",
    "digest",
)


def register_as(user: ActingUser, info: dict[str, Any]) -> str:
    """Register a dataset on behalf of a user.

    :param info: see dataset_info.checked
    :returns: the dataset's URI
    :raises ValidationError: as dataset_info.checked does
    :raises AuthorizationError: if the user may not register in the base URI, or it is
        not registered
    """
    return _register(_permitted(user, info), user.username, utc_now())


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
    new = not _is_registered(dataset["uri"])
    _register(dataset, user.username, utc_now())
    return new


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
    return _register(checked(info), None, utc_now())


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
    spelled = base_uris.normalised_uri(uri)
    _forget_in_sql(spelled)
    for plugin in _plugins(share_transaction=False):
        _delete_from(plugin, spelled)


def replace(
    dataset: DatasetInfo, uploaded_by: str | None, uploaded_at: datetime | None
) -> None:
    """Replace what is known of a dataset, which stays registered by whom it was.

    :param dataset: as dataset_info.checked returns it
    :param uploaded_at: as the table holds it
    """
    _register(dataset, uploaded_by, uploaded_at)


def _register(
    dataset: DatasetInfo, uploaded_by: str | None, uploaded_at: datetime | None
) -> str:
    base_uris.require(dataset["base_uri"])
    # Stores of their own first: if one does not answer nothing is registered, and
    # what one has kept is not shown until the row is there.
    told: list[Any] = []
    try:
        for plugin in _outside_plugins():
            with registering_in(plugin):
                plugin.register_dataset(copy.deepcopy(dataset))
            told.append(plugin)
        _register_in_sql(dataset, uploaded_by, uploaded_at)
    except Exception:
        _take_back(dataset["uri"], told)
        raise
    return dataset["uri"]


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
def _register_in_sql(
    dataset: DatasetInfo, uploaded_by: str | None, uploaded_at: datetime | None
) -> None:
    values = {
        **{key: dataset[key] for key in ("uri", *_REPLACED) if key in dataset},
        "base_uri_id": base_uris.require(dataset["base_uri"]),
        "frozen_at": from_timestamp(dataset["frozen_at"]),
        "created_at": from_timestamp(dataset["created_at"]),
        "digest": _digest(dataset),
        "uploaded_by": uploaded_by,
        "uploaded_at": uploaded_at,
    }
    upsert(Dataset, "uri", values, _REPLACED)
    _replace_tags_and_annotations(dataset)
    for plugin in _plugins(share_transaction=True):
        plugin.register_dataset(dataset.copy())


def _replace_tags_and_annotations(dataset: DatasetInfo) -> None:
    dataset_id = sql_db.session.scalar(
        select(Dataset.id).where(Dataset.uri == dataset["uri"])
    )
    tags = [
        {"dataset_id": dataset_id, "tag": tag, "position": position}
        for position, tag in enumerate(dataset["tags"])
    ]
    annotations = [
        {"dataset_id": dataset_id, "name": name, "value": value}
        for name, value in sorted(searchable_values(dataset["annotations"]))
    ]
    for table, rows in ((DatasetTag, tags), (DatasetAnnotation, annotations)):
        sql_db.session.execute(delete(table).where(table.dataset_id == dataset_id))
        if rows:
            sql_db.session.execute(insert(table), rows)


@transactional
def _forget_in_sql(uri: str) -> None:
    for plugin in _plugins(share_transaction=True):
        _delete_from(plugin, uri)
    ids = select(Dataset.id).where(Dataset.uri == uri)
    for table in (DatasetTag, DatasetAnnotation):
        sql_db.session.execute(delete(table).where(table.dataset_id.in_(ids)))
    sql_db.session.execute(delete(Dataset).where(Dataset.uri == uri))


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
