"""The settings of the MongoDB plugins, for search and for retrieve alike."""

from collections.abc import Mapping
from types import SimpleNamespace

from ...config import Setting

SEARCH = "SEARCH"
RETRIEVE = "RETRIEVE"


def settings_of(kind: str) -> tuple[Setting, ...]:
    """Return the table of settings of one of the two plugins.

    :param kind: SEARCH or RETRIEVE, with which their names begin
    """
    plugin = f"the mongo {kind.lower()} plugin"
    return (
        Setting(
            f"{kind}_MONGO_URI",
            "text",
            "mongodb://localhost:27017/",
            f"The MongoDB of {plugin}, as a connection string.",
            secret=True,
        ),
        Setting(
            f"{kind}_MONGO_DB",
            "text",
            "dtool_info",
            f"Name of the database of {plugin}.",
        ),
        Setting(
            f"{kind}_MONGO_COLLECTION",
            "text",
            "datasets",
            f"Name of the collection of {plugin}; search and retrieve may share one.",
        ),
        Setting(
            f"{kind}_MONGO_TIMEOUT",
            "number",
            10,
            f"Longest wait of {plugin} for MongoDB, in seconds; after it the answer is"
            " 503.",
        ),
        Setting(
            f"{kind}_MONGO_POOL_SIZE",
            "number",
            20,
            f"Most connections to MongoDB that {plugin} opens in each worker.",
        ),
    )


def read(kind: str, environ: Mapping[str, str]) -> SimpleNamespace:
    """Return the settings of one of the two plugins as an object's attributes.

    :raises ConfigurationError: naming a setting whose text is not of its type
    """
    return SimpleNamespace(
        **{setting.name: setting.read(environ) for setting in settings_of(kind)}
    )


def secrets_of(kind: str) -> list[str]:
    """Return the names of the settings that are never shown."""
    return [setting.name for setting in settings_of(kind) if setting.secret]
