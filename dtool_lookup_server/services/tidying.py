"""Bringing the plugins' stores in order: nothing is lost without it, but time."""

import logging
from collections.abc import Iterator

from sqlalchemy import inspect, text
from sqlalchemy.exc import SQLAlchemyError

from ..database import transactional
from ..errors import DtoolLookupServerError
from ..extensions import sql_db
from ..plugins.registry import in_use

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


def tidy_some(registered: int) -> None:
    """Do a part of it, for about a second, when somebody has registered datasets.

    :param registered: their number; nothing is done for few
    """
    if registered < MANY:
        return
    for plugin in in_use().instances:
        if bring_in_order := getattr(plugin, "tidy_some", None):
            try:
                bring_in_order()
            except (DtoolLookupServerError, SQLAlchemyError) as error:
                # All is registered.
                _log.warning("A store is not in order: %s", type(error).__name__)
