"""The names of 0.18's utils, for plugins and scripts; the work is in services."""

from collections.abc import Iterable, Mapping
from typing import Any

from .errors import AuthenticationError, UnknownBaseURIError, ValidationError
from .extensions import sql_db
from .pagination import every_item
from .services import (
    base_uris,
    content,
    dataset_info,
    datasets,
    indexing,
    info,
    permissions,
    registering,
    search,
    summary,
    users,
)
from .services.users import ActingUser
from .sql_models import BaseURI, User
from .utils_auth import user_exists

__all__ = ["user_exists"]

#: What dataset_info_is_valid asks for; registering over HTTP asks for less.
DATASET_INFO_REQUIRED_KEYS = (
    "uuid",
    "base_uri",
    "uri",
    "name",
    "type",
    "readme",
    "manifest",
    "creator_username",
    "frozen_at",
    "annotations",
    "tags",
)


def obj_to_dict(obj: Mapping[str, Any], exclusions: Iterable[str] = ()) -> dict:
    """Return the upper-case entries of a mapping, fit for JSON, secrets masked."""
    return info.shown(obj, exclusions)


def obj_to_lowercase_key_dict(
    obj: Mapping[str, Any], exclusions: Iterable[str] = ()
) -> dict:
    """Return what obj_to_dict returns, with lower-case keys."""
    return info.lower_case(info.shown(obj, exclusions))


def versions_to_dict() -> dict[str, Any]:
    """Return the versions of the server and of each plugin in use."""
    return info.versions()


def generate_dataset_info(dataset: Any, base_uri: str) -> dict[str, Any]:
    """Return the dataset info of a dtoolcore.DataSet."""
    return indexing.dataset_info(dataset, base_uri)


def get_user_obj(username: str) -> User:
    """Return the row of a user.

    :raises AuthenticationError: if the user is not registered
    """
    user = sql_db.session.query(User).filter_by(username=username).first()
    if user is None:
        raise AuthenticationError(f"User '{username}' not registered")
    return user


def register_users(new_users: Iterable[dict[str, Any]]) -> None:
    """Add users; those that exist are left as they are."""
    users.register(new_users)


def list_users() -> list[dict[str, Any]]:
    """Return every user."""
    return [
        {key: value for key, value in user.items() if key != "id"}
        for user in every_item(users.listing())
    ]


def delete_users(old_users: Iterable[dict[str, Any]]) -> None:
    """Remove users; those that do not exist are left out."""
    users.remove([user["username"] for user in old_users])


def update_users(changed_users: Iterable[dict[str, Any]]) -> None:
    """Make users admins or not; those that do not exist are left out."""
    users.change(changed_users)


def get_user_info(username: str) -> dict[str, Any] | None:
    """Return what is known of a user, or None where the user does not exist."""
    return users.info(username) if user_exists(username) else None


def base_uri_exists(base_uri: str) -> bool:
    """Return whether the base URI is registered."""
    return base_uris.find(base_uri) is not None


def get_base_uri_obj(base_uri: str) -> BaseURI:
    """Return the row of a base URI.

    :raises ValidationError: if it is not registered
    """
    try:
        return sql_db.session.get_one(BaseURI, base_uris.require(base_uri))
    except UnknownBaseURIError as error:
        raise ValidationError(str(error)) from None


def register_base_uri(base_uri: str) -> None:
    """Register a base URI."""
    base_uris.register(base_uri)


def list_base_uris() -> list[dict[str, Any]]:
    """Return every base URI with those who may search and register in it."""
    return list(every_item(base_uris.listing()))


def get_permission_info(base_uri_str: str) -> dict[str, Any]:
    """Return who may search and register in a base URI.

    :raises ValidationError: if it is not registered
    """
    return get_base_uri_obj(base_uri_str).as_dict()


def update_permissions(wanted: dict[str, Any]) -> None:
    """Replace who may search and register in a base URI.

    Users who are not registered are left out, as in 0.18.

    :raises ValidationError: if the base URI is not registered
    """
    base_uri = get_base_uri_obj(wanted["base_uri"]).base_uri
    permissions.replace(
        base_uri,
        filter(user_exists, wanted["users_with_search_permissions"]),
        filter(user_exists, wanted["users_with_register_permissions"]),
    )


def dataset_info_is_valid(dataset: Mapping[str, Any]) -> bool:
    """Return whether a dataset info has every key of 0.18 and can be registered."""
    if any(key not in dataset for key in DATASET_INFO_REQUIRED_KEYS):
        return False
    try:
        dataset_info.checked(dict(dataset))
    except ValidationError:
        return False
    return True


def register_dataset_admin_metadata(admin_metadata: dict[str, Any]) -> None:
    """Register a dataset of which only the administrative metadata is known."""
    registering.register(admin_metadata)


def register_dataset(dataset: dict[str, Any]) -> str:
    """Register a dataset, and return its URI.

    :raises ValidationError: if it cannot be registered
    """
    try:
        return registering.register(dataset)
    except UnknownBaseURIError as error:
        raise ValidationError(str(error)) from None


def list_datasets_by_user(username: str) -> list[dict[str, Any]]:
    """Return the datasets that a user may search."""
    return list(every_item(datasets.list_visible(_acting(username))))


def search_datasets_by_user(username: str, query: dict) -> list[dict[str, Any]]:
    """Return the datasets that a query finds among those that a user may search."""
    return list(every_item(search.search(_acting(username), query)))


def summary_of_datasets_by_user(username: str) -> dict[str, Any]:
    """Return the summary of the datasets that a user may search."""
    return summary.summary(_acting(username))


def lookup_datasets_by_user_and_uuid(username: str, uuid: str) -> list[dict[str, Any]]:
    """Return the places of a dataset among those that a user may search."""
    return list(every_item(datasets.look_up(_acting(username), str(uuid))))


def preprocess_query_base_uris(username: str, query: dict[str, Any]) -> dict[str, Any]:
    """Limit a query to the base URIs that a user may search; changes and returns it."""
    query.update(search.limited(_acting(username), query))
    return query


_preprocess_privileges = preprocess_query_base_uris


def get_admin_metadata_from_uri(uri: str) -> dict[str, Any] | None:
    """Return a dataset's nine keys of 0.18, or None where it is not registered."""
    dataset = datasets.find(uri)
    return dataset.as_dict() if dataset else None


def list_admin_metadata_in_base_uri(base_uri_str: str) -> list[dict[str, Any]]:
    """Return the nine keys of 0.18 of every dataset in a base URI.

    :raises ValidationError: if the base URI is not registered
    """
    return [dataset.as_dict() for dataset in get_base_uri_obj(base_uri_str).datasets]


def get_readme_from_uri_by_user(username: str, uri: str) -> Any:
    """Return a dataset's README; raises as services.content.readme does."""
    return content.readme(_acting(username), uri)


def get_manifest_from_uri_by_user(username: str, uri: str) -> dict[str, Any]:
    """Return a dataset's manifest; raises as services.content.readme does."""
    return content.manifest(_acting(username), uri)


def get_annotations_from_uri_by_user(username: str, uri: str) -> dict[str, Any]:
    """Return a dataset's annotations; raises as services.content.readme does."""
    return content.annotations(_acting(username), uri)


def _acting(username: str) -> ActingUser:
    user = users.find(username)
    if user is None:
        raise AuthenticationError(f"User '{username}' not registered")
    return user
