"""Whether SQL and the plugins' stores say the same of each dataset, and mending it.

SQL is the truth: a dataset exists when its row does. The row also has a digest of
what was registered, so that contents which have changed since are noticed. One
dataset is looked at after the other, each in a transaction of its own, so that this
can be stopped at any time and begun again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import dtoolcore
from sqlalchemy import func, select

from ..database import check_health, transactional
from ..errors import UnknownURIError
from ..extensions import sql_db
from ..pagination import BATCH, AnySelect
from ..plugins.interfaces import DatasetInfo
from ..plugins.kept_beside import within_bounds
from ..plugins.registry import in_use
from ..query.annotations import searchable_values
from ..sql_models import BaseURI, Dataset, DatasetAnnotation
from . import (
    base_uris,
    counters,
    dataset_rows,
    datasets,
    parts,
    registered,
    tidying,
)
from .audit import Action
from .digests import content_digest, plugins_digest
from .indexing import (
    DIFFERENT,
    FAILED,
    FORGOTTEN,
    REGISTERED,
    UNCHANGED,
    Outcome,
    checked_info,
    described,
)
from .registering import forget, register, replace


@dataclass(frozen=True)
class _Look:
    """What one look at a dataset found.

    :param differences: where the stores differ, in words
    :param info: the dataset as the server has it; None where that is not whole
    """

    differences: tuple[str, ...] = ()
    info: DatasetInfo | None = None


def count(base_uri: str | None = None) -> int:
    """Return the number of datasets that verify and reindex look at.

    :param base_uri: the one to look at; None for all
    :raises UnknownBaseURIError: if it is not registered
    """
    return sql_db.session.scalar(_select(base_uri, func.count())) or 0


def verify(base_uri: str | None = None) -> Iterator[Outcome]:
    """Compare what SQL and the plugins' stores have of each dataset.

    :param base_uri: the one to look at; None for all
    :returns: of each registered dataset whether it is UNCHANGED or DIFFERENT, then one
        DIFFERENT for each that only a plugin's store has, and one for each base URI
        whose counters are not right
    :raises UnknownBaseURIError: if the base URI is not registered
    :raises StoreUnavailableError: where a store does not answer
    """
    for uri in _registered_uris(base_uri):
        differences = _look_at(uri).differences
        kind = DIFFERENT if differences else UNCHANGED
        yield Outcome(kind, uri, reason="; ".join(differences))
    for uri, store in _orphans(base_uri):
        yield Outcome(DIFFERENT, uri, reason=f"only in the {store}")
    yield from _look_at_counters(base_uri, DIFFERENT)


def reindex(
    base_uri: str | None = None, from_storage: bool = False, prune: bool = False
) -> Iterator[Outcome]:
    """Make the plugins' stores what SQL says, and bring them in order in the end.

    A dataset is registered again with what the server has of it or, where that is not
    whole, from its storage. Who registered it, and when, stays.

    :param base_uri: the one to mend; None for all
    :param from_storage: read every dataset from its storage
    :param prune: forget what only a plugin's store has, instead of registering it
        from its storage
    :returns: what became of each dataset
    :raises: as verify does
    """
    for uri in _registered_uris(base_uri):
        yield _mended(uri, from_storage)
    for uri, store in _orphans(base_uri):
        yield _adopted(uri, store, prune)
    yield from _look_at_counters(base_uri, REGISTERED, mend=True)
    dataset_rows.fill_all()
    for _step in tidying.tidy():
        pass


def _look_at_counters(
    base_uri: str | None, kind: str, mend: bool = False
) -> Iterator[Outcome]:
    """Yield an outcome for each base URI whose counters are wrong, or were."""
    for place in _base_uris(base_uri):
        wrong = counters.verify(base_uris.require(place), mend)
        if wrong:
            named = ", ".join(f"{item.kind} {item.value}".strip() for item in wrong)
            yield Outcome(kind, place, reason=f"counters not right: {named}")


def _select(base_uri: str | None, *columns: Any) -> AnySelect:
    selected = select(*columns).select_from(Dataset)
    if base_uri is None:
        return selected
    return selected.where(Dataset.base_uri_id == base_uris.require(base_uri))


def _registered_uris(base_uri: str | None) -> Iterator[str]:
    """Yield URIs a batch at a time, and in no transaction that lasts."""
    page = _select(base_uri, Dataset.id, Dataset.uri).order_by(Dataset.id).limit(BATCH)
    last = 0
    while rows := sql_db.session.execute(page.where(Dataset.id > last)).all():
        for _id, uri in rows:
            yield uri
            sql_db.session.rollback()
        last = rows[-1].id


def _look_at(uri: str) -> _Look:
    row = datasets.find(uri)
    if row is None:
        return _Look()  # forgotten since we began
    try:
        info = registered.info_of(row)
    except UnknownURIError:
        return _Look(("not in the retrieve store",))
    except Exception as error:
        # A damaged content may raise anything, and so may a store that is away.
        _require_stores()
        return _Look((f"the retrieve store cannot be read: {described(error)}",))
    if row.digest and not row.digest.endswith(content_digest(info)):
        return _Look(("not what was registered",))
    return _Look(tuple(_differences(row, info)), info)


def _differences(row: Dataset, info: DatasetInfo) -> Iterator[str]:
    if registered.is_of_0_18(row):
        yield "SQL lacks what 0.18 did not keep there"
    elif not (row.digest and row.digest.startswith(plugins_digest())):
        yield "registered with other plugins"
    if _annotations_in_sql(row) != searchable_values(info["annotations"]):
        yield "SQL has other annotations"
    if not parts.holds(row.id, info):
        yield "SQL has other parts of words"
    if dataset_rows.differs(row.id):
        yield "SQL shows it otherwise"
    for plugin in in_use().instances:
        try:
            if not _holds(plugin, info):
                yield f"not in the {_store_of(plugin)} as it should be"
        except Exception as error:
            _require_stores()
            yield f"the {_store_of(plugin)} cannot be read: {described(error)}"


def _annotations_in_sql(row: Dataset) -> set[tuple[str, str]]:
    held = select(DatasetAnnotation.name, DatasetAnnotation.value)
    rows = sql_db.session.execute(held.where(DatasetAnnotation.dataset_id == row.id))
    return {(name, value) for name, value in rows}


def _holds(plugin: Any, info: DatasetInfo) -> bool:
    """Return whether a plugin has a dataset, as far as it can tell."""
    answer: bool | None = None
    if holds := getattr(plugin, "holds", None):
        answer = holds(info)
        if answer is False:
            answer = holds(within_bounds(info))
    if answer is None and plugin is in_use().search:
        places = plugin.lookup_uris(info["uuid"], [info["base_uri"]])
        return any(place["uri"] == info["uri"] for place in places)
    return answer is not False


def _store_of(plugin: Any) -> str:
    if plugin is in_use().search:
        return "search store"
    if plugin is in_use().retrieve:
        return "retrieve store"
    return f"store of {type(plugin).__name__}"


def _require_stores() -> None:
    """Return if every store answers: then only the dataset at hand is broken.

    :raises StoreUnavailableError: if not
    """
    sql_db.session.rollback()
    check_health()
    for plugin in in_use().instances:
        if check := getattr(plugin, "check_health", None):
            check()


def _mended(uri: str, from_storage: bool) -> Outcome:
    look = _look_at(uri)
    if not (look.differences or from_storage):
        return Outcome(UNCHANGED, uri)
    try:
        if look.info is None or from_storage:
            _replace(uri, _read_storage(uri))
        else:
            _replace(uri)
    except Exception as error:
        _require_stores()
        reasons = (*look.differences, described(error))
        return Outcome(FAILED, uri, reason="; ".join(reasons))
    return Outcome(REGISTERED, uri, reason="; ".join(look.differences))


@transactional
def _replace(uri: str, info: DatasetInfo | None = None) -> None:
    """Register a dataset again, and keep others from editing it meanwhile.

    :param info: None for what the server has of it
    """
    row = registered.lock(uri)
    info = info or registered.info_of(row)
    replace(info, row.uploaded_by, row.uploaded_at, Action.REINDEX)


def _read_storage(uri: str) -> DatasetInfo:
    # A storage may take its time, and a transaction should not.
    sql_db.session.rollback()
    base_uri, _name = base_uris.split(uri)
    return checked_info(dtoolcore.DataSet.from_uri(uri), base_uri)


def _orphans(base_uri: str | None) -> Iterator[tuple[str, str]]:
    """Yield the URI of each dataset that only a plugin's store has, and which."""
    for place in _base_uris(base_uri):
        for plugin in in_use().instances:
            list_uris = getattr(plugin, "list_uris", None)
            for uri in _unregistered(list_uris(place) if list_uris else None):
                yield uri, _store_of(plugin)


def _base_uris(base_uri: str | None) -> list[str]:
    if base_uri is not None:
        base_uris.require(base_uri)
        return [base_uris.normalised(base_uri)]
    return list(sql_db.session.scalars(select(BaseURI.base_uri).order_by(BaseURI.id)))


def _unregistered(uris: Iterator[str] | None) -> Iterator[str]:
    remaining = iter(uris or ())
    while batch := list(islice(remaining, BATCH)):
        known = select(Dataset.uri).where(Dataset.uri.in_(batch))
        registered_uris = set(sql_db.session.scalars(known))
        sql_db.session.rollback()
        yield from (uri for uri in batch if uri not in registered_uris)


def _adopted(uri: str, store: str, prune: bool) -> Outcome:
    if prune:
        forget(uri)
        return Outcome(FORGOTTEN, uri)
    found = f"only in the {store}"
    try:
        register(_read_storage(uri))
    except Exception as error:
        _require_stores()
        return Outcome(FAILED, uri, reason=f"{found}; {described(error)}")
    return Outcome(REGISTERED, uri, reason=found)
