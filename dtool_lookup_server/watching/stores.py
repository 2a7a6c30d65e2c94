"""Stores: how long each call of a database or a plugin took, and which was slow."""

import functools
import logging
import re
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from sqlalchemy import Engine, event

from ..plugins.interfaces import is_grouping
from ..plugins.registry import Plugins
from .logs import LOGGER

#: Called with the name of a store, what it was asked, and the seconds that it took.
Observer = Callable[[str, str, float], None]

#: The name of the SQL database among the stores.
SQL = "sql"

# What plugins with a store of their own are asked.
_CALLS = (
    "delete_dataset",
    "search",
    "search_page",
    "lookup_uris",
    "get_readme",
    "get_manifest",
    "get_annotations",
    "get_tags",
)

_LONGEST_STATEMENT = 2000
_LITERAL = re.compile(r"'(?:[^']|'')*'")

_log = logging.getLogger(f"{LOGGER}.stores")

# One call of a plugin may make another: only the outer one counts.
_inside_plugin: ContextVar[bool] = ContextVar("inside_plugin", default=False)

# The seconds of each store, for the newest request; not g, which every statement would
# look up several times.
_spent: ContextVar[dict[str, float] | None] = ContextVar("spent", default=None)


class StoreWatch:
    """Notes how long the stores take.

    :param slow: seconds from which on a call is logged
    :param observers: who else is told of each call
    """

    def __init__(self, slow: float, observers: list[Observer]):
        self._slow = slow
        self._observers = observers

    def watch_sql(self, engine: Engine) -> None:
        """Time each statement of an engine."""

        @event.listens_for(engine, "before_cursor_execute")
        def begin(*arguments: Any) -> None:
            arguments[4].begun = time.perf_counter()

        @event.listens_for(engine, "after_cursor_execute")
        def end(*arguments: Any) -> None:
            statement, context = arguments[2], arguments[4]
            self.note(SQL, statement, time.perf_counter() - context.begun)

    def watch_plugins(self, plugins: Plugins) -> None:
        """Time the calls of the plugins that have a store of their own."""
        for plugin in plugins.instances:
            if getattr(plugin, "shares_sql_transaction", False):
                continue
            registering: tuple[str, ...] = ("register_dataset",)
            if is_grouping(plugin):
                registering = ("register_prepared", "register_both")
            for name in (*registering, *_CALLS):
                if call := getattr(plugin, name, None):
                    setattr(plugin, name, self._timed(type(plugin).__name__, call))

    def note(self, store: str, call: str, seconds: float) -> None:
        """Note one call: for the request, for the observers and, if slow, in the log.

        :param call: a method's name or a statement, with no values in it
        """
        spent = _spent.get()
        if spent is not None:
            spent[store] = spent.get(store, 0.0) + seconds
        for observe in self._observers:
            observe(store, call, seconds)
        if seconds >= self._slow:
            fields = {
                "store": store,
                "milliseconds": round(seconds * 1000, 1),
                "call": without_values(call),
            }
            _log.warning("Slow: %s", store, extra={"fields": fields})

    def _timed(self, store: str, call: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(call)
        def timed(*args: Any, **kwargs: Any) -> Any:
            if _inside_plugin.get():
                return call(*args, **kwargs)
            outer = _inside_plugin.set(True)
            begun = time.perf_counter()
            try:
                return call(*args, **kwargs)
            finally:
                _inside_plugin.reset(outer)
                self.note(store, call.__name__, time.perf_counter() - begun)

        return timed


def begin_request() -> None:
    """Add up anew how long the stores take."""
    _spent.set({})


def store_seconds() -> dict[str, float]:
    """Return the seconds that each store has taken for the current request."""
    return _spent.get() or {}


def without_values(statement: str) -> str:
    """Return a SQL statement on one line, with its literals replaced, and not too long.

    Values go to the database beside a statement; only some of a migration are in it.
    """
    return _LITERAL.sub("'...'", " ".join(statement.split()))[:_LONGEST_STATEMENT]
