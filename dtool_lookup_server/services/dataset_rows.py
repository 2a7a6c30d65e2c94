"""Rows of datasets as the API shows them: as dictionaries, or as JSON that is kept."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Integer,
    bindparam,
    func,
    insert,
    select,
)

from ..database import transactional
from ..dataset_json import dataset_json, is_kept
from ..extensions import sql_db
from ..pagination import (
    BATCH,
    LARGEST_OFFSET,
    AnyRow,
    AnySelect,
    Counted,
    Finish,
)
from ..prepared import Parameters, Prepared, PreparedForMany, Within, dialect_name
from ..sql_models import BaseURI, Dataset, DatasetTag, to_timestamp

# Of the tables and not of the models, which would take longer; made once, since these
# are executed more often than any others.
DATASET, TAG = Dataset.__table__, DatasetTag.__table__

#: What datasets may be sorted by, but for the base URI.
SORTABLE_COLUMNS = tuple(
    DATASET.c[name]
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
)
#: The columns of a row behind its id and its base URI.
AFTER_BASE_URI = (
    *SORTABLE_COLUMNS,
    DATASET.c.type,
    DATASET.c.dtoolcore_version,
    DATASET.c.uploaded_by,
    DATASET.c.uploaded_at,
)
OF_BASE_URI = BaseURI.__table__.c.id == DATASET.c.base_uri_id
#: A select of the rows that to_items takes.
EVERY: AnySelect = select(
    DATASET.c.id, BaseURI.__table__.c.base_uri, *AFTER_BASE_URI
).join_from(DATASET, BaseURI.__table__, OF_BASE_URI)
#: The same, for what asks nothing else of the base URI: who selects other columns does
#: not look it up.
EVERY_ALONE: AnySelect = select(
    DATASET.c.id,
    select(BaseURI.__table__.c.base_uri).where(OF_BASE_URI).scalar_subquery(),
    *AFTER_BASE_URI,
).select_from(DATASET)

_JSON = (
    select(dataset_json.c.json)
    .where(dataset_json.c.dataset_id == DATASET.c.id)
    .scalar_subquery()
)

_TAGS = PreparedForMany(
    Integer(),
    lambda ids: (
        select(TAG.c.dataset_id, TAG.c.tag)
        .where(TAG.c.dataset_id.in_(ids))
        .order_by(TAG.c.dataset_id, TAG.c.position)
    ),
)
_KEEP = Prepared(
    insert(dataset_json).values(
        {column.name: bindparam(column.name) for column in dataset_json.c}
    )
)


def to_items(
    rows: Sequence[AnyRow | tuple[Any, ...]], within: Within | None = None
) -> list[dict[str, Any]]:
    """Return the rows of such a select as EVERY as the API shows them.

    :param within: whose transaction the tags are read in; None for the application's
    """
    tags = _tags_by_dataset([row[0] for row in rows], within)
    return [_item(tags[row[0]], *row[1:]) for row in rows]


def _item(
    tags: list[str],
    base_uri: str,
    uri: str,
    uuid: str,
    name: str,
    creator_username: str,
    created_at: datetime,
    frozen_at: datetime,
    number_of_items: int | None,
    size_in_bytes: int | None,
    type_: str | None,
    dtoolcore_version: str | None,
    uploaded_by: str | None,
    uploaded_at: datetime | None,
) -> dict[str, Any]:
    """Return a dataset as the API shows it, of what EVERY selects, in its order."""
    return {
        "base_uri": base_uri,
        "uri": uri,
        "uuid": uuid,
        "name": name,
        "creator_username": creator_username,
        "created_at": to_timestamp(created_at),
        "frozen_at": to_timestamp(frozen_at),
        "number_of_items": number_of_items,
        "size_in_bytes": size_in_bytes,
        "type": type_ or "dataset",
        "dtoolcore_version": dtoolcore_version,
        "tags": tags,
        "uploaded_by": uploaded_by,
        "uploaded_at": uploaded_at and to_timestamp(uploaded_at),
    }


def _tags_by_dataset(
    dataset_ids: list[int], within: Within | None
) -> dict[int, list[str]]:
    tags: dict[int, list[str]] = {dataset_id: [] for dataset_id in dataset_ids}
    for dataset_id, tag in _TAGS.all(dataset_ids, session=within):
        tags[dataset_id].append(tag)
    return tags


def json_of(base_uri: str, values: Mapping[str, Any], tags: list[str]) -> str:
    """Return a dataset as JSON, as it is kept.

    :param values: of its row
    :param tags: in their order
    """
    columns = [values[column.name] for column in AFTER_BASE_URI]
    return _written(_item(tags, base_uri, *columns))


def _written(item: dict[str, Any]) -> str:
    return orjson.dumps(item).decode()


def keep(texts: Mapping[int, str], within: Within | None = None) -> None:
    """Keep datasets as JSON, within a transaction; none of them may be kept already.

    :param texts: by the ids of the datasets
    :param within: whose transaction; None for the application's
    """
    rows = [{"dataset_id": id_, "json": text} for id_, text in texts.items()]
    _KEEP.run(rows, within)


def fill(connection: Connection) -> Iterator[None]:
    """Keep each dataset as JSON that is not kept; yield after each, commit nothing."""
    last = 0
    while ids := _fill_some(last, connection):
        last = ids[-1]
        yield from [None] * len(ids)


def fill_all() -> None:
    """Do the same in the application's database, some datasets to a transaction."""
    last = 0
    while ids := _fill_next(last):
        last = ids[-1]


@transactional
def _fill_next(last: int) -> list[int]:
    return _fill_some(last, sql_db.session.connection())


def _fill_some(last: int, connection: Connection) -> list[int]:
    """Keep some of the datasets behind an id as JSON; return their ids."""
    if not is_kept(connection.dialect.name):
        return []
    missing = EVERY.where(
        DATASET.c.id > last,
        DATASET.c.id.not_in(select(dataset_json.c.dataset_id)),
    )
    rows = connection.execute(missing.order_by(DATASET.c.id).limit(BATCH)).all()
    ids: list[int] = [row.id for row in rows]
    texts = map(_written, to_items(rows, connection))
    keep(dict(zip(ids, texts, strict=True)), connection)
    return ids


def differs(dataset_id: int) -> bool:
    """Return whether the JSON that is kept of a dataset is not what its row says."""
    if not keeps_json():
        return False
    held = sql_db.session.scalar(
        select(dataset_json.c.json).where(dataset_json.c.dataset_id == dataset_id)
    )
    rows = sql_db.session.execute(EVERY.where(DATASET.c.id == dataset_id)).all()
    return held is not None and [held] != [*map(_written, to_items(rows))]


def keeps_json() -> bool:
    """Return whether the application's database keeps datasets as JSON."""
    return is_kept(dialect_name())


class PreparedRows:
    """A prepared select of datasets.

    :param statement: with the columns of EVERY
    """

    def __init__(self, statement: AnySelect):
        self._rows = Prepared(statement)
        self._json = Prepared(statement.with_only_columns(_JSON))

    def items(self, parameters: Parameters) -> list[dict[str, Any]]:
        """Return the datasets that the select finds as the API shows them."""
        return to_items(self._rows.all(parameters))

    def answered(self, parameters: Parameters) -> list[Any]:
        """Return the same, as JSON (orjson.Fragment) where all of them are kept."""
        if keeps_json():
            texts = [text for (text,) in self._json.all(parameters)]
            if None not in texts:
                return [orjson.Fragment(text) for text in texts]
        return self.items(parameters)


def in_order(uris: Sequence[str], items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return datasets in the order of URIs, at some of which there may be none."""
    return _ordered(uris, {item["uri"]: item for item in items})


def _ordered(values: Sequence[Any], found: Mapping[Any, Any]) -> list[Any]:
    return [found[value] for value in values if value in found]


class RowsBy:
    """Prepared selects of datasets that have some values in a column, however many.

    :param statement: with the columns of EVERY
    :param column: one of these, in which each dataset has a value of its own
    """

    def __init__(self, statement: AnySelect, column: ColumnElement[Any]):
        columns = list(statement.selected_columns)
        self._place = next(n for n, one in enumerate(columns) if one is column)
        self._rows = PreparedForMany(
            column.type, lambda values: statement.where(column.in_(values))
        )
        answered = statement.with_only_columns(column, _JSON)
        self._json = PreparedForMany(
            column.type, lambda values: answered.where(column.in_(values))
        )

    def items(self, values: Sequence[Any], parameters: Parameters) -> list[Any]:
        """Return those that the select finds, in the order of the values."""
        rows = self._rows.all(values, parameters)
        keys = [row[self._place] for row in rows]
        return _ordered(values, dict(zip(keys, to_items(rows), strict=True)))

    def answered(self, values: Sequence[Any], parameters: Parameters) -> list[Any]:
        """Return the same, as JSON (orjson.Fragment) where all of them are kept."""
        if keeps_json():
            found: dict[Any, Any] = dict(self._json.all(values, parameters))
            if None not in found.values():
                return [orjson.Fragment(text) for text in _ordered(values, found)]
        return self.items(values, parameters)


#: PreparedRows.items or PreparedRows.answered, and those of RowsBy.
Fetch = Callable[[PreparedRows, Parameters], list[Any]]
FetchBy = Callable[[RowsBy, Sequence[Any], Parameters], list[Any]]


class PreparedPages:
    """A select of datasets whose pages are prepared: in one order, for any values.

    :param statement: with the columns of EVERY, without order
    :param order: what to order by; must end in something unique
    """

    def __init__(self, statement: AnySelect, order: Sequence[ColumnElement[Any]]):
        page = statement.order_by(*order)
        page = page.offset(bindparam("offset", type_=BigInteger))
        self.page = PreparedRows(page.limit(bindparam("limit", type_=Integer)))
        self.number = Prepared(statement.with_only_columns(func.count()))


class AnsweredListing(ABC):
    """A listing of datasets that also has its pages as they are answered.

    Not where something is still done to the items: see Listing.finish.
    """

    finish: Finish | None

    @abstractmethod
    def total(self) -> int:
        """Return the number of datasets."""

    @abstractmethod
    def page(self, offset: int, limit: int) -> list[dict[str, Any]]:
        """Return at most limit datasets, after leaving out the first offset."""

    @abstractmethod
    def answered(self, offset: int, limit: int) -> list[Any]:
        """Return the same, as JSON (orjson.Fragment) where all of them are kept."""


class DatasetListing(AnsweredListing):
    """A listing of datasets that are found by prepared selects."""

    def page(self, offset: int, limit: int) -> list[dict[str, Any]]:
        """Return at most limit datasets, after leaving out the first offset."""
        return self._page(PreparedRows.items, offset, limit)

    def answered(self, offset: int, limit: int) -> list[Any]:
        """Return the same, as JSON (orjson.Fragment) where all of them are kept."""
        return self._page(PreparedRows.answered, offset, limit)

    @abstractmethod
    def _page(self, fetch: Fetch, offset: int, limit: int) -> list[Any]:
        """Return what fetch makes of the rows of a page."""


class ListingBy(AnsweredListing):
    """A listing of datasets whose ids, or URIs, are known."""

    def page(self, offset: int, limit: int) -> list[dict[str, Any]]:
        """Return at most limit datasets, after leaving out the first offset."""
        return self._page(RowsBy.items, offset, limit)

    def answered(self, offset: int, limit: int) -> list[Any]:
        """Return the same, as JSON (orjson.Fragment) where all of them are kept."""
        return self._page(RowsBy.answered, offset, limit)

    @abstractmethod
    def _page(self, fetch: FetchBy, offset: int, limit: int) -> list[Any]:
        """Return what fetch makes of the rows of a page."""


class PreparedListing(DatasetListing):
    """The datasets of a prepared select, not fetched yet.

    :param parameters: of the select
    :param counted: as SelectListing takes it
    """

    def __init__(
        self,
        pages: PreparedPages,
        parameters: Parameters,
        counted: Counted | None = None,
    ):
        self._pages = pages
        self._parameters = dict(parameters)
        self._counted = counted
        self._total: int | None = None
        self.finish: Finish | None = None

    def total(self) -> int:
        """Return the number of datasets."""
        if self._total is None and self._counted is not None:
            self._total = self._counted()
        if self._total is None:
            self._total = int(self._pages.number.scalar(self._parameters))
        return self._total

    def _page(self, fetch: Fetch, offset: int, limit: int) -> list[Any]:
        if offset > LARGEST_OFFSET:
            return []
        page = {"offset": offset, "limit": limit}
        found = fetch(self._pages.page, self._parameters | page)
        if len(found) < limit and (found or not offset):
            # The last page tells how many there are.
            self._total = offset + len(found)
        return found
