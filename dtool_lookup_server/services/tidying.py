"""Bringing the plugins' stores in order: nothing is lost without it, but time."""

import logging
from collections.abc import Iterator

from sqlalchemy import inspect, text
from sqlalchemy.exc import SQLAlchemyError

from ..database import transactional
from ..errors import DtoolLookupServerError
from ..extensions import sql_db
from ..plugins.registry import in_use
from ..prepared import dialect_name
from . import counters

#: Datasets that are registered by one caller, from which on some of it is worth while.
MANY = 1_000

_log = logging.getLogger(__name__)


def tidy() -> Iterator[tuple[int, int]]:
    """Bring all stores in order.

    :returns: after each step how many are done, of how many that one store needs
    """
    for plugin in in_use().instances:
        if bring_in_order := getattr(plugin, "tidy", None):
            yield from bring_in_order() or ()
    _count_rows()


def tidy_some(registered: int) -> None:
    """Do a part of it, for about a second, when somebody has registered datasets.

    :param registered: their number; nothing is done for few
    """
    if registered < MANY:
        return
    tasks = [getattr(plugin, "tidy_some", None) for plugin in in_use().instances]
    for bring_in_order in [*filter(None, tasks), _count_rows_if_doubled]:
        try:
            bring_in_order()
        except (DtoolLookupServerError, SQLAlchemyError) as error:
            # All is registered.
            _log.warning("A store is not in order: %s", type(error).__name__)


@transactional
def _count_rows() -> None:
    """Have PostgreSQL note about how many rows of which kind its tables have.

    It decides by that how to look for them. It counts by itself too, but not at once,
    and not where that was switched off: then a page of a list may take ten times as
    long. See https://www.postgresql.org/docs/current/sql-analyze.html.
    """
    connection = sql_db.session.connection()
    if connection.dialect.name == "postgresql":
        quote = connection.dialect.identifier_preparer.quote
        # The plugins' too, which have tables of their own.
        names = map(quote, inspect(connection).get_table_names())
        connection.execute(text(f"ANALYZE {', '.join(names)}"))


# Less than nought where nobody has counted yet.
_COUNTED = text("SELECT reltuples FROM pg_class WHERE oid = to_regclass('dataset')")


def _count_rows_if_doubled() -> None:
    """Do so where there are twice as many datasets as were counted."""
    if dialect_name() == "postgresql":
        counted = sql_db.session.scalar(_COUNTED) or 0
        number = sum(number for _base_uri, number, _bytes in counters.of_base_uris())
        if number > 2 * counted:
            _count_rows()
