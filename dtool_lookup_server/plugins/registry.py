"""Which plugins are installed, which are used, and their life in an application."""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from flask import Blueprint, Flask, current_app
from sqlalchemy.exc import SQLAlchemyError

from ..errors import (
    DtoolLookupServerError,
    PluginError,
    StoreUnavailableError,
    ValidationError,
)

SEARCH = "dtool_lookup_server.search"
RETRIEVE = "dtool_lookup_server.retrieve"
EXTENSION = "dtool_lookup_server.extension"
BLUEPRINTS = "dtool_lookup_server.blueprints"

GROUPS = (SEARCH, RETRIEVE, EXTENSION, BLUEPRINTS)

#: The setting that names the plugin of a group of which one is used.
CHOICES = {SEARCH: "SEARCH_PLUGIN", RETRIEVE: "RETRIEVE_PLUGIN"}

#: The plugin that is used where nothing else is installed or named.
DEFAULT = "sql"

#: Key of the application's Plugins in app.extensions.
EXTENSION_KEY = "dtool_lookup_server"

_OURS = "dtool-lookup-server"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Discovered:
    """A plugin that is installed.

    :param group: one of GROUPS
    :param name: its name within the group
    :param distribution: the package that brings it
    :param version: that package's version
    :param entry_point: how to load it
    """

    group: str
    name: str
    distribution: str
    version: str
    entry_point: EntryPoint

    @property
    def built_in(self) -> bool:
        """Whether it comes with this server."""
        return self.distribution == _OURS

    @property
    def versions_key(self) -> str:
        """Its key in /config/versions: the top-level module, as in 0.18."""
        if self.built_in:
            kind = self.group.rpartition(".")[2]
            return f"dtool_lookup_server_{kind}_plugin_{self.name}"
        return self.entry_point.module.partition(".")[0]

    def load(self) -> Any:
        """Return the class or blueprint.

        :raises PluginError: naming the plugin and the reason, if it does not load
        """
        try:
            return self.entry_point.load()
        except Exception as error:
            # A plugin's module may fail in any way; whatever it is stops the start.
            raise PluginError(
                f"Plugin {self.name} of {self.distribution} {self.version} cannot be"
                f" loaded: {type(error).__name__}: {error}"
            ) from error

    def make(self) -> Any:
        """Return an instance of the class, or the blueprint.

        :raises PluginError: naming the plugin and the reason, if there is none
        """
        loaded = self.load()
        if self.group == BLUEPRINTS:
            if not isinstance(loaded, Blueprint):
                raise PluginError(
                    f"Plugin {self.name} of {self.distribution} is not a Flask"
                    " Blueprint"
                )
            return loaded
        try:
            return loaded()
        except Exception as error:
            raise PluginError(
                f"Plugin {self.name} of {self.distribution} {self.version} cannot be"
                f" made: {type(error).__name__}: {error}"
            ) from error

    def usable(self) -> bool:
        """Return whether the plugin could be used."""
        try:
            self.make()
        except PluginError:
            return False
        return True


@dataclass
class Plugins:
    """The plugins that an application uses.

    :param used: the installed ones among them, for what reports on them
    """

    search: Any
    retrieve: Any
    extensions: list[Any] = field(default_factory=list)
    blueprints: list[Blueprint] = field(default_factory=list)
    used: list[Discovered] = field(default_factory=list)

    @property
    def instances(self) -> list[Any]:
        """Search, retrieve and extension plugins, in 0.18's order of app.plugins."""
        return [self.search, self.retrieve, *self.extensions]


def discover() -> list[Discovered]:
    """Return every plugin that is installed, in order of group and name."""
    found = {}
    # Once for all groups: each time, all that is installed is read.
    installed = entry_points()
    for group in GROUPS:
        for entry_point in installed.select(group=group):
            name, version = _distribution_of(entry_point)
            plugin = Discovered(group, entry_point.name, name, version, entry_point)
            # An editable install can show the same entry twice.
            found[group, plugin.name, plugin.distribution] = plugin
    return [found[key] for key in sorted(found, key=lambda key: (key[0], key[1:]))]


def _distribution_of(entry_point: EntryPoint) -> tuple[str, str]:
    """Return the name and the version of the package that brings an entry point."""
    if entry_point.dist is None:
        return "", ""
    # Each access to a distribution's metadata reads and parses all of it.
    metadata = entry_point.dist.metadata
    return _normalised(metadata["Name"]), metadata["Version"]


def choose(
    group: str, wanted: str | None, installed: Iterable[Discovered]
) -> Discovered:
    """Return the one plugin of a group that is used.

    :param wanted: its name, or None for the third-party one that is installed, else
        the default
    :raises PluginError: if there is no such plugin, or more than one
    """
    candidates = [plugin for plugin in installed if plugin.group == group]
    third_party = [plugin for plugin in candidates if not plugin.built_in]
    setting = CHOICES[group]
    names = ", ".join(f"{plugin.name} ({plugin.distribution})" for plugin in candidates)
    if wanted:
        matching = [plugin for plugin in candidates if plugin.name == wanted]
        if not matching:
            raise PluginError(
                f"Setting {setting}: no plugin is called {wanted!r}."
                f" Installed: {names or 'none'}"
            )
    else:
        matching = third_party or [p for p in candidates if p.name == DEFAULT]
    if len({plugin.distribution for plugin in matching}) > 1 or len(matching) > 1:
        # Only third parties can share a name; the built-in one gives way to them.
        matching = [plugin for plugin in matching if not plugin.built_in]
    if len(matching) == 1:
        return matching[0]
    raise PluginError(
        f"Set {setting} to the name of one of these plugins: {names}"
        if matching
        else f"No plugin is installed for {group}: install dtool-lookup-server anew"
    )


def load_plugins(config: dict[str, Any]) -> Plugins:
    """Return instances of the plugins that the settings and what is installed say.

    :raises PluginError: naming the plugin that is missing, ambiguous or broken
    """
    installed = discover()
    search = choose(SEARCH, config.get("SEARCH_PLUGIN"), installed)
    retrieve = choose(RETRIEVE, config.get("RETRIEVE_PLUGIN"), installed)
    extensions = [plugin for plugin in installed if plugin.group == EXTENSION]
    blueprints = [plugin for plugin in installed if plugin.group == BLUEPRINTS]
    return Plugins(
        search.make(),
        retrieve.make(),
        [plugin.make() for plugin in extensions],
        [plugin.make() for plugin in blueprints],
        [search, retrieve, *extensions, *blueprints],
    )


def configure_plugins(app: Flask, plugins: Plugins, overlay: dict[str, Any]) -> None:
    """Put the plugins' settings in place and bind each plugin to the application.

    :param overlay: the caller's configuration, which wins over the plugins' defaults
    """
    secrets = list(app.config.get("CONFIG_SECRETS_TO_OBFUSCATE", []))
    for plugin in plugins.instances:
        if get_config := getattr(plugin, "get_config", None):
            app.config.from_object(get_config())
        if get_secrets := getattr(plugin, "get_config_secrets_to_obfuscate", None):
            secrets.extend(get_secrets())
    app.config.from_mapping(overlay)
    secrets.extend(overlay.get("CONFIG_SECRETS_TO_OBFUSCATE", []))
    app.config["CONFIG_SECRETS_TO_OBFUSCATE"] = list(dict.fromkeys(secrets))


def in_use() -> Plugins:
    """Return the plugins of the current application."""
    plugins: Plugins = current_app.extensions[EXTENSION_KEY]
    return plugins


def start_plugins(app: Flask, plugins: Plugins) -> None:
    """Call each plugin's init_app once, where it has one."""
    for plugin in plugins.instances:
        if init_app := getattr(plugin, "init_app", None):
            init_app(app)


@contextmanager
def answering(plugin: Any) -> Iterator[None]:
    """Call a plugin within: what goes wrong in a third party's becomes our error.

    :raises StoreUnavailableError: for an exception that is not one of this server's,
        such as that of a plugin's database driver
    """
    try:
        yield
    except (DtoolLookupServerError, SQLAlchemyError):
        raise
    except Exception as error:
        _log.exception("Plugin %s failed", type(plugin).__name__)
        raise StoreUnavailableError(
            f"The plugin {type(plugin).__name__} failed ({type(error).__name__}):"
            " try again later"
        ) from error


@contextmanager
def registering_in(plugin: Any) -> Iterator[None]:
    """Register a dataset in a plugin within, as answering does it.

    :raises ValidationError: if what the plugin says is that it cannot keep such data
    """
    with answering(plugin):
        try:
            yield
        except DtoolLookupServerError:
            raise
        except (ArithmeticError, TypeError, ValueError) as error:
            raise ValidationError(
                f"The plugin {type(plugin).__name__} cannot keep this dataset: {error}"
            ) from error


def _normalised(name: str) -> str:
    return name.lower().replace("_", "-")
