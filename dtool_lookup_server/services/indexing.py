"""Indexing: registering every dataset that a base URI holds."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import dtoolcore
import dtoolcore.utils
import yaml
from sqlalchemy import select

from ..errors import StoreUnavailableError, ValidationError
from ..extensions import sql_db
from ..plugins.interfaces import DatasetInfo
from ..sql_models import Dataset
from . import base_uris
from .dataset_info import checked
from .registering import forget, register, register_if_changed

REGISTERED = "registered"
UNCHANGED = "unchanged"
FAILED = "failed"
FORGOTTEN = "forgotten"
DIFFERENT = "different"


@dataclass(frozen=True)
class Outcome:
    """What became of one dataset.

    :param kind: REGISTERED, UNCHANGED, FAILED, FORGOTTEN or DIFFERENT
    :param name: the dataset's name, as far as it is known
    :param reason: why it failed or in what it differs, else empty
    """

    kind: str
    uri: str
    name: str = ""
    reason: str = ""


class BrokenReadmeError(ValidationError):
    """A README is not YAML."""


def list_uris(base_uri: str) -> list[str]:
    """Return the URIs of the datasets, finished or not, that a base URI holds.

    :param base_uri: one that dtoolcore can read
    :raises UnknownBaseURIError: if it is not registered
    :raises StoreUnavailableError: if its storage cannot be listed
    """
    spelled = base_uris.normalised(base_uri)
    base_uris.require(spelled)
    config_path = dtoolcore.utils.DEFAULT_CONFIG_PATH
    try:
        # dtoolcore's public iterator ends at the first dataset that cannot be read.
        broker = dtoolcore._get_storage_broker(spelled, config_path)
        return sorted(broker.list_dataset_uris(spelled, config_path))
    except Exception as error:
        # Each kind of storage has exceptions of its own.
        raise StoreUnavailableError(
            f"Cannot list the datasets in '{spelled}': {described(error)}"
        ) from error


def index(base_uri: str, uris: list[str], force: bool = False) -> Iterator[Outcome]:
    """Register datasets one by one; one that fails does not stop the others.

    :param uris: as list_uris returns them
    :param force: register those too that have not changed
    :returns: what became of each; a protodataset, which is not frozen yet, is passed
        over
    """
    spelled = base_uris.normalised(base_uri)
    for uri in uris:
        try:
            dataset = dtoolcore.DataSet.from_uri(uri)
        except dtoolcore.DtoolCoreTypeError as error:
            # dtoolcore says the same of what has gone since it was listed.
            if not _is_protodataset(uri):
                yield Outcome(FAILED, uri, reason=described(error))
        except Exception as error:
            yield Outcome(FAILED, uri, reason=described(error))
        else:
            yield _index_one(dataset, spelled, force)


def prune(base_uri: str, uris: list[str]) -> Iterator[Outcome]:
    """Forget the datasets of a base URI that are not in its storage any more.

    :param uris: what is there, as list_uris returns it
    :raises UnknownBaseURIError: if the base URI is not registered
    """
    kept = {base_uris.normalised_uri(uri) for uri in uris}
    registered = sql_db.session.scalars(
        select(Dataset.uri).where(Dataset.base_uri_id == base_uris.require(base_uri))
    )
    for uri in [uri for uri in registered if uri not in kept]:
        forget(uri)
        yield Outcome(FORGOTTEN, uri)


def dataset_info(dataset: dtoolcore.DataSet, base_uri: str) -> dict[str, Any]:
    """Return the dataset info of a dataset in its storage.

    :param base_uri: the base URI that it is to be registered in
    """
    names = dataset.list_annotation_names()
    return {
        **dataset._admin_metadata,
        "uri": dataset.uri,
        "base_uri": base_uri,
        "readme": dataset.get_readme_content(),
        "manifest": dataset._manifest,
        "annotations": {name: dataset.get_annotation(name) for name in names},
        "tags": dataset.list_tags(),
        "number_of_items": len(dataset.identifiers),
        "size_in_bytes": sum(
            dataset.item_properties(identifier)["size_in_bytes"]
            for identifier in dataset.identifiers
        ),
    }


def checked_info(dataset: dtoolcore.DataSet, base_uri: str) -> DatasetInfo:
    """Return the dataset info of a dataset in its storage, as it may be registered.

    :param base_uri: the base URI that it is to be registered in
    :raises BrokenReadmeError: if the README is not YAML
    :raises ValidationError: for what cannot be registered
    """
    info = dataset_info(dataset, base_uri)
    _check_readme(info["readme"])
    return checked(info)


def described(error: Exception) -> str:
    """Return what a person is told of an error."""
    return str(error) or type(error).__name__


def _is_protodataset(uri: str) -> bool:
    try:
        dtoolcore.ProtoDataSet.from_uri(uri)
    except Exception:
        # Each kind of storage has exceptions of its own.
        return False
    return True


def _index_one(dataset: dtoolcore.DataSet, base_uri: str, force: bool) -> Outcome:
    uri = base_uris.normalised_uri(dataset.uri)
    try:
        info = checked_info(dataset, base_uri)
        if force:
            register(info)
            changed = True
        else:
            changed = register_if_changed(info)
    except Exception as error:
        # A storage or a plugin may fail in any way; the others are to be indexed.
        return Outcome(FAILED, uri, dataset.name, described(error))
    return Outcome(REGISTERED if changed else UNCHANGED, uri, dataset.name)


def _check_readme(readme: str) -> None:
    try:
        yaml.load(readme, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise BrokenReadmeError(f"README YAML parsing issue: {error}") from error
