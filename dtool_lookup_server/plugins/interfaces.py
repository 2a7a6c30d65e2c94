"""What a plugin must do, and what it may do.

The classes and methods of 0.18 are abstract; everything beyond them has a default
that the core can live with, so that a plugin written for 0.18 fits unchanged.

A *dataset info* is a dictionary with the keys uuid, base_uri, uri, name, type,
creator_username, frozen_at and created_at (float seconds since the epoch), readme
(text), manifest (a dictionary), annotations (a dictionary), tags (a list of text),
dtoolcore_version, number_of_items and size_in_bytes (each may be None).

A *query* is a dictionary with any of the keys free_text (text), creator_usernames,
base_uris, uuids and tags (lists of text): OR within a list, AND within tags, AND
between the keys.
A *tree* is what was typed as free text, in the query language: see query/tree.py. Its
words are terms, as text_query.with_terms makes them.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, Flask
from sqlalchemy import ColumnElement

from ..errors import UnknownURIError
from ..query import Leaf, Node

DatasetInfo = dict[str, Any]
Query = dict[str, Any]


@dataclass(frozen=True)
class Hits:
    """One page of what a search found.

    :param uris: URIs of the page's datasets, the best first
    :param total: number of datasets that the whole search found
    """

    uris: list[str] = field(default_factory=list)
    total: int = 0


@dataclass(frozen=True)
class TextMatch:
    """Free text as a part of a SQL statement over the dataset table.

    :param condition: true for the rows of Dataset that the text matches; may join
        another table to it, and goes with AND into the WHERE of a select from Dataset
    :param within: the same, and may stand under OR and NOT
    :param relevance: what to order by, the best first; goes with condition only
    """

    condition: ColumnElement[bool]
    within: ColumnElement[bool]
    relevance: tuple[ColumnElement[Any], ...] = ()


class PluginABC(ABC):
    """What search, retrieve and extension plugins have in common."""

    #: True for a plugin that keeps its data in the server's own SQL database
    #: through sql_db.session and leaves the commit to the core. Others are called
    #: while the row of the dataset is locked, before the commit.
    shares_sql_transaction = False

    #: True for a plugin that keeps every dataset info whole. What another one refuses
    #: may be kept by the core, beside its store: see register_dataset.
    keeps_all = False

    @abstractmethod
    def register_dataset(self, dataset_info: DatasetInfo) -> Any:
        """Keep what the plugin needs of a dataset; called again when it changes.

        Must be idempotent: the same dataset may be registered any number of times.
        The core has checked the dataset and the permissions. The dictionary is the
        plugin's own copy. The return value is not used.

        Where a plugin fails with contents over 4 MB, whole numbers of more than 8
        bytes, or NUL in a key, it is called once more without them, unless keeps_all
        is true; the core keeps them and gives them to those who read.

        :raises ValidationError: for a dataset that the plugin can never keep
        :raises StoreUnavailableError: where its store does not answer
        """

    def delete_dataset(self, uri: str) -> None:
        """Forget a dataset; nothing happens where it is not known."""

    def init_app(self, app: Flask, *args: Any, **kwargs: Any) -> None:
        """Bind to an application, once, before the first request.

        app.config holds the server's settings and the plugin's own.
        """

    def check_health(self) -> None:
        """Return if the plugin's store answers.

        :raises StoreUnavailableError: if not, within a few seconds
        """

    def holds(self, dataset_info: DatasetInfo) -> bool | None:
        """Return whether the store has a dataset as register_dataset would keep it.

        `dataset verify` asks it of each dataset that SQL has.

        :returns: None where the plugin cannot tell
        """
        return None

    def list_uris(self, base_uri: str) -> Iterator[str] | None:
        """Yield the URI of each dataset of a base URI that the store has.

        :returns: None where the plugin cannot tell
        """
        return None

    def tidy(self) -> Iterable[tuple[int, int]] | None:
        """Bring the store itself in order; called when a reindexing has ended.

        :returns: what does it step by step: of each how many are done, and of how many
        """
        return None

    def get_config(self) -> Any:
        """Return a class or an object whose upper-case attributes are settings."""
        return {}

    def get_config_secrets_to_obfuscate(self) -> list[str]:
        """Return the names of settings that are never shown."""
        return []


class GroupingABC(PluginABC):
    """A plugin that registers many datasets at once.

    Stands before SearchABC or RetrieveABC among the bases of a class. One dataset is a
    group of one. Where register_dataset is overridden nevertheless, the core calls it
    for each dataset, and not register_prepared. One with a store of its own says that
    shares_sql_transaction is False.
    """

    shares_sql_transaction = True

    @abstractmethod
    def prepare_dataset(self, dataset_info: DatasetInfo) -> Any:
        """Return what is to be kept of a dataset.

        Called before anything is locked: what takes time is best done here. The
        dictionary is not the plugin's own, and is not to be changed or kept.

        :raises ValidationError: for a dataset that the plugin can never keep
        """

    @abstractmethod
    def register_prepared(self, datasets: Mapping[str, Any]) -> None:
        """Keep what prepare_dataset returned, in place of what was kept.

        Called within the transaction, once for a group. Where a plugin with a store
        of its own fails it may have kept some of them: the core calls delete_dataset
        for those that are not registered, and then registers each by itself.

        :param datasets: by URI; the row of each is in the database
        :raises UnknownURIError: where a row is not
        :raises StoreUnavailableError: where the plugin's store does not answer
        """

    def takes_along(self, other: Any) -> bool:
        """Return whether register_both takes less time than register_prepared of both.

        :param other: the retrieve plugin; this one is the search plugin, and both have
            stores of their own and take groups
        """
        return False

    def register_both(
        self, datasets: Mapping[str, Any], other: Any, contents: Mapping[str, Any]
    ) -> None:
        """Do what register_prepared of both plugins does.

        :param datasets: by URI, what this plugin has prepared
        :param other: the plugin that is taken along
        :param contents: by URI, what that one has prepared
        :raises: as register_prepared does
        """
        other.register_prepared(contents)
        self.register_prepared(datasets)

    def register_dataset(self, dataset_info: DatasetInfo) -> None:
        """Keep what the plugin needs of a dataset, as register_prepared does.

        :raises ValidationError: for a dataset that the plugin can never keep
        """
        prepared = self.prepare_dataset(dataset_info)
        self.register_prepared({dataset_info["uri"]: prepared})


def is_grouping(plugin: Any) -> bool:
    """Return whether a plugin registers a group as it registers one dataset."""
    kind = type(plugin)
    return (
        isinstance(plugin, GroupingABC)
        and kind.register_dataset is GroupingABC.register_dataset
        and "register_dataset" not in vars(plugin)
    )


class SearchABC(PluginABC):
    """Finds datasets by free text."""

    @abstractmethod
    def search(self, query: Query) -> list[dict[str, Any]]:
        """Return every dataset that a query finds, as dictionaries with a uri.

        :param query: base_uris is always there and holds only base URIs that the
            acting user may search
        """

    @abstractmethod
    def lookup_uris(self, uuid: str, base_uris: list[str]) -> list[dict[str, Any]]:
        """Return base_uri, uri, uuid and name of each place that holds a UUID."""

    def search_page(
        self,
        query: Query,
        *,
        offset: int,
        limit: int,
        sort: Mapping[str, int] | None = None,
    ) -> Hits | None:
        """Return one page of what a query finds.

        :param query: as for search
        :param offset: number of hits to leave out
        :param limit: largest number of URIs to return
        :param sort: keys of a dataset info to sort by, the first one first, with 1
            for ascending and -1 for descending; None for the order of relevance
        :returns: the hits; None where the plugin cannot page, and the core takes
            the page out of what search() returns
        """
        return None

    def answers(self, tree: Node) -> bool:
        """Return whether the plugin knows all that is in a tree.

        If it does, match_text or else search_page is asked for it: as the query's key
        tree, beside the other keys and instead of free_text. If not, the core asks
        for each text in the tree, and does the rest.
        """
        return False

    def match_text(self, text: Leaf) -> TextMatch | None:
        """Return text as a part of a SQL statement, so that one does all.

        :param text: what a user typed, a text_query.TextQuery
        :returns: None where the plugin's index is not in the server's SQL database
        """
        return None


class RetrieveABC(ABC):
    """Returns what datasets hold: README, manifest, annotations.

    Does not inherit PluginABC, as in 0.18; it may have every method of PluginABC,
    and register_dataset it must have.
    """

    @abstractmethod
    def get_readme(self, uri: str) -> Any:
        """Return a README as text.

        :raises UnknownURIError: if the plugin does not have the dataset
        """

    @abstractmethod
    def get_manifest(self, uri: str) -> dict[str, Any]:
        """Return a manifest as a dictionary.

        :raises UnknownURIError: if the plugin does not have the dataset
        """

    @abstractmethod
    def get_annotations(self, uri: str) -> dict[str, Any]:
        """Return annotations as a dictionary.

        :raises UnknownURIError: if the plugin does not have the dataset
        """

    def get_tags(self, uri: str) -> list[str]:
        """Return the tags that the store has of a dataset.

        0.18 kept tags in the plugins alone: this is how SQL comes by them.

        :raises UnknownURIError: if the plugin does not have the dataset, or no tags
        """
        raise UnknownURIError(f"no tags of {uri} are kept here")


class ExtensionABC(ABC):
    """Adds routes of its own, and hears of every registration.

    Does not inherit PluginABC, as in 0.18; it may have every method of PluginABC.
    """

    @abstractmethod
    def get_blueprint(self) -> Blueprint:
        """Return the blueprint, of Flask or of flask-smorest, with its routes."""

    def init_app(self, app: Flask, *args: Any, **kwargs: Any) -> None:
        """Bind to an application, once, before the first request."""
