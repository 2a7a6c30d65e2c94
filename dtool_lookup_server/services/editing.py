"""Editing READMEs, tags and annotations: in the dataset's storage, then in the index.

The setting EDITS says whether the storage is written, only the index, or neither.
"""

import errno
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import dtoolcore
import dtoolcore.utils
import yaml
from dtoolcore.utils import MAX_NAME_LENGTH
from flask import current_app
from sqlalchemy import select

from ..database import transactional
from ..errors import (
    AuthorizationError,
    EditsOffError,
    InvalidFieldError,
    StoreFullError,
    StoreUnavailableError,
)
from ..extensions import sql_db
from ..sql_models import Dataset
from . import base_uris, content, datasets, permissions, registered
from .audit import Action
from .dataset_info import checked_field
from .registering import replace
from .users import ActingUser

Change = Callable[[Any], Any]
Undo = list[Callable[[], None]]

#: Most slashes in a tag or in the name of an annotation.
_DEEPEST = 100

#: Values of the setting EDITS.
IN_STORAGE, IN_INDEX, OFF = "storage", "index", "off"


def set_readme(user: ActingUser, uri: str, readme: Any) -> str:
    """Replace a dataset's README.

    :param readme: text, or an object that is kept as YAML
    :returns: the README as it is now
    :raises AuthorizationError: if the user may not search and register in the base
        URI, or it is not registered
    :raises UnknownURIError: if the dataset is not registered
    :raises EditsOffError: if the setting says so
    :raises InvalidFieldError: if the new value cannot be one
    :raises StoreUnavailableError: if the storage cannot be written; nothing changes
    """
    content.readable(user, uri)
    return _edit(user, uri, "readme", lambda _readme: readme)


def set_tags(user: ActingUser, uri: str, tags: list[str]) -> list[str]:
    """Replace a dataset's tags.

    :returns: the tags as they are now
    :raises: as set_readme does, and needs no search permission
    """
    return _edit(user, uri, "tags", lambda _tags: tags)


def add_tag(user: ActingUser, uri: str, tag: str) -> list[str]:
    """Add a tag, unless it is there; see set_tags."""
    return _edit(user, uri, "tags", lambda tags: [*tags, tag])


def remove_tag(user: ActingUser, uri: str, tag: str) -> list[str]:
    """Remove a tag, if it is there; see set_tags."""
    return _edit(user, uri, "tags", lambda tags: [item for item in tags if item != tag])


def set_annotations(
    user: ActingUser, uri: str, annotations: dict[str, Any]
) -> dict[str, Any]:
    """Replace a dataset's annotations, all of them; see set_tags."""
    return _edit(user, uri, "annotations", lambda _annotations: annotations)


def set_annotation(user: ActingUser, uri: str, name: str, value: Any) -> dict[str, Any]:
    """Add or replace one annotation; see set_tags."""

    def change(held: dict[str, Any]) -> dict[str, Any]:
        try:
            checked_field("annotations", {"value": value})
        except InvalidFieldError as error:
            # As the client calls it: the others are not what is wrong.
            raise InvalidFieldError("value", *error.errors["annotations"]) from None
        return {**held, name: value}

    return _edit(user, uri, "annotations", change)


def remove_annotation(user: ActingUser, uri: str, name: str) -> dict[str, Any]:
    """Remove one annotation, if it is there; see set_tags."""
    return _edit(
        user,
        uri,
        "annotations",
        lambda held: {key: value for key, value in held.items() if key != name},
    )


def split(path: str) -> tuple[str, str]:
    """Return the URI of a dataset and what follows it: a tag, or an annotation's name.

    Both may have slashes. The longest URI that is registered counts, else all up to
    the last slash; whether it is registered is for the caller to find out.
    """
    parent, _slash, _name = path.rpartition("/")
    uri = _longest_registered(parent) or parent
    return uri, path[len(uri) + 1 :]


def dataset_of(path: str) -> str:
    """Return the URI of the dataset that a path begins with, or is.

    The longest URI that is registered counts; without one, all of the path.
    """
    return _longest_registered(path) or path


def _longest_registered(path: str) -> str | None:
    parts = path.split("/")
    heads = ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]
    # A bound: each is a parameter of the statement.
    spelled = {base_uris.normalised_uri(head): head for head in heads[-_DEEPEST:]}
    registered = sql_db.session.scalars(
        select(Dataset.uri).where(Dataset.uri.in_(spelled))
    ).all()
    return max((spelled[uri] for uri in registered), key=len, default=None)


def _edit(user: ActingUser, uri: str, field: str, change: Change) -> Any:
    base_uri, _name = base_uris.split(uri)
    if not permissions.may_register(user, base_uri):
        raise AuthorizationError("No permission to register in this base URI")
    row = datasets.fetch(base_uris.normalised_uri(uri))
    if current_app.config["EDITS"] == OFF:
        raise EditsOffError("This server does not edit datasets")
    if current_app.config["EDITS"] == IN_INDEX:
        return _edit_index(row["uri"], field, change)
    # Before the transaction: a storage that does not answer may take its time.
    dataset = _open(row["uri"], row["uuid"])
    return _edit_both(row["uri"], field, change, dataset)


@transactional
def _edit_index(uri: str, field: str, change: Change) -> Any:
    row = registered.lock(uri)
    current = registered.info_of(row)
    value = _new_value(field, change(current[field]))
    replace(
        {**current, field: value},
        row.uploaded_by,
        row.uploaded_at,
        Action.EDIT,
        field=field,
    )
    return value


@transactional
def _edit_both(uri: str, field: str, change: Change, dataset: dtoolcore.DataSet) -> Any:
    row = registered.lock(uri)
    with _storage_errors(uri):
        held = _READ[field](dataset)
    value = _new_value(field, change(held))
    _check_names(field, value, held)
    undo: Undo = []
    try:
        with _storage_errors(uri):
            _WRITE[field](dataset, held, value, undo)
            _check_written(_READ[field](dataset), value)
        info = {**registered.info_of(row), field: value}
        replace(info, row.uploaded_by, row.uploaded_at, Action.EDIT, field=field)
    except BaseException:
        for step in reversed(undo):
            # As much as the storage lets us; what went wrong first is reported.
            with suppress(StoreUnavailableError), _storage_errors(uri):
                step()
        raise
    return value


def _new_value(field: str, value: Any) -> Any:
    value = checked_field(field, value)
    if field == "readme":
        try:
            yaml.load(value, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        except yaml.YAMLError as error:
            # Indexing would refuse the dataset from now on.
            raise InvalidFieldError("readme", f"Not YAML: {error}") from None
    return value


def _check_names(field: str, value: Any, held: Any) -> None:
    """Return if dtool can keep all the names that are new."""
    if field == "readme":
        return
    # dtool-s3 cannot list an annotation with a dot in its name any more.
    dots = "" if field == "annotations" else ", dots"
    for name in value:
        broken = not dots and "." in name
        if name not in held and (broken or not dtoolcore.utils.name_is_valid(name)):
            raise InvalidFieldError(
                field,
                f"dtool cannot keep {name!r}: no more than {MAX_NAME_LENGTH} of the"
                f" letters a to z and A to Z, digits, hyphens, underscores{dots}.",
            )


def _check_written(stored: Any, value: Any) -> None:
    """Return if the storage has what was written: on disk, dtoolcore's deleting never
    fails.

    :raises OSError: if not
    """
    if isinstance(value, str):
        # A text that is read from a file has one kind of line end.
        same = stored.splitlines() == value.splitlines()
    elif isinstance(value, list):
        same = set(stored) == set(value)
    else:
        same = json.dumps(stored, sort_keys=True) == json.dumps(value, sort_keys=True)
    if not same:
        raise OSError("not written")


def _open(uri: str, uuid: str) -> dtoolcore.DataSet:
    with _storage_errors(uri):
        dataset = dtoolcore.DataSet.from_uri(uri)
    if dataset.uuid.lower() != uuid:
        raise StoreUnavailableError(f"Another dataset is in the storage of '{uri}'")
    return dataset


@contextmanager
def _storage_errors(uri: str) -> Iterator[None]:
    """Turn what any kind of storage may raise into the domain's exception."""
    try:
        yield
    except Exception as error:
        current_app.logger.warning("Storage of %s: %s", uri, type(error).__name__)
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StoreFullError(f"The storage of '{uri}' has no room") from error
        raise StoreUnavailableError(
            f"The storage of '{uri}' cannot be read or written"
        ) from error


def _read_annotations(dataset: dtoolcore.DataSet) -> dict[str, Any]:
    names = dataset.list_annotation_names()
    return {name: dataset.get_annotation(name) for name in names}


def _write_readme(dataset: Any, held: str, value: str, undo: Undo) -> None:
    if value != held:
        undo.append(lambda: dataset.put_readme(held))
        dataset.put_readme(value)


def _write_tags(dataset: Any, held: list[str], value: list[str], undo: Undo) -> None:
    for tag in set(value) - set(held):
        undo.append(lambda tag=tag: dataset.delete_tag(tag))  # type: ignore[misc]
        dataset.put_tag(tag)
    for tag in set(held) - set(value):
        dataset.delete_tag(tag)
        undo.append(lambda tag=tag: dataset.put_tag(tag))  # type: ignore[misc]


def _write_annotations(
    dataset: Any, held: dict[str, Any], value: dict[str, Any], undo: Undo
) -> None:
    def put_back(name: str) -> None:
        if name in held:
            dataset.put_annotation(name, held[name])
        else:
            dataset.delete_annotation(name)

    for name in value:
        # 1, 1.0 and True are equal in Python, and not in JSON.
        if name not in held or json.dumps(value[name]) != json.dumps(held[name]):
            undo.append(lambda name=name: put_back(name))  # type: ignore[misc]
            dataset.put_annotation(name, value[name])
    for name in held.keys() - value.keys():
        dataset.delete_annotation(name)
        undo.append(lambda name=name: put_back(name))  # type: ignore[misc]


_READ: dict[str, Callable[[Any], Any]] = {
    "readme": lambda dataset: dataset.get_readme_content(),
    "tags": lambda dataset: sorted(dataset.list_tags()),
    "annotations": _read_annotations,
}
_WRITE: dict[str, Callable[[Any, Any, Any, Undo], None]] = {
    "readme": _write_readme,
    "tags": _write_tags,
    "annotations": _write_annotations,
}
