"""Plugins with stores of their own: what these hold is kept as SQL has it."""

import logging
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from sqlalchemy import select

from ..engines import WRITES
from ..errors import StoreUnavailableError
from ..extensions import sql_db
from ..locks import among_processes
from ..plugins import kept_beside
from ..plugins.interfaces import is_grouping
from ..plugins.registry import answering, in_use, registering_in
from ..prepared import PreparedForMany
from ..sql_models import Dataset
from .registrations import Registration, prepared_for, registering_plugins

_URI = Dataset.__table__.c.uri
_REGISTERED = PreparedForMany(
    _URI.type, lambda uris: select(_URI).where(_URI.in_(uris))
)

# When each plugin's store answered last, by time.monotonic(), and the seconds for which
# it is taken to be still there. By id(), since not every plugin can be a key.
_answered: dict[int, float] = {}
_JUST_BEFORE = 1

# Plugins that are told at once: one, behind that which it takes along if there is one.
Together = tuple[Any, ...]

_log = logging.getLogger(__name__)


def plugins() -> list[Any]:
    """Return the plugins with stores of their own, the search plugin last.

    What a search plugin alone has would be counted among its hits.
    """
    found = registering_plugins(share_transaction=False)
    return sorted(found, key=lambda plugin: plugin is in_use().search)


def is_one_away() -> bool:
    """Return whether a store does not answer."""
    return not all(map(_answers, plugins()))


def alone_with(uris: Collection[str]) -> AbstractContextManager[None]:
    """Keep others from telling the stores of these datasets, before a transaction.

    Databases other than SQLite have locks of rows for that.
    """
    if not (_is_before_the_lock() and plugins()):
        return nullcontext()
    return among_processes(sql_db.engine, "datasets", uris)


def _is_before_the_lock() -> bool:
    """Return whether a transaction to come takes SQLite's one lock of all writing."""
    session = sql_db.session
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    return is_sqlite and not session.info.get(WRITES)


class Telling:
    """What stores are told of datasets that are registered together.

    :param registrations: of those with the same URI the last one counts
    """

    def __init__(self, registrations: Sequence[Registration]):
        self._plugins = plugins()
        self._last = {one.uri: one for one in registrations}
        # What is told before the transaction, and to whom what was told.
        self._early: set[str] = set()
        self._told: list[tuple[str, Together]] = []

    @contextmanager
    def around(self) -> Iterator[None]:
        """Tell what is best told before the transaction, which is in the context.

        If that fails, the stores are told otherwise.
        """
        if not self._plugins:
            yield
            return
        with alone_with(self._last):
            try:
                if _is_before_the_lock():
                    self._tell_early()
                yield
            except Exception:
                _take_back(self._told)
                raise

    def _tell_early(self) -> None:
        """Tell the stores of new datasets: within, nobody else could write meanwhile.

        Of a dataset that is registered they would have the new version, and SQL the old
        one, where the transaction fails; a new one is taken back.
        """
        # One that is away is waited for once, and by nobody else, and has nothing to be
        # taken back from.
        for plugin in self._plugins:
            _require_answers(plugin)
        if all(map(is_grouping, self._plugins)):
            registered = {uri for (uri,) in _REGISTERED.all([*self._last])}
            self._early = self._last.keys() - registered
            self._tell([one for uri, one in self._last.items() if uri in self._early])

    def within(self, group: Sequence[Registration]) -> None:
        """Tell the stores of datasets that SQL was told of, in its transaction.

        The rows are locked: of two registrations at once the one whose row is the last
        is the last in every store. The commit comes after them, so that where one does
        not answer nothing is registered.
        """
        if self._plugins:
            self._tell([one for one in group if one.uri not in self._early])

    def _tell(self, group: Sequence[Registration]) -> None:
        if not group:
            return
        datasets = [one.dataset for one in group if one.dataset is not None]
        complete = {dataset["uri"]: True for dataset in datasets}
        for together in _together(self._plugins):
            plugin = together[-1]
            if is_grouping(plugin):
                # Where it fails it may have some of them.
                self._told += [(one.uri, together) for one in group]
                with registering_in(plugin):
                    _register_in(together, group)
                _answered.update(dict.fromkeys(map(id, together), time.monotonic()))
                continue
            for dataset in datasets:
                complete[dataset["uri"]] &= kept_beside.register_in(plugin, dataset)
                self._told.append((dataset["uri"], together))
        for dataset in datasets:
            kept_beside.settle(dataset, complete[dataset["uri"]])


def _together(told: Sequence[Any]) -> list[Together]:
    """Return plugins in the order in which they are told, as plugins() has it."""
    search, retrieve = in_use().search, in_use().retrieve
    both = all(plugin in told and is_grouping(plugin) for plugin in (search, retrieve))
    if not both or not search.takes_along(retrieve):
        return [(plugin,) for plugin in told]
    others = [(plugin,) for plugin in told if plugin not in (search, retrieve)]
    return [*others, (retrieve, search)]


def _register_in(together: Together, group: Sequence[Registration]) -> None:
    *others, plugin = together
    prepared = prepared_for(plugin, group)
    if not others:
        plugin.register_prepared(prepared)
    for other in others:
        plugin.register_both(prepared, other, prepared_for(other, group))


def delete(uri: str) -> None:
    """Let every store forget a dataset, the search plugin's first: see plugins()."""
    for plugin in reversed(plugins()):
        delete_from(plugin, uri)


def delete_from(plugin: Any, uri: str) -> None:
    """Let a plugin forget a dataset, if it can."""
    if delete_dataset := getattr(plugin, "delete_dataset", None):
        with answering(plugin):
            delete_dataset(uri)


def _take_back(told: Iterable[tuple[str, Together]]) -> None:
    """Undo registrations that failed in the stores that have them already.

    A dataset that was registered before stays as these stores have it now; `flask
    dataset verify` finds where that is not what SQL says.
    """
    away: list[Together] = []
    for uri, together in told:
        try:
            if _REGISTERED.all([uri]):
                continue
            if together in away:
                raise StoreUnavailableError("It did not answer just before")
            for plugin in together:
                delete_from(plugin, uri)
        except Exception as error:
            # The error that the client is told of is the first one.
            _log.warning("%s is left in a store: %s", uri, type(error).__name__)
            if together not in away and not all(map(_answers, together)):
                away.append(together)


def _require_answers(plugin: Any) -> None:
    """Return if a store answers, or has just before."""
    if time.monotonic() - _answered.pop(id(plugin), 0) > _JUST_BEFORE:
        _check_health(plugin)


def _answers(plugin: Any) -> bool:
    try:
        _check_health(plugin)
    except StoreUnavailableError:
        return False
    return True


def _check_health(plugin: Any) -> None:
    if check_health := getattr(plugin, "check_health", None):
        with answering(plugin):
            check_health()
