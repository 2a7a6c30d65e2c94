"""Where the entry points lead: the plugins, if pymongo is installed."""

from ...errors import PluginError

try:
    from .retrieve import MongoRetrieve
    from .search import MongoSearch
except ModuleNotFoundError as error:
    raise PluginError(
        f"{error.name} is missing: pip install 'dtool-lookup-server[mongo]'"
    ) from error

__all__ = ["MongoRetrieve", "MongoSearch"]
