"""The names of 0.18's utils_auth, for plugins and scripts; the work is in services."""

from .services import permissions, users


def user_exists(username: str) -> bool:
    """Return whether the user is registered."""
    return users.find(username) is not None


def has_admin_rights(username: str) -> bool:
    """Return whether the user is registered and an admin."""
    user = users.find(username)
    return user is not None and user.is_admin


def may_search(username: str, base_uri: str) -> bool:
    """Return whether the user may search the base URI."""
    user = users.find(username)
    return user is not None and permissions.may_search(user, base_uri)


def may_access(username: str, uri: str) -> bool:
    """Return whether the user may read the dataset."""
    return may_search(username, uri.rpartition("/")[0])


def may_register(username: str, base_uri: str) -> bool:
    """Return whether the user may register datasets in the base URI."""
    user = users.find(username)
    return user is not None and permissions.may_register(user, base_uri)


def list_search_base_uris(username: str) -> list[str]:
    """Return the base URIs that the user may search."""
    user = users.find(username)
    return permissions.searchable_names(user) if user else []


def list_register_base_uris(username: str) -> list[str]:
    """Return the base URIs that the user may register in."""
    user = users.find(username)
    return permissions.registrable_names(user) if user else []
