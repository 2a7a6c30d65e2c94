"""Datasets on their way into SQL, and into the plugins that share its transaction.

What takes time is made of each before anything is locked. A group of them is then
written with hardly more statements than one: of a dozen short ones for each dataset,
handing them over would take most of the time.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import bindparam, delete, insert, select, update

from ..plugins.interfaces import DatasetInfo, is_grouping
from ..plugins.parts import rows_of
from ..plugins.registry import in_use
from ..plugins.spelling import words_of_dataset
from ..plugins.sql.tables import find_dataset_ids, having_written
from ..prepared import Prepared, PreparedForMany
from ..query.annotations import searchable_values
from ..sql_models import Dataset, DatasetAnnotation, DatasetTag, from_timestamp
from . import audit, base_uris, counters, dataset_rows, parts, spelling
from .audit import Action, Happening
from .counters import Counted
from .digests import digest_of

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

_TABLE = Dataset.__table__
_ROWS = (DatasetTag.__table__, DatasetAnnotation.__table__)
_COLUMNS: dict[Any, dict[str, Any]] = {
    table: {column.name: bindparam(column.name) for column in table.c}
    for table in (_TABLE, *_ROWS)
}
# Nobody chooses an id.
del _COLUMNS[_TABLE]["id"]

# Made once, since they are executed for every group of datasets.
_LOCKED = PreparedForMany(
    _TABLE.c.uri.type,
    lambda uris: (
        select(
            _TABLE.c.uri,
            _TABLE.c.id,
            _TABLE.c.base_uri_id,
            _TABLE.c.creator_username,
            _TABLE.c.uploaded_by,
            _TABLE.c.size_in_bytes,
        )
        .where(_TABLE.c.uri.in_(uris))
        # All in one order, so that none waits for one that waits for it.
        .order_by(_TABLE.c.uri)
        .with_for_update()
    ),
)
_TAGS = PreparedForMany(
    _TABLE.c.id.type,
    lambda ids: (
        select(DatasetTag.__table__.c.dataset_id, DatasetTag.__table__.c.tag)
        .where(DatasetTag.__table__.c.dataset_id.in_(ids))
        .order_by(DatasetTag.__table__.c.dataset_id, DatasetTag.__table__.c.position)
    ),
)
_INSERT = Prepared(insert(_TABLE).values(_COLUMNS[_TABLE]).inline())
_UPDATE = Prepared(
    update(_TABLE).where(_TABLE.c.id == bindparam("known_id")).values(_COLUMNS[_TABLE])
)
_ADD_ROWS = [Prepared(insert(table).values(_COLUMNS[table])) for table in _ROWS]
_FORGET_ROWS = [
    Prepared(delete(table).where(table.c.dataset_id == bindparam("forgotten_id")))
    for table in _ROWS
]
_FORGET = Prepared(delete(_TABLE).where(_TABLE.c.id == bindparam("forgotten_id")))


class Registration(NamedTuple):
    """A dataset that is to be registered, with what will be kept of it.

    :param uri: in its one spelling, as is base_uri
    :param tags: in their order
    :param values: of its row, but for the id of the base URI
    :param json: of the dataset, where that is kept
    :param annotations: as they are searched for
    :param parts: as they are searched for
    :param words: that a misspelled one may stand for; see leave_out_known_words
    :param prepared: what each plugin that takes groups has made of it, in their order
    :param dataset: for plugins that take it as it is; None where there are none, and
        what it holds may go
    :param action: for the audit trail; None for that of a registration
    :param details: for the audit trail
    """

    uri: str
    base_uri: str
    tags: list[str]
    values: dict[str, Any]
    json: str | None
    annotations: list[tuple[str, str]]
    parts: parts.Rows
    words: set[str]
    prepared: list[Any]
    dataset: DatasetInfo | None
    action: Action | None
    details: dict[str, Any]


def prepare(
    dataset: DatasetInfo,
    uploaded_by: str | None,
    uploaded_at: datetime | None,
    action: Action | None = None,
    **details: Any,
) -> Registration:
    """Return what will be kept of a dataset; best before a transaction begins.

    :param dataset: as dataset_info.checked returns it
    :param uploaded_by: None for the machine's administrator
    :param uploaded_at: as the table holds it
    :param action: for the audit trail; None for that of a registration
    :param details: for the audit trail
    :raises ValidationError: for what a plugin can never keep
    """
    values = {
        **{key: dataset[key] for key in _COPIED},
        "frozen_at": from_timestamp(dataset["frozen_at"]),
        "created_at": from_timestamp(dataset["created_at"]),
        "digest": digest_of(dataset),
        "uploaded_by": uploaded_by,
        "uploaded_at": uploaded_at,
    }
    as_json = None
    if dataset_rows.keeps_json():
        as_json = dataset_rows.json_of(dataset["base_uri"], values, dataset["tags"])
    plugins = _hearing_plugins()
    grouping = _grouping(plugins)
    return Registration(
        dataset["uri"],
        dataset["base_uri"],
        dataset["tags"],
        values,
        as_json,
        sorted(searchable_values(dataset["annotations"])),
        rows_of(dataset),
        words_of_dataset(dataset),
        # What is small first: the terms, for the search plugin, take the most memory.
        [plugin.prepare_dataset(dataset) for plugin in reversed(grouping)][::-1],
        dataset if len(grouping) < len(plugins) else None,
        action,
        details,
    )


def leave_out_known_words(registrations: Sequence[Registration]) -> None:
    """Take from each what its base URI knows already; best before a transaction."""
    places: dict[str, list[Registration]] = {}
    for one in registrations:
        places.setdefault(one.base_uri, []).append(one)
    for base_uri, some in places.items():
        words = set().union(*(one.words for one in some))
        unknown = spelling.unknown(base_uri, words)
        for one in some:
            one.words.intersection_update(unknown)


def write(group: Sequence[Registration]) -> list[bool]:
    """Write datasets, within a transaction.

    :param group: of which no two have the same URI
    :returns: of each whether it is new
    :raises UnknownBaseURIError: if the base URI of one is not registered
    """
    base_uri_ids = {
        base_uri: base_uris.require(base_uri)
        for base_uri in dict.fromkeys(one.base_uri for one in group)
    }
    known = counted([one.uri for one in group])
    ids = _write_rows(group, known, base_uri_ids)
    known_ids = [before.id for before in known.values()]
    _forget_tags_and_annotations(known_ids)
    _add_tags_and_annotations({ids[one.uri]: one for one in group})
    # When all is written that it is made of.
    dataset_rows.keep({ids[one.uri]: one.json for one in group if one.json})
    parts.store({ids[one.uri]: one.parts for one in group}, known_ids)
    with having_written(ids, {one.uri for one in group if one.uri not in known}):
        _tell_plugins(group)
    counters.change(
        (
            known.get(one.uri),
            _counted(ids[one.uri], base_uri_ids[one.base_uri], one),
        )
        for one in group
    )
    spelling.learn((base_uri_ids[one.base_uri], one.words) for one in group)
    audit.record_all(_told_of(one, one.uri in known) for one in group)
    return [one.uri not in known for one in group]


def _told_of(one: Registration, is_known: bool) -> Happening:
    action = one.action or (Action.REPLACE if is_known else Action.REGISTER)
    return Happening(action, one.uri, one.base_uri, one.details)


def _write_rows(
    group: Sequence[Registration],
    known: dict[str, Counted],
    base_uri_ids: dict[str, int],
) -> dict[str, int]:
    """Write the rows of datasets; return their ids by URI."""
    new = [one.uri for one in group if one.uri not in known]
    rows = {
        one.uri: {**one.values, "base_uri_id": base_uri_ids[one.base_uri]}
        for one in group
    }
    # Of two that insert at once one fails, and is begun anew.
    _INSERT.run([rows[uri] for uri in new])
    _UPDATE.run([{**rows[uri], "known_id": known[uri].id} for uri in known])
    return find_dataset_ids(new) | {uri: known[uri].id for uri in known}


def _counted(dataset_id: int, base_uri_id: int, one: Registration) -> Counted:
    return Counted(
        dataset_id,
        base_uri_id,
        one.values["creator_username"],
        one.values["uploaded_by"],
        one.values["size_in_bytes"],
        one.tags,
    )


def counted(uris: Sequence[str]) -> dict[str, Counted]:
    """Return what is counted of registered datasets, which nobody else changes now.

    :returns: by URI; without those that are not registered
    """
    rows = _LOCKED.all(uris)
    tags: dict[int, list[str]] = {row[1]: [] for row in rows}
    for dataset_id, tag in _TAGS.all([*tags]):
        tags[dataset_id].append(tag)
    return {
        uri: Counted(id_, base_uri_id, creator, uploaded_by, size, tags[id_])
        for uri, id_, base_uri_id, creator, uploaded_by, size in rows
    }


def forget(known: Counted) -> None:
    """Remove what SQL has of a dataset, within a transaction."""
    counters.change([(known, None)])
    _forget_tags_and_annotations([known.id])
    parts.forget(known.id)
    _FORGET.run([{"forgotten_id": known.id}])


def _forget_tags_and_annotations(dataset_ids: Sequence[int]) -> None:
    for statement in _FORGET_ROWS:
        statement.run([{"forgotten_id": id_} for id_ in dataset_ids])


def _add_tags_and_annotations(datasets: dict[int, Registration]) -> None:
    tags = [
        {"dataset_id": id_, "tag": tag, "position": position}
        for id_, one in datasets.items()
        for position, tag in enumerate(one.tags)
    ]
    annotations = [
        {"dataset_id": id_, "name": name, "value": value}
        for id_, one in datasets.items()
        for name, value in one.annotations
    ]
    for statement, rows in zip(_ADD_ROWS, (tags, annotations), strict=True):
        statement.run(rows)


def _tell_plugins(group: Sequence[Registration]) -> None:
    for plugin in sharing():
        if is_grouping(plugin):
            plugin.register_prepared(prepared_for(plugin, group))
        else:
            for one in group:
                plugin.register_dataset({**(one.dataset or {})})


def prepared_for(plugin: Any, group: Sequence[Registration]) -> dict[str, Any]:
    """Return what a plugin that takes groups has made of datasets, by their URIs."""
    place = _grouping(_hearing_plugins()).index(plugin)
    return {one.uri: one.prepared[place] for one in group}


def sharing() -> list[Any]:
    """Return the plugins that share the transaction and hear of registrations."""
    return registering_plugins(share_transaction=True)


def registering_plugins(share_transaction: bool) -> list[Any]:
    """Return the plugins that hear of registrations.

    :param share_transaction: whether those that share the transaction, or the others
    """
    return [
        plugin
        for plugin in _hearing_plugins()
        if getattr(plugin, "shares_sql_transaction", False) == share_transaction
    ]


def _hearing_plugins() -> list[Any]:
    instances = in_use().instances
    return [plugin for plugin in instances if hasattr(plugin, "register_dataset")]


def _grouping(plugins: Sequence[Any]) -> list[Any]:
    """Return those that take groups, in the order of Registration.prepared."""
    return [plugin for plugin in plugins if is_grouping(plugin)]
