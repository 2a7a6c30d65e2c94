"""The audit trail: who did what, when and from where.

An entry is written by the very transaction that does what it tells of: what failed has
none, and what was acknowledged has one. All entries of a transaction are one statement,
at its end. It names things and never tells what is in them: no secret, no README, no
text of a query.
"""

import functools
import json
import os
import pwd
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from flask import g
from sqlalchemy import bindparam, delete, event, func, insert, select
from sqlalchemy.orm import Session

from ..database import transactional
from ..engines import WRITES
from ..errors import ValidationError
from ..extensions import sql_db
from ..pagination import BATCH, AnyRow, SortedListing
from ..prepared import PreparedInsert
from ..sql_models import (
    ADDRESS_LENGTH,
    DETAILS_LENGTH,
    audit_entry,
    from_timestamp,
    to_timestamp,
    utc_now,
)

_PENDING = "dtool_lookup_server_audit"
_E = audit_entry.c
_SHOWN = [column for column in _E if column.name != "pruned_before"]

# Entries that are deleted in one transaction: others write meanwhile.
_PRUNED_AT_ONCE = 10_000

#: Where something comes from: the API, an event of a storage, the machine itself.
API, EVENT, COMMAND_LINE = "api", "event", "command line"


class Action(StrEnum):
    """What was done."""

    REGISTER = "dataset.register"
    REPLACE = "dataset.replace"
    EDIT = "dataset.edit"
    REINDEX = "dataset.reindex"
    DELETE = "dataset.delete"
    ADD_USER = "user.add"
    UPDATE_USER = "user.update"
    DELETE_USER = "user.delete"
    SET_PASSWORD = "user.set_password"
    REVOKE_TOKENS = "user.revoke_tokens"
    ISSUE_TOKEN = "token.issue"
    MAKE_ACCESS_TOKEN = "access_token.make"
    REVOKE_ACCESS_TOKEN = "access_token.revoke"
    ADD_BASE_URI = "base_uri.add"
    INDEX_BASE_URI = "base_uri.index"
    DELETE_BASE_URI = "base_uri.delete"
    GRANT_SEARCH = "search.grant"
    REVOKE_SEARCH = "search.revoke"
    GRANT_REGISTER = "register.grant"
    REVOKE_REGISTER = "register.revoke"
    PRUNE = "audit.prune"


@dataclass(frozen=True)
class Origin:
    """Who does something, and from where.

    :param source: API, EVENT or COMMAND_LINE
    :param username: None for the machine's administrator, and for a storage
    :param os_user: who runs a command, to the operating system
    :param address: of the client
    :param access_token_id: of the personal access token that stands for the user
    """

    source: str
    username: str | None = None
    os_user: str | None = None
    address: str | None = None
    request_id: str | None = None
    access_token_id: int | None = None


def come_from(find: Callable[[], Origin | None]) -> None:
    """Say who it is that does what is done from now on, in this application context.

    :param find: asked for each entry; returns None for the machine itself
    """
    g.audit_origin = find


def come_from_storage() -> None:
    """Say that it is a storage's event that does what is done in this request."""
    asking = g.get("audit_origin")

    def find() -> Origin | None:
        who = asking and asking()
        return who and replace(who, source=EVENT)

    come_from(find)


def _origin() -> Origin:
    find = g.get("audit_origin")
    return (find and find()) or Origin(COMMAND_LINE, os_user=_os_user())


@functools.cache
def _os_user() -> str:
    # The process's own: what the environment says of it can be anything.
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def record(
    action: Action,
    subject: str | None = None,
    base_uri: str | None = None,
    pruned_before: datetime | None = None,
    **details: Any,
) -> None:
    """Have the transaction that is under way write an entry at its end.

    :param subject: the URI of a dataset or the name of a user
    :param base_uri: in its one spelling
    :param details: what else there is to tell, fit for JSON
    """
    record_all([Happening(action, subject, base_uri, details)], pruned_before)


class Happening(NamedTuple):
    """What an entry tells of; see record."""

    action: Action
    subject: str | None
    base_uri: str | None
    details: dict[str, Any]


def record_all(
    happenings: Iterable[Happening], pruned_before: datetime | None = None
) -> None:
    """Have the transaction that is under way write entries at its end, as record does.

    :param happenings: of one moment
    """
    info = sql_db.session.info
    assert info.get(WRITES), "entries belong to a transaction"
    who = _origin()
    alike = {
        "happened_at": utc_now(),
        "source": who.source,
        "username": who.username,
        "os_user": who.os_user,
        "address": _printable(who.address),
        "request_id": who.request_id,
        "access_token_id": who.access_token_id,
        "pruned_before": pruned_before,
    }
    info.setdefault(_PENDING, []).extend(
        {
            **alike,
            "action": action.value,
            "base_uri": base_uri,
            "subject": subject,
            "details": _fitted(details) if details else None,
        }
        for action, subject, base_uri, details in happenings
    )


@transactional
def write(action: Action, subject: str, **details: Any) -> None:
    """Write an entry on what leaves no other trace in the database; as record does."""
    record(action, subject, **details)


_INSERT = PreparedInsert(
    insert(audit_entry)
    .values({c.name: bindparam(c.name) for c in _E if c.name != "id"})
    # Nobody asks for the id of an entry.
    .inline()
)


@event.listens_for(sql_db.session, "before_commit")
def _write(session: Session) -> None:
    rows = session.info.pop(_PENDING, None)
    if rows:
        _INSERT.run(rows, session.connection())


@event.listens_for(sql_db.session, "after_rollback")
def _forget(session: Session) -> None:
    session.info.pop(_PENDING, None)


def _printable(address: str | None) -> str | None:
    """Return an address as far as it can be one: a proxy may hand on anything."""
    if address is None:
        return None
    return "".join(filter(str.isprintable, address))[:ADDRESS_LENGTH]


def _fitted(details: dict[str, Any]) -> str:
    """Return details as JSON that fits the column: of long lists, how long they are."""
    text = json.dumps(details)
    if len(text) <= DETAILS_LENGTH:
        return text
    short = {
        key: len(value) if isinstance(value, list) else value
        for key, value in details.items()
    }
    return json.dumps(short)


def listing(
    usernames: Sequence[str] = (),
    actions: Sequence[str] = (),
    base_uris: Sequence[str] = (),
    happened_after: float | None = None,
    happened_before: float | None = None,
) -> SortedListing:
    """Return the entries, the newest first.

    :param usernames: of those who did something; empty for everybody, as are the others
    :param base_uris: in their one spelling
    :param happened_after: in seconds since the epoch; from then on
    :param happened_before: in seconds since the epoch; without that moment itself
    """
    entries = select(*_SHOWN)
    for column, values in (
        (_E.username, usernames),
        (_E.action, actions),
        (_E.base_uri, base_uris),
    ):
        if values:
            entries = entries.where(column.in_(values))
    if happened_after is not None:
        entries = entries.where(_E.happened_at >= from_timestamp(happened_after))
    if happened_before is not None:
        entries = entries.where(_E.happened_at < from_timestamp(happened_before))
    columns: dict[str, Any] = {"happened_at": _E.happened_at, "id": _E.id}
    return SortedListing(entries, columns, "-happened_at,-id", "id", _to_items)


def _to_items(rows: Sequence[AnyRow]) -> list[dict[str, Any]]:
    return [
        {
            **row._asdict(),
            "happened_at": to_timestamp(row.happened_at),
            "details": json.loads(row.details) if row.details else {},
        }
        for row in rows
    ]


def newest(entries: SortedListing, number: int) -> Iterator[dict[str, Any]]:
    """Yield the newest entries of a listing.

    :param number: of entries, at most
    """
    cursor: str | None = ""
    while number > 0 and cursor is not None:
        items = entries.after(cursor, min(number, BATCH))
        yield from items
        number -= len(items)
        cursor = entries.cursor


def prune(older_than: timedelta) -> int:
    """Forget what happened longer ago, and leave an entry that says so.

    :returns: the number of entries that are forgotten
    :raises ValidationError: for no time at all, or for more than there has been
    """
    try:
        cutoff = utc_now() - older_than
    except OverflowError:
        raise ValidationError("That is longer than time has been counted") from None
    if older_than <= timedelta():
        raise ValidationError("Some time must pass before an entry is forgotten")
    number = _announce(cutoff)
    left = number
    while left > 0 and (gone := _forget_some(cutoff)):
        left -= gone
    return number


@transactional
def _announce(cutoff: datetime) -> int:
    """Write that all before is forgotten, as the database asks for: append_only.py."""
    counted = select(func.count()).where(_E.happened_at < cutoff)
    number = sql_db.session.scalar(counted) or 0
    if number:
        record(
            Action.PRUNE,
            pruned_before=cutoff,
            before=to_timestamp(cutoff),
            number=number,
        )
    return number


@transactional
def _forget_some(cutoff: datetime) -> int:
    before = select(_E.happened_at).where(_E.happened_at < cutoff)
    last = sql_db.session.scalar(
        before.order_by(_E.happened_at).offset(_PRUNED_AT_ONCE).limit(1)
    )
    old = _E.happened_at < cutoff if last is None else _E.happened_at <= last
    return sql_db.session.execute(delete(audit_entry).where(old)).rowcount  # type: ignore[attr-defined]
