"""dtool-lookup-server: the central index over the base URIs of dtool datasets.

This is the public surface, with the names that 0.18's plugins and scripts import.
Modules within the package never import from here.
"""

from ._version import __version__
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
