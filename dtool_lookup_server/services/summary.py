"""The summary: how many datasets and bytes, per creator, base URI, tag and uploader."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, func, literal_column

from ..extensions import sql_db
from ..pagination import AnySelect
from ..plugins.interfaces import Query
from ..sql_models import BaseURI, Dataset, DatasetTag
from . import counters, search
from .users import ActingUser

_NUMBER = func.count()
_HALF = 32
#: The sum of the sizes, in two halves for sum_of: of large numbers it is too large for
#: SQLite.
BYTES = (
    func.sum(Dataset.size_in_bytes.bitwise_rshift(literal_column(str(_HALF)))),
    func.sum(Dataset.size_in_bytes.bitwise_and(2**_HALF - 1)),
)

#: The lists of the values, by the word that the two dictionaries end in.
_LISTS = {
    "creator": "creator_usernames",
    "base_uri": "base_uris",
    "tag": "tags",
    "uploader": "uploaders",
}

Facet = dict[str, tuple[int, int]]


def summary(user: ActingUser) -> dict[str, Any]:
    """Return the summary of the datasets that a user may see."""
    facets: dict[str, Facet] = defaultdict(dict)
    for kind, value, number, size in counters.sums(user):
        facets[kind][value] = (number, size)
    number, size = map(sum, zip((0, 0), *facets["base_uri"].values(), strict=True))
    totals = {"number_of_datasets": number, "total_size_in_bytes": size}
    return {**totals, **_described({name: [facets[name]] for name in _LISTS})}


def summary_of_query(user: ActingUser, query: Query) -> dict[str, Any]:
    """Return the summary of what a query finds among what a user may see."""
    return summary_of(search.selections(user, query))


def summary_of(statements: Iterable[AnySelect]) -> dict[str, Any]:
    """Return the summary of selects of datasets that have none in common.

    :returns: number_of_datasets and total_size_in_bytes; creator_usernames, base_uris,
        tags and uploaders, sorted; datasets_per_ and size_in_bytes_per_ creator,
        base_uri, tag and uploader
    """
    result = {"number_of_datasets": 0, "total_size_in_bytes": 0}
    parts: dict[str, list[Facet]] = defaultdict(list)
    for statement in statements:
        totals = statement.with_only_columns(_NUMBER, *BYTES)
        number, *halves = sql_db.session.execute(totals).one()
        result["number_of_datasets"] += number
        result["total_size_in_bytes"] += sum_of(halves)
        for name, facet in _facets(statement).items():
            parts[name].append(facet)
    return {**result, **_described(parts)}


def per_base_uri() -> Facet:
    """Return number and bytes of all datasets, for each base URI that has any."""
    return {name: (number, size) for name, number, size in counters.of_base_uris()}


def _facets(statement: AnySelect) -> dict[str, Facet]:
    tagged = statement.join(DatasetTag, DatasetTag.dataset_id == Dataset.id)
    uploaded = statement.where(Dataset.uploaded_by.is_not(None))
    return {
        "creator": _facet(statement, Dataset.creator_username),  # type: ignore[arg-type]
        "base_uri": _facet(statement, BaseURI.base_uri),  # type: ignore[arg-type]
        "tag": _facet(tagged, DatasetTag.tag),  # type: ignore[arg-type]
        "uploader": _facet(uploaded, Dataset.uploaded_by),  # type: ignore[arg-type]
    }


def _facet(statement: AnySelect, column: ColumnElement[str]) -> Facet:
    """Return number and bytes for each value of a column."""
    grouped = statement.with_only_columns(column, _NUMBER, *BYTES).group_by(column)
    return {
        value: (number, sum_of(halves))
        for value, number, *halves in sql_db.session.execute(grouped)
    }


def sum_of(halves: Sequence[int | Decimal | None]) -> int:
    """Return the number that a row's halves, BYTES, stand for."""
    upper, lower = (int(half or 0) for half in halves)
    return (upper << _HALF) + lower


def _described(parts: Mapping[str, list[Facet]]) -> dict[str, Any]:
    """Return the lists and dictionaries of the summary, in order of the values."""
    result: dict[str, Any] = {}
    for name, list_name in _LISTS.items():
        numbers: dict[str, int] = defaultdict(int)
        sizes: dict[str, int] = defaultdict(int)
        for facet in parts[name]:
            for value, (number, size) in facet.items():
                numbers[value] += number
                sizes[value] += size
        result[list_name] = sorted(numbers)
        result[f"datasets_per_{name}"] = {key: numbers[key] for key in sorted(numbers)}
        result[f"size_in_bytes_per_{name}"] = {key: sizes[key] for key in sorted(sizes)}
    return result
