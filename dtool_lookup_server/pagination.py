"""From a select to one page of it: sorted, counted and cut in SQL."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Row, Select, func, select

from . import cursors
from .columns import indexed_start
from .errors import InvalidFieldError
from .extensions import sql_db

#: The largest number that a database takes as an OFFSET.
LARGEST_OFFSET = 2**63 - 1

#: Rows that are fetched at once where a caller wants every one of them.
BATCH = 500

AnySelect = Select[*tuple[Any, ...]]
AnyRow = Row[*tuple[Any, ...]]
ToItems = Callable[[Sequence[Any]], list[dict[str, Any]]]
#: Returns the number of rows of a select without counting them.
Counted = Callable[[], int]
Finish = Callable[[list[dict[str, Any]]], list[dict[str, Any]]]


class Listing(Protocol):
    """Something long that is only ever looked at a page at a time.

    :var finish: what is done to the items of the page that is shown, if anything
    """

    finish: "Finish | None"

    def total(self) -> int:
        """Return the number of all items."""

    def page(self, offset: int, limit: int) -> list[dict[str, Any]]:
        """Return at most limit items, after leaving out the first offset."""


class SelectListing:
    """The rows of a select, sorted, not fetched yet.

    :param statement: what to select, without order
    :param order: what to order by; must end in something unique
    :param to_items: makes dictionaries of the rows of one page
    :param counted: what knows the number of rows, if anything does
    """

    def __init__(
        self,
        statement: AnySelect,
        order: Sequence[ColumnElement[Any]],
        to_items: ToItems,
        counted: Counted | None = None,
    ):
        self._counted = counted
        self._total: int | None = None
        self._statement = statement
        self._order = order
        self._to_items = to_items
        self.finish: Finish | None = None

    def total(self) -> int:
        """Return the number of rows."""
        if self._total is not None:
            return self._total
        if self._counted is not None:
            return self._counted()
        counting = self._statement.with_only_columns(func.count()).order_by(None)
        return int(sql_db.session.scalar(counting) or 0)

    def page(self, offset: int, limit: int) -> list[dict[str, Any]]:
        """Return at most limit items, after leaving out the first offset."""
        if offset > LARGEST_OFFSET:
            return []
        statement = self._statement.order_by(*self._order).offset(offset).limit(limit)
        rows = sql_db.session.execute(statement).all()
        if len(rows) < limit and (rows or not offset):
            # The last page tells how many there are.
            self._total = offset + len(rows)
        return self._to_items(rows)


class SortedListing(SelectListing):
    """The rows of a select in an order that the caller names, fit for cursors.

    A cursor says which row was the last, not how many there were: pages that follow
    each other neither repeat nor miss a row while others come and go, and the last
    one costs as much as the first.

    :param columns: the fields that may be sorted by, named as in the rows
    :param sort: as parse_sort takes it
    :param unique: the field that ends every order, and the order where sort is None
    :raises InvalidFieldError: for a field that is not among the columns
    """

    def __init__(
        self,
        statement: AnySelect,
        columns: Mapping[str, ColumnElement[Any]],
        sort: str | None,
        unique: str,
        to_items: ToItems,
        counted: Counted | None = None,
    ):
        _order, self.directions = parse_sort(sort, columns, unique)
        self._keys = [
            _key(name, columns[name], direction)
            for name, direction in {unique: 1, **self.directions}.items()
        ]
        # The unique field comes last unless it was asked for earlier.
        if unique not in self.directions:
            self._keys.append(self._keys.pop(0))
        else:
            names = list(self.directions)
            self._keys.sort(key=lambda key: names.index(key.name))
        self.cursor: str | None = None
        order = [column for key in self._keys for column in key.order]
        super().__init__(statement, order, self._remember(to_items), counted)

    def after(self, cursor: str, limit: int) -> list[dict[str, Any]]:
        """Return at most limit items that come after a cursor.

        Sets self.cursor to the last item's, or to None if there are no more.

        :param cursor: one that was returned for the same sort; empty for the start
        :raises InvalidFieldError: if it is none
        """
        statement = self._statement.order_by(*self._order).limit(limit + 1)
        if cursor:
            values = cursors.decode(cursor, self._keys)
            statement = statement.where(cursors.beyond(self._keys, values))
        rows = sql_db.session.execute(statement).all()
        items = self._to_items(rows[:limit])
        if len(rows) <= limit:
            self.cursor = None
        return items

    def _remember(self, to_items: ToItems) -> ToItems:
        def remembering(rows: Sequence[Any]) -> list[dict[str, Any]]:
            self.cursor = cursors.encode(self._keys, rows[-1]) if rows else None
            return to_items(rows)

        return remembering


def every_item(listing: Listing) -> Iterator[dict[str, Any]]:
    """Yield every item of a listing, fetched in batches."""
    offset = 0
    while items := listing.page(offset, BATCH):
        yield from items
        offset += len(items)


def parse_sort(
    sort: str | None, columns: Mapping[str, ColumnElement[Any]], default: str
) -> tuple[list[ColumnElement[Any]], dict[str, int]]:
    """Return what to order by, for a sort such as "uri,-name".

    :param sort: names of fields, each with + (or a space, which a raw + in a URL
        becomes), - or nothing before it; None or empty for the default
    :param columns: the fields that may be sorted by
    :param default: the sort where none is given
    :returns: the columns, and each field's name with 1 or -1 as X-Sort gives them
    :raises InvalidFieldError: for a field that is not among the columns
    """
    directions: dict[str, int] = {}
    for part in (sort or default).split(","):
        name = part.strip().lstrip("+-")
        if name not in columns:
            raise InvalidFieldError("sort", f"Unknown field: {name!r}.")
        directions.setdefault(name, -1 if part.strip().startswith("-") else 1)
    order: list[ColumnElement[Any]] = []
    for name, direction in directions.items():
        order += _key(name, columns[name], direction).order
    return order, directions


def _key(name: str, column: ColumnElement[Any], direction: int) -> cursors.Key:
    start = indexed_start(column, sql_db.session.get_bind().dialect)
    return cursors.Key(name, column, direction, start)


def exists(statement: AnySelect) -> bool:
    """Return whether a select finds at least one row."""
    return bool(sql_db.session.scalar(select(statement.exists())))
