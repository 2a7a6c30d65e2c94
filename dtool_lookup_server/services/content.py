"""What datasets hold: README, manifest and annotations, for those who may read them."""

import json
from typing import Any

from sqlalchemy import and_, bindparam, select

from ..errors import AuthorizationError, UnknownBaseURIError, UnknownURIError
from ..plugins.kept_beside import reader
from ..plugins.registry import answering, in_use
from ..prepared import RememberedSelect
from ..sql_models import BaseURI, Dataset, search_permissions
from . import base_uris, datasets, permissions
from .users import ActingUser

_BASE_URI, _DATASET = BaseURI.__table__.c, Dataset.__table__.c
# Asked for whatever is read, and of one dataset several things are read in a row.
_PERMISSION = RememberedSelect(
    select(_BASE_URI.id, search_permissions.c.user_id, _DATASET.id)
    .select_from(BaseURI.__table__)
    .outerjoin(
        search_permissions,
        and_(
            search_permissions.c.base_uri_id == _BASE_URI.id,
            permissions.held_by(search_permissions),
        ),
    )
    .outerjoin(
        Dataset.__table__,
        and_(_DATASET.base_uri_id == _BASE_URI.id, _DATASET.uri == bindparam("uri")),
    )
    .where(_BASE_URI.base_uri == bindparam("base_uri"))
)


def readme(user: ActingUser, uri: str) -> Any:
    """Return a dataset's README.

    :returns: text, with the embedded plugin; a plugin may have another form
    :raises UnknownBaseURIError: if the base URI is not registered
    :raises AuthorizationError: if the user may not search it
    :raises UnknownURIError: if the dataset is not registered
    """
    spelled = readable(user, uri)
    with answering(in_use().retrieve):
        return reader().get_readme(spelled)


def manifest(user: ActingUser, uri: str) -> dict[str, Any]:
    """Return a dataset's manifest; raises as readme does."""
    spelled = readable(user, uri)
    with answering(in_use().retrieve):
        return reader().get_manifest(spelled)


def manifest_json(user: ActingUser, uri: str) -> bytes:
    """Return a dataset's manifest as JSON; raises as readme does."""
    return _json("manifest", readable(user, uri))


def annotations_json(user: ActingUser, uri: str) -> bytes:
    """Return a dataset's annotations as JSON; raises as readme does."""
    return _json("annotations", readable(user, uri))


def _json(kind: str, uri: str) -> bytes:
    """Return JSON as it is kept, where the plugin keeps JSON."""
    with answering(in_use().retrieve):
        if get_json := getattr(reader(), f"get_{kind}_json", None):
            return get_json(uri)
        return json.dumps(getattr(reader(), f"get_{kind}")(uri)).encode()


def dataset(user: ActingUser, uri: str) -> dict[str, Any]:
    """Return a dataset as the API's lists have it; raises as readme does."""
    return datasets.fetch(readable(user, uri))


def tags(user: ActingUser, uri: str) -> list[str]:
    """Return a dataset's tags; raises as readme does."""
    return dataset(user, uri)["tags"]


def annotations(user: ActingUser, uri: str) -> dict[str, Any]:
    """Return a dataset's annotations; raises as readme does."""
    spelled = readable(user, uri)
    with answering(in_use().retrieve):
        return reader().get_annotations(spelled)


def readable(user: ActingUser, uri: str) -> str:
    """Return the one spelling of the URI of a dataset that a user may read.

    :raises: as readme does
    """
    base_uri, _name = base_uris.split(uri)
    spelled = base_uris.normalised_uri(uri)
    places = {"base_uri": base_uri, "uri": spelled, **permissions.holder(user)}
    row = _PERMISSION.first(places)
    if row is None:
        raise UnknownBaseURIError(f"Base URI '{base_uri}' not registered")
    _base_uri_id, permitted, dataset_id = row
    if permitted is None:
        raise AuthorizationError(f"No permission to search '{base_uri}'")
    if dataset_id is None:
        raise UnknownURIError(f"Dataset '{spelled}' not registered")
    return spelled
