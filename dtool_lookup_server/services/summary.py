"""The summary: how many datasets and bytes, per creator, base URI and tag."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, func, literal_column

from ..extensions import sql_db
from ..pagination import AnySelect
from ..sql_models import BaseURI, Dataset, DatasetTag
from . import datasets
from .users import ActingUser

_NUMBER = func.count()
# In two halves, since the sum of large numbers is too large for SQLite.
_HALF = 32
_BYTES = (
    func.sum(Dataset.size_in_bytes.bitwise_rshift(literal_column(str(_HALF)))),
    func.sum(Dataset.size_in_bytes.bitwise_and(2**_HALF - 1)),
)


def summary(user: ActingUser) -> dict[str, Any]:
    """Return the summary of the datasets that a user may see."""
    return summary_of(datasets.visible(user))


def summary_of(statement: AnySelect) -> dict[str, Any]:
    """Return the summary of a select of datasets.

    :returns: number_of_datasets and total_size_in_bytes; creator_usernames, base_uris
        and tags, sorted; datasets_per_ and size_in_bytes_per_ creator, base_uri, tag
    """
    number, *halves = sql_db.session.execute(
        statement.with_only_columns(_NUMBER, *_BYTES)
    ).one()
    tagged = statement.join(DatasetTag, DatasetTag.dataset_id == Dataset.id)
    facets = {
        "creator": _facet(statement, Dataset.creator_username),  # type: ignore[arg-type]
        "base_uri": _facet(statement, BaseURI.base_uri),  # type: ignore[arg-type]
        "tag": _facet(tagged, DatasetTag.tag),  # type: ignore[arg-type]
    }
    result: dict[str, Any] = {
        "number_of_datasets": number,
        "total_size_in_bytes": _total(halves),
        "creator_usernames": list(facets["creator"]),
        "base_uris": list(facets["base_uri"]),
        "tags": list(facets["tag"]),
    }
    for name, facet in facets.items():
        result[f"datasets_per_{name}"] = {
            value: number for value, (number, _size) in facet.items()
        }
        result[f"size_in_bytes_per_{name}"] = {
            value: size for value, (_number, size) in facet.items()
        }
    return result


def _facet(
    statement: AnySelect, column: ColumnElement[str]
) -> dict[str, tuple[int, int]]:
    """Return number and bytes for each value of a column, in order of the values."""
    grouped = statement.with_only_columns(column, _NUMBER, *_BYTES).group_by(column)
    rows = sql_db.session.execute(grouped).all()
    return {
        value: (number, _total(halves))
        for value, number, *halves in sorted(rows, key=lambda row: row[0])
    }


def _total(halves: Sequence[int | Decimal | None]) -> int:
    upper, lower = (int(half or 0) for half in halves)
    return (upper << _HALF) + lower
