"""Bringing the plugins' stores in order: nothing is lost without it, but time."""

import logging
from collections.abc import Iterator

from sqlalchemy.exc import SQLAlchemyError

from ..errors import DtoolLookupServerError
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
