"""The timeline: how many datasets and bytes were frozen in each month."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from sqlalchemy import extract, func

from ..extensions import sql_db
from ..pagination import AnySelect
from ..plugins.interfaces import Query
from ..sql_models import Dataset
from . import search
from .summary import BYTES, sum_of
from .users import ActingUser

Month = tuple[int, int]


def timeline(user: ActingUser, query: Query) -> list[dict[str, Any]]:
    """Return the months in which datasets were frozen, the earliest first.

    :param query: what they are among, as search.search takes it; {} for all that the
        user may see
    :returns: month (such as "2024-03", in UTC), number_of_datasets, size_in_bytes;
        months without datasets are left out
    """
    numbers: dict[Month, int] = defaultdict(int)
    sizes: dict[Month, int] = defaultdict(int)
    for statement in search.selections(user, query):
        for month, number, size in _months(statement):
            numbers[month] += number
            sizes[month] += size
    return [
        {
            "month": f"{year:04}-{month:02}",
            "number_of_datasets": numbers[year, month],
            "size_in_bytes": sizes[year, month],
        }
        for year, month in sorted(numbers)
    ]


def _months(statement: AnySelect) -> Iterator[tuple[Month, int, int]]:
    year = extract("year", Dataset.frozen_at)
    month = extract("month", Dataset.frozen_at)
    grouped = statement.with_only_columns(year, month, func.count(), *BYTES)
    rows = sql_db.session.execute(grouped.group_by(year, month))
    for in_year, in_month, number, *halves in rows:
        yield (int(in_year), int(in_month)), number, sum_of(halves)
