"""Datasets as rows: listing, looking up, filtering, all of it in SQL."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select

from ..errors import UnknownURIError
from ..extensions import sql_db
from ..pagination import (
    AnyRow,
    AnySelect,
    SelectListing,
    SortedListing,
    parse_sort,
)
from ..plugins.interfaces import Query
from ..sql_models import BaseURI, Dataset, DatasetTag, to_timestamp
from . import base_uris
from .permissions import searchable
from .users import ActingUser

#: What datasets may be sorted by.
SORTABLE: dict[str, ColumnElement[Any]] = {
    "base_uri": BaseURI.base_uri,  # type: ignore[dict-item]
    **{
        name: getattr(Dataset, name)
        for name in (
            "uri",
            "uuid",
            "name",
            "creator_username",
            "created_at",
            "frozen_at",
            "number_of_items",
            "size_in_bytes",
        )
    },
}

#: 0.18's order: as they were registered.
BY_REGISTRATION = (Dataset.id.asc(),)

_COLUMNS = (
    Dataset.id,
    BaseURI.base_uri,
    Dataset.uri,
    Dataset.uuid,
    Dataset.name,
    Dataset.creator_username,
    Dataset.created_at,
    Dataset.frozen_at,
    Dataset.number_of_items,
    Dataset.size_in_bytes,
    Dataset.type,
    Dataset.dtoolcore_version,
    Dataset.uploaded_by,
    Dataset.uploaded_at,
)


def visible(user: ActingUser) -> AnySelect:
    """Return a select of the datasets that a user may see."""
    return every().where(Dataset.base_uri_id.in_(searchable(user)))


def every() -> AnySelect:
    """Return a select of all datasets, for what acts on no user's behalf."""
    return (
        select(*_COLUMNS)
        .select_from(Dataset)
        .join(BaseURI, BaseURI.id == Dataset.base_uri_id)
    )


def narrowed(statement: AnySelect, query: Query) -> AnySelect:
    """Return a select with the lists of 0.18's queries as conditions.

    OR within creator_usernames, base_uris and uuids, AND within tags. An empty list is
    no condition, but for base_uris, where it finds nothing, as in 0.18. What else a
    query has is for search.py.
    """
    if creators := query.get("creator_usernames"):
        statement = statement.where(Dataset.creator_username.in_(creators))
    if uuids := query.get("uuids"):
        statement = statement.where(Dataset.uuid.in_(_folded(uuids)))
    if "base_uris" in query:
        names = {base_uris.normalised(base_uri) for base_uri in query["base_uris"]}
        statement = statement.where(BaseURI.base_uri.in_(names))
    if tags := set(query.get("tags") or ()):
        statement = statement.where(Dataset.id.in_(_with_every(tags)))
    return statement


def _with_every(tags: set[str]) -> Select[int]:
    """Return a subquery: the ids of the datasets that have every one of some tags."""
    tagged = select(DatasetTag.dataset_id).where(DatasetTag.tag.in_(tags))
    if len(tags) == 1:
        return tagged
    grouped = tagged.group_by(DatasetTag.dataset_id)
    return grouped.having(func.count() == len(tags))


def listing(statement: AnySelect, sort: str | None = None) -> SelectListing:
    """Return the listing of a select of datasets.

    :param sort: as parse_sort takes it; None for the order of registration
    :raises InvalidFieldError: for a field that datasets cannot be sorted by
    """
    if sort is None:
        return SelectListing(statement, BY_REGISTRATION, to_items)
    order, _directions = parse_sort(sort, SORTABLE, "uri")
    return SelectListing(statement, [*order, *BY_REGISTRATION], to_items)


def sorted_listing(statement: AnySelect, sort: str | None = None) -> SortedListing:
    """Return the listing of a select of datasets, by URI where no sort is given.

    :raises InvalidFieldError: for a field that datasets cannot be sorted by
    """
    return SortedListing(statement, SORTABLE, sort, "uri", to_items)


def list_visible(user: ActingUser) -> SelectListing:
    """Return the datasets that a user may see."""
    return listing(visible(user))


def look_up(user: ActingUser, uuid: str) -> SelectListing:
    """Return the places of a dataset, among those that a user may see."""
    return listing(of_uuid(user, uuid))


def of_uuid(user: ActingUser, uuid: str) -> AnySelect:
    """Return a select of the places of a dataset that a user may see."""
    return narrowed(visible(user), {"uuids": [uuid]})


def find(uri: str) -> Dataset | None:
    """Return a dataset's row, or None where it is not registered."""
    return sql_db.session.scalar(
        select(Dataset).where(Dataset.uri == base_uris.normalised_uri(uri))
    )


def fetch(uri: str) -> dict[str, Any]:
    """Return the dataset at a URI, in its one spelling, as the API shows it.

    :raises UnknownURIError: if it is not registered
    """
    rows = sql_db.session.execute(every().where(Dataset.uri == uri)).all()
    if not rows:
        raise UnknownURIError(f"Dataset '{uri}' not registered")
    return to_items(rows)[0]


def to_items(rows: Sequence[AnyRow]) -> list[dict[str, Any]]:
    """Return the rows of such a select as the API shows them."""
    tags = _tags_by_dataset([row.id for row in rows])
    return [
        {
            "base_uri": row.base_uri,
            "uri": row.uri,
            "uuid": row.uuid,
            "name": row.name,
            "creator_username": row.creator_username,
            "created_at": to_timestamp(row.created_at),
            "frozen_at": to_timestamp(row.frozen_at),
            "number_of_items": row.number_of_items,
            "size_in_bytes": row.size_in_bytes,
            "type": row.type or "dataset",
            "dtoolcore_version": row.dtoolcore_version,
            "tags": tags[row.id],
            "uploaded_by": row.uploaded_by,
            "uploaded_at": row.uploaded_at and to_timestamp(row.uploaded_at),
        }
        for row in rows
    ]


def _tags_by_dataset(dataset_ids: list[int]) -> dict[int, list[str]]:
    tags: dict[int, list[str]] = {dataset_id: [] for dataset_id in dataset_ids}
    held = (
        select(DatasetTag.dataset_id, DatasetTag.tag)
        .where(DatasetTag.dataset_id.in_(dataset_ids))
        .order_by(DatasetTag.dataset_id, DatasetTag.position)
    )
    for dataset_id, tag in sql_db.session.execute(held):
        tags[dataset_id].append(tag)
    return tags


def _folded(uuids: Sequence[str]) -> set[str]:
    return {str(uuid).lower() for uuid in uuids}
