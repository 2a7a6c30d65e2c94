"""What the server tells of itself: versions and settings, without its secrets."""

import importlib
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from flask import current_app

from .. import database
from .._version import __version__
from ..config import MASK, is_secret, redact
from ..errors import StoreUnavailableError
from ..extensions import sql_db
from ..plugins.registry import Discovered, in_use

#: The SQL database among the stores.
DATABASE = "the database"


def versions() -> dict[str, Any]:
    """Return the version of the server and of each plugin in use.

    The name of each is the top-level module that it comes from, as in 0.18.
    """
    return {
        "dtool_lookup_server": __version__,
        **{plugin.versions_key: _version_of(plugin) for plugin in in_use().used},
    }


def check_health() -> None:
    """Return if the database and every plugin's store answer.

    :raises StoreUnavailableError: naming those that do not
    """
    if failing := failing_stores():
        raise StoreUnavailableError(f"Not answering: {', '.join(failing)}")


def store_checks() -> dict[str, Callable[[], None]]:
    """Return what checks each store, by the store's name."""
    plugins = in_use()
    named = {
        "the search plugin": plugins.search,
        "the retrieve plugin": plugins.retrieve,
        **{f"the extension {type(e).__name__}": e for e in plugins.extensions},
    }
    return {
        DATABASE: database.check_health,
        **{
            name: plugin.check_health
            for name, plugin in named.items()
            if hasattr(plugin, "check_health")
        },
    }


def failing_stores() -> list[str]:
    """Return the names of the stores that do not answer."""
    return [name for name, check in store_checks().items() if not _answers(check)]


def _answers(check: Callable[[], None]) -> bool:
    try:
        check()
    except Exception as error:
        # A plugin may fail in any way; the reason may hold secrets, so not its text.
        current_app.logger.error("Health: %s", type(error).__name__)
        # PostgreSQL answers nothing more in a transaction in which something failed.
        sql_db.session.rollback()
        return False
    return True


def settings(exclusions: Iterable[str] | None = None) -> dict[str, Any]:
    """Return every setting of the running server by its upper-case name.

    :param exclusions: names of secrets; None for those that the plugins name
    """
    if exclusions is None:
        exclusions = current_app.config["CONFIG_SECRETS_TO_OBFUSCATE"]
    return shown(current_app.config, exclusions)


def shown(config: Mapping[str, Any], exclusions: Iterable[str] = ()) -> dict[str, Any]:
    """Return the upper-case entries of a mapping, fit for JSON, secrets masked."""
    hidden = set(exclusions)
    return {
        key: MASK if is_secret(key, hidden) else redact(_jsonable(value))
        for key, value in config.items()
        if isinstance(key, str) and key.isupper()
    }


def lower_case(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return a mapping with lower-case keys."""
    return {key.lower(): value for key, value in settings.items()}


def _jsonable(value: Any) -> Any:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return str(value)
    return value


def _version_of(plugin: Discovered) -> str | None:
    if plugin.built_in:
        return plugin.version
    module = importlib.import_module(plugin.entry_point.module.partition(".")[0])
    return getattr(module, "__version__", plugin.version)
