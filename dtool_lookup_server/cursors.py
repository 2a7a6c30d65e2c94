"""Cursors: where a page ended, as a text, and as a condition for the next one."""

import base64
import binascii
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, false, or_

from .columns import Start
from .errors import InvalidFieldError

Value = str | int | bool | datetime | None

_LARGEST_INTEGER = 2**63 - 1


class Key(NamedTuple):
    """One field of an order.

    :param direction: 1 for ascending, -1 for descending
    :param start: how the column begins, where an index holds no more of it
    """

    name: str
    column: ColumnElement[Any]
    direction: int
    start: Start | None = None

    @property
    def nullable(self) -> bool:
        """Whether a row may be without a value."""
        return bool(getattr(self.column, "nullable", False))

    @property
    def order(self) -> list[ColumnElement[Any]]:
        """What to order by: rows without a value come last, on every database."""
        columns = [self.start.column, self.column] if self.start else [self.column]
        order = [c.desc() if self.direction < 0 else c.asc() for c in columns]
        return [self.column.is_(None), *order] if self.nullable else [*order]

    def equals(self, value: Value) -> ColumnElement[bool]:
        """Return the condition that a row has this value."""
        return self.column.is_(None) if value is None else self.column == value

    def beyond(self, value: Value) -> ColumnElement[bool]:
        """Return the condition that a row comes after all that have this value."""
        if value is None:
            return false()
        beyond = self.column < value if self.direction < 0 else self.column > value
        return or_(beyond, self.column.is_(None)) if self.nullable else beyond

    def not_before(self, value: Value) -> ColumnElement[bool]:
        """Return a condition that rows with this value and all after it meet.

        One that an index serves: of a long column it looks at how it begins.
        """
        if self.nullable:
            return or_(self.equals(value), self.beyond(value))
        column: ColumnElement[Any] = self.column
        if self.start and isinstance(value, str):
            column, value = self.start.column, value[: self.start.length]
        return column <= value if self.direction < 0 else column >= value


def beyond(keys: Sequence[Key], values: Sequence[Value]) -> ColumnElement[bool]:
    """Return the condition that a row comes after one with these values."""
    pairs = list(zip(keys, values, strict=True))
    # The first condition follows from the second, and is one that an index serves.
    return and_(pairs[0][0].not_before(pairs[0][1]), _strictly_beyond(pairs))


def _strictly_beyond(pairs: Sequence[tuple[Key, Value]]) -> ColumnElement[bool]:
    return or_(
        *(
            and_(*(k.equals(v) for k, v in pairs[:number]), key.beyond(value))
            for number, (key, value) in enumerate(pairs)
        )
    )


def encode(keys: Sequence[Key], row: Any) -> str:
    """Return the cursor of a row."""
    values = [_to_json(getattr(row, key.name)) for key in keys]
    text = json.dumps([_spelled(keys), values], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(cursor: str, keys: Sequence[Key]) -> list[Value]:
    """Return the values in a cursor.

    :raises InvalidFieldError: if it is no cursor, or one of another order
    """
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        sort, values = json.loads(base64.urlsafe_b64decode(padded))
        if sort != _spelled(keys):
            raise InvalidFieldError("after", "Of a list with another sort.")
        if not isinstance(values, list):
            raise TypeError(values)
        return [_from_json(key, value) for key, value in zip(keys, values, strict=True)]
    except (binascii.Error, RecursionError, TypeError, ValueError) as error:
        if isinstance(error, InvalidFieldError):
            raise
        raise InvalidFieldError("after", "Not a cursor of this server.") from None


def _spelled(keys: Sequence[Key]) -> str:
    return ",".join(("-" if key.direction < 0 else "") + key.name for key in keys)


def _to_json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _from_json(key: Key, value: Any) -> Value:
    """Return a value that the database can compare its column with."""
    wanted = key.column.type.python_type
    if value is None and key.nullable:
        return None
    if wanted is datetime:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is not None:
            raise ValueError(value)
        return moment
    if type(value) is not wanted:
        raise ValueError(value)
    if wanted is int and abs(value) > _LARGEST_INTEGER:
        raise ValueError(value)
    if wanted is str:
        # Half of a surrogate pair is text to JSON, and to no database; nor is NUL.
        value.encode()
        if "\0" in value:
            raise ValueError("NUL")
    return value
