"""dtool-lookup-server: the central index over the base URIs of dtool datasets.

This is the public surface, with the names that 0.18's plugins and scripts import.
Modules within the package never import from here.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from .app import create_app
    from .auth import acting_user, admin, registered_user
    from .errors import (
        AuthenticationError,
        AuthorizationError,
        UnknownBaseURIError,
        UnknownURIError,
        ValidationError,
    )
    from .extensions import jwt, ma, sql_db
    from .old_names import MONGO_COLLECTION, mongo
    from .plugins.interfaces import ExtensionABC, PluginABC, RetrieveABC, SearchABC

__all__ = [
    "MONGO_COLLECTION",
    "AuthenticationError",
    "AuthorizationError",
    "ExtensionABC",
    "PluginABC",
    "RetrieveABC",
    "SearchABC",
    "UnknownBaseURIError",
    "UnknownURIError",
    "ValidationError",
    "__version__",
    "acting_user",
    "admin",
    "create_app",
    "jwt",
    "ma",
    "mongo",
    "registered_user",
    "sql_db",
]

# Where a name is, for whoever asks for it first: the help of the commands, for one, is
# there before the server is loaded.
_MODULES = {
    "app": ("create_app",),
    "auth": ("acting_user", "admin", "registered_user"),
    "errors": (
        "AuthenticationError",
        "AuthorizationError",
        "UnknownBaseURIError",
        "UnknownURIError",
        "ValidationError",
    ),
    "extensions": ("jwt", "ma", "sql_db"),
    "old_names": ("MONGO_COLLECTION", "mongo"),
    "plugins.interfaces": ("ExtensionABC", "PluginABC", "RetrieveABC", "SearchABC"),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
