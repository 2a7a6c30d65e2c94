"""The embedded search plugin: the text index of the server's own database."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import joinedload, selectinload

from ...database import transactional
from ...errors import StoreUnavailableError, UnknownURIError
from ...extensions import sql_db
from ...prepared import dialect_name
from ...query import Leaf, Node
from ...sql_models import BaseURI, Dataset, DatasetTag
from ..analysis import analyze_dataset
from ..interfaces import (
    DatasetInfo,
    GroupingABC,
    Hits,
    Query,
    SearchABC,
    TextMatch,
)
from ..text_query import TextQuery, parse
from .tables import find_dataset_id, find_dataset_ids, not_new, text_engine

Conditions = list[ColumnElement[bool]]
Order = tuple[ColumnElement[Any], ...]

# Of uniting segments: about a second of processor time.
_FEW_STEPS = 15


class SQLSearch(GroupingABC, SearchABC):
    """Finds datasets by a text index beside the dataset table."""

    def prepare_dataset(self, dataset_info: DatasetInfo) -> Any:
        """Return a dataset's terms as the text index of this database keeps them."""
        return _engine().entry_of(analyze_dataset(dataset_info))

    def register_prepared(self, datasets: Mapping[str, Any]) -> None:
        """Index datasets whose rows are in the database, at least flushed.

        :raises UnknownURIError: if the row of one is not
        """
        ids = find_dataset_ids(datasets)
        entries = {ids[uri]: entry for uri, entry in datasets.items()}
        known = {ids[uri] for uri in not_new(datasets)}
        _engine().store_entries(sql_db.session, entries, known)

    def delete_dataset(self, uri: str) -> None:
        """Forget a dataset, best before its row goes."""
        with suppress(UnknownURIError):
            _engine().forget(sql_db.session, find_dataset_id(uri))

    def tidy(self) -> Iterator[tuple[int, int]]:
        """Unite the segments of the text index, where it has any: see fts5.

        Others can write between the steps.
        """
        if not hasattr(_engine(), "merge"):
            return
        total = _engine().steps_to_tidy(sql_db.session)
        done = 0
        while _merge(begin=not done):
            done += 1
            yield min(done, total), total

    def tidy_some(self) -> None:
        """Unite some of them if there are many; goes on with what was begun before."""
        if not hasattr(_engine(), "merge"):
            return
        begin = False
        for _step in range(_FEW_STEPS):
            if _merge(begin):
                begin = False
            elif begin or not _engine().is_scattered(sql_db.session):
                return
            else:
                begin = True

    def answers(self, tree: Node) -> bool:
        """Return whether a tree is text alone; SQL answers all else."""
        return isinstance(tree, TextQuery)

    def holds(self, dataset_info: DatasetInfo) -> bool:
        """Return whether a dataset is indexed as register_dataset does it.

        :raises UnknownURIError: if its row is not in the database
        """
        dataset_id = find_dataset_id(dataset_info["uri"])
        terms = analyze_dataset(dataset_info)
        return bool(_engine().holds(sql_db.session, dataset_id, terms))

    def match_text(self, text: Leaf) -> TextMatch:
        """Return text as a condition over Dataset, and the best first.

        The condition joins the text index to the dataset table, one row to one. To
        filter by base URI beside it, compare base_uri_id: see _conditions.
        """
        return _engine().match(text)

    def expression_of(self, text: Leaf) -> str | None:
        """Return text as the one parameter of match_expression().

        :returns: None where the database has no such form, or the text finds nothing
            by itself
        """
        of = getattr(_engine(), "expression_of", None)
        if of is None or not isinstance(text, TextQuery):
            return None
        return of(text) if text.groups and not text.finds_nothing else None

    def match_expression(self, expression: BindParameter[str]) -> TextMatch:
        """Return what match_text does, for any text that has an expression."""
        return _engine().matched(expression)

    def number_of(self, expression: str, most: int) -> int:
        """Return how many datasets of all an expression finds.

        :param most: count no further
        """
        parameters = {"expression": expression, "most": most}
        return int(_engine().NUMBER_UP_TO.scalar(parameters))

    def within(
        self, expression: str, shown: Sequence[int], hidden: Sequence[int]
    ) -> dict[str, Any] | None:
        """Return what number_within() and match_newest() take.

        :param shown: the ids of the base URIs to look for hits in
        :param hidden: the ids of all others
        :returns: None where the index cannot tell the base URIs of hits
        """
        found: dict[str, Any] | None = _engine().within(expression, shown, hidden)
        return found

    def number_within(self, parameters: Mapping[str, Any]) -> int:
        """Return how many datasets an expression finds in some base URIs."""
        return int(_engine().NUMBER_WITHIN.scalar(parameters))

    def match_newest(self) -> ColumnElement[bool]:
        """Return the condition that a dataset is on a page of the newest hits.

        :returns: with the parameters that within() returns, offset and limit
        """
        condition: ColumnElement[bool] = _engine().newest()
        return condition

    def match_best(self, ranked: bool) -> TextMatch | None:
        """Return the same for hits that are not alike, and their order.

        :param ranked: rank as many as the parameter most says, of those that have most
            of the words; else all hits are in the order in which these were taken
        :returns: None where all hits are to be ranked
        """
        page = getattr(_engine(), "best" if ranked else "rest", None)
        return page() if page else None

    def search(self, query: Query) -> list[dict[str, Any]]:
        """Return every dataset that a query finds, the best first.

        :returns: dictionaries with the keys of Dataset.as_dict, type,
            dtoolcore_version and tags
        """
        conditions, order = self._parts(query)
        return [_as_row(dataset) for dataset in _datasets(conditions, order)]

    def search_page(
        self,
        query: Query,
        *,
        offset: int,
        limit: int,
        sort: Mapping[str, int] | None = None,
    ) -> Hits:
        """Return one page of what a query finds, the best first or sorted."""
        conditions, order = self._parts(query)
        if sort:
            order = (*_sorted_by(sort), *order)
        page = select(Dataset.uri).where(*conditions).order_by(*order)
        uris = sql_db.session.scalars(page.offset(offset).limit(limit))
        total = sql_db.session.scalar(select(func.count(Dataset.id)).where(*conditions))
        return Hits(list(uris), total or 0)

    def lookup_uris(self, uuid: str, base_uris: list[str]) -> list[dict[str, Any]]:
        """Return the rows, as search does, of each place that holds a UUID."""
        return self.search({"uuids": [uuid], "base_uris": base_uris})

    def check_health(self) -> None:
        """Return if the text index can be read.

        :raises StoreUnavailableError: if not
        """
        try:
            _engine().check(sql_db.session)
        except SQLAlchemyError as error:
            sql_db.session.rollback()
            raise StoreUnavailableError(
                f"the text index does not answer: {error}"
            ) from error

    def _parts(self, query: Query) -> tuple[Conditions, Order]:
        """Return what to filter by and what to order by."""
        conditions = _conditions(query)
        if not query.get("free_text"):
            return conditions, (Dataset.id.asc(),)
        match = self.match_text(parse(query["free_text"]))
        return [*conditions, match.condition], match.relevance


@transactional
def _merge(begin: bool) -> bool:
    return bool(_engine().merge(sql_db.session, begin))


def _engine() -> Any:
    # Not the session's, which would have to be opened for it.
    return text_engine(dialect_name())


def _conditions(query: Query) -> Conditions:
    """Return what a query asks of the columns, free text aside."""
    conditions: Conditions = []
    if "creator_usernames" in query:
        conditions.append(Dataset.creator_username.in_(query["creator_usernames"]))
    if "base_uris" in query:
        # No join: SQLite may search the index again for each base URI then.
        base_uris = select(BaseURI.id).where(BaseURI.base_uri.in_(query["base_uris"]))
        conditions.append(Dataset.base_uri_id.in_(base_uris))
    if "uuids" in query:
        uuids = [str(uuid).lower() for uuid in query["uuids"]]
        conditions.append(Dataset.uuid.in_(uuids))
    for tag in query.get("tags", []):
        conditions.append(Dataset.tags.any(DatasetTag.tag == tag))
    return conditions


def _sorted_by(sort: Mapping[str, int]) -> Order:
    base_uri = select(BaseURI.base_uri).where(BaseURI.id == Dataset.base_uri_id)
    columns: dict[str, Any] = {
        name: base_uri.scalar_subquery()
        if name == "base_uri"
        else getattr(Dataset, name)
        for name in sort
    }
    return tuple(
        column.desc() if sort[name] < 0 else column.asc()
        for name, column in columns.items()
    )


def _datasets(conditions: Conditions, order: Order) -> list[Dataset]:
    statement = select(Dataset).where(*conditions).order_by(*order)
    loaded = (joinedload(Dataset.base_uri), selectinload(Dataset.tags))
    return list(sql_db.session.scalars(statement.options(*loaded)))


def _as_row(dataset: Dataset) -> dict[str, Any]:
    return {
        **dataset.as_dict(),
        "type": dataset.type,
        "dtoolcore_version": dataset.dtoolcore_version,
        "tags": [tag.tag for tag in dataset.tags],
    }
