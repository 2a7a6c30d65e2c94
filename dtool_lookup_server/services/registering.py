"""Registering and forgetting datasets, in SQL and in every plugin."""

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from ..collecting import without_collecting
from ..database import transactional
from ..errors import (
    AuthorizationError,
    DtoolLookupServerError,
    StoreUnavailableError,
)
from ..extensions import sql_db
from ..plugins.interfaces import DatasetInfo, is_grouping
from ..sql_models import Dataset, utc_now
from . import audit, base_uris, outside, permissions
from .audit import Action
from .dataset_info import checked
from .digests import digest_of
from .registrations import (
    Registration,
    counted,
    leave_out_known_words,
    prepare,
    sharing,
    write,
)
from .registrations import (
    forget as forget_in_sql,
)
from .users import ActingUser

Permission = Callable[[ActingUser, str], None]


def register_as(user: ActingUser, info: dict[str, Any]) -> str:
    """Register a dataset on behalf of a user.

    :param info: see dataset_info.checked
    :returns: the dataset's URI
    :raises ValidationError: as dataset_info.checked does
    :raises AuthorizationError: if the user may not register in the base URI, or it is
        not registered
    """
    registration = _permitted(user, info, _require_permission)
    # As in put().
    del info
    register_all([registration])
    return registration.uri


def put(user: ActingUser, info: dict[str, Any]) -> bool:
    """Register a dataset as register_as does.

    :returns: whether it is new
    :raises: as register_as does
    """
    registration = _permitted(user, info, _require_permission)
    # A manifest may have a hundred megabytes, and is not needed any more.
    del info
    [is_new] = register_all([registration])
    return is_new


# Which would take a twentieth of the time; of what is made of so many datasets nothing
# refers to itself.
@without_collecting()
def register_many(
    user: ActingUser, infos: Iterable[dict[str, Any]]
) -> list[bool | Exception]:
    """Register datasets on behalf of a user, all in one transaction if nothing fails.

    :returns: for each whether it is new, or why it was not registered: an error that
        register_as or the database raises; the others are registered all the same
    """
    require_permission = functools.cache(_require_permission)
    outcomes: list[bool | Exception] = []
    good: dict[int, Registration] = {}
    for place, info in enumerate(infos):
        try:
            good[place] = _permitted(user, info, require_permission)
            outcomes.append(True)
        except DtoolLookupServerError as error:
            outcomes.append(error)
        info = {}
    for place, outcome in zip(good, _put_together([*good.values()]), strict=True):
        outcomes[place] = outcome
    return outcomes


def _put_together(registrations: Sequence[Registration]) -> Sequence[bool | Exception]:
    try:
        return register_all(registrations)
    except (DtoolLookupServerError, DBAPIError):
        # To find the one that fails.
        return _put_one_by_one(registrations)


def _put_one_by_one(registrations: Sequence[Registration]) -> list[bool | Exception]:
    outcomes: list[bool | Exception] = []
    for registration in registrations:
        outcomes.append(_put_alone(registration))
        # Else it would be waited for as often as there are datasets.
        if isinstance(outcomes[-1], StoreUnavailableError) and outside.is_one_away():
            break
    return outcomes + outcomes[-1:] * (len(registrations) - len(outcomes))


def _put_alone(registration: Registration) -> bool | Exception:
    try:
        [is_new] = register_all([registration])
        return is_new
    except (DtoolLookupServerError, DBAPIError) as error:
        return error


def forget_as(user: ActingUser, uri: str) -> None:
    """Remove a dataset on behalf of a user; nothing happens where it is unknown.

    :raises AuthorizationError: if the user may not register in the base URI, or it is
        not registered
    """
    base_uri, _name = base_uris.split(uri)
    _require_permission(user, base_uri)
    forget(uri)


def _permitted(
    user: ActingUser, info: dict[str, Any], require_permission: Permission
) -> Registration:
    dataset = checked(info)
    require_permission(user, dataset["base_uri"])
    return prepare(dataset, user.username, utc_now())


def _require_permission(user: ActingUser, base_uri: str) -> None:
    if not permissions.may_register(user, base_uri):
        raise AuthorizationError("No permission to register in this base URI")


def register(info: dict[str, Any]) -> str:
    """Register a dataset on behalf of the machine's administrator.

    :returns: the dataset's URI
    :raises ValidationError: as dataset_info.checked does
    :raises UnknownBaseURIError: if the base URI is not registered
    """
    registration = prepare(checked(info), None, utc_now())
    register_all([registration])
    return registration.uri


def register_if_changed(info: dict[str, Any]) -> bool:
    """Register a dataset unless it is registered with the same content already.

    :returns: whether it was registered
    :raises: as register does
    """
    dataset = checked(info)
    known = sql_db.session.scalar(
        select(Dataset.digest).where(Dataset.uri == dataset["uri"])
    )
    if known == digest_of(dataset):
        return False
    register_all([prepare(dataset, None, utc_now())])
    return True


def forget(uri: str) -> None:
    """Remove a dataset from SQL and every plugin; nothing happens where unknown."""
    uri = base_uris.normalised_uri(uri)
    with outside.alone_with([uri]):
        _forget_in_all(uri)


def replace(
    dataset: DatasetInfo,
    uploaded_by: str | None,
    uploaded_at: datetime | None,
    action: Action | None = None,
    **details: Any,
) -> None:
    """Replace what is known of a dataset, which stays registered by whom it was.

    :param dataset: as dataset_info.checked returns it
    :param uploaded_at: as the table holds it
    :param action: for the audit trail; None for that of a registration
    :param details: for the audit trail
    """
    register_all([prepare(dataset, uploaded_by, uploaded_at, action, **details)])


def register_all(registrations: Sequence[Registration]) -> list[bool]:
    """Register datasets everywhere, all of them or none.

    :param registrations: of those with the same URI the last one counts
    :returns: of each whether it is new
    """
    leave_out_known_words(registrations)
    telling = outside.Telling(registrations)
    with telling.around():
        return _register_in_all(registrations, telling)


@transactional
def _register_in_all(
    registrations: Sequence[Registration], telling: outside.Telling
) -> list[bool]:
    """Register datasets in SQL and in every plugin, see Telling.within."""
    are_new: list[bool] = []
    for group in _apart(registrations):
        are_new += write(group)
        telling.within(group)
    return are_new


def _apart(registrations: Sequence[Registration]) -> Iterator[list[Registration]]:
    """Yield groups of registrations, in order, each URI once in a group."""
    group: dict[str, Registration] = {}
    for registration in registrations:
        if registration.uri in group:
            yield [*group.values()]
            group = {}
        group[registration.uri] = registration
    if group:
        yield [*group.values()]


@transactional
def _forget_in_all(uri: str) -> None:
    known = counted([uri]).get(uri)
    if known is not None:
        for plugin in sharing():
            outside.delete_from(plugin, uri)
        forget_in_sql(known)
        audit.record(Action.DELETE, uri, base_uris.split(uri)[0])
    # Before the commit, as in registering; also what a store alone has.
    outside.delete(uri)


def share_transactions() -> bool:
    """Return whether datasets may be registered by a transaction that is open.

    Not where a plugin has a store of its own: what fails is taken back there when the
    transaction has ended.
    """
    return not outside.plugins()


def take_groups() -> bool:
    """Return whether many datasets are best registered at once.

    Not where a store of its own is told of each by itself: the rows of all of them
    would be locked meanwhile.
    """
    return all(map(is_grouping, outside.plugins()))
