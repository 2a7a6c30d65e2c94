"""What datasets hold: README, manifest and annotations, for those who may read them."""

import json
from typing import Any

from sqlalchemy import and_, select

from ..errors import AuthorizationError, UnknownBaseURIError, UnknownURIError
from ..extensions import sql_db
from ..plugins.registry import answering, in_use
from ..sql_models import BaseURI, Dataset, search_permissions
from . import base_uris, datasets, permissions
from .users import ActingUser


def readme(user: ActingUser, uri: str) -> Any:
    """Return a dataset's README.

    :returns: text, with the embedded plugin; a plugin may have another form
    :raises UnknownBaseURIError: if the base URI is not registered
    :raises AuthorizationError: if the user may not search it
    :raises UnknownURIError: if the dataset is not registered
    """
    spelled = readable(user, uri)
    with answering(in_use().retrieve):
        return in_use().retrieve.get_readme(spelled)


def manifest(user: ActingUser, uri: str) -> dict[str, Any]:
    """Return a dataset's manifest; raises as readme does."""
    spelled = readable(user, uri)
    with answering(in_use().retrieve):
        return in_use().retrieve.get_manifest(spelled)


def manifest_json(user: ActingUser, uri: str) -> bytes:
    """Return a dataset's manifest as JSON; raises as readme does.

    A large one is sent on as it is kept, where the plugin keeps JSON.
    """
    spelled = readable(user, uri)
    retrieve = in_use().retrieve
    with answering(retrieve):
        if get_manifest_json := getattr(retrieve, "get_manifest_json", None):
            return get_manifest_json(spelled)
        return json.dumps(retrieve.get_manifest(spelled)).encode()


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
        return in_use().retrieve.get_annotations(spelled)


def readable(user: ActingUser, uri: str) -> str:
    """Return the one spelling of the URI of a dataset that a user may read.

    :raises: as readme does
    """
    base_uri, _name = base_uris.split(uri)
    spelled = base_uris.normalised_uri(uri)
    row = sql_db.session.execute(
        select(BaseURI.id, search_permissions.c.user_id, Dataset.id)
        .select_from(BaseURI)
        .outerjoin(
            search_permissions,
            and_(
                search_permissions.c.base_uri_id == BaseURI.id,
                *permissions.held_by(search_permissions, user),
            ),
        )
        .outerjoin(
            Dataset,
            and_(Dataset.base_uri_id == BaseURI.id, Dataset.uri == spelled),
        )
        .where(BaseURI.base_uri == base_uri)
    ).first()
    if row is None:
        raise UnknownBaseURIError(f"Base URI '{base_uri}' not registered")
    _base_uri_id, permitted, dataset_id = row
    if permitted is None:
        raise AuthorizationError(f"No permission to search '{base_uri}'")
    if dataset_id is None:
        raise UnknownURIError(f"Dataset '{spelled}' not registered")
    return spelled
