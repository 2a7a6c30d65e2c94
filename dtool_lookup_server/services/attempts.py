"""Attempts at passwords, limited over all workers: they are counted in the database."""

import hashlib
from datetime import timedelta

from flask import current_app
from sqlalchemy import case, delete, func, select

from ..database import transactional
from ..errors import TooManyAttemptsError
from ..extensions import sql_db
from ..sql_models import TokenAttempt, utc_now

#: Seconds that attempts are remembered.
WINDOW = 60

# How much more often all users of an address may try, or all addresses of a user: many
# people may share an address, and nobody is to lock out somebody elsewhere.
_SHARED = 10


def begin(username: str, address: str) -> int:
    """Count one more attempt, unless there are too many.

    :param address: where it comes from
    :returns: what to forget it by if it succeeds
    :raises TooManyAttemptsError: if there are too many
    """
    # Digests: what was typed as a name may be a password.
    user, place = _digest(username), _digest(address)
    attempt = _add(user, place)
    # Counted after it is there for all to see: however many come at once, the one that
    # comes last sees all that were let through.
    if _too_many(user, place):
        forget(attempt)
        raise TooManyAttemptsError("Too many attempts: try again in a minute")
    return attempt


@transactional
def forget(attempt: int) -> None:
    """Count an attempt no more."""
    sql_db.session.execute(delete(TokenAttempt).where(TokenAttempt.id == attempt))


@transactional
def _add(user: str, place: str) -> int:
    now = utc_now()
    old = TokenAttempt.tried_at < now - timedelta(seconds=WINDOW)
    sql_db.session.execute(delete(TokenAttempt).where(old))
    attempt = TokenAttempt(username=user, address=place, tried_at=now)
    sql_db.session.add(attempt)
    sql_db.session.flush()
    return attempt.id


def _too_many(user: str, place: str) -> bool:
    most = current_app.config["TOKEN_ATTEMPTS_PER_MINUTE"]
    by_user = TokenAttempt.username == user
    by_place = TokenAttempt.address == place
    counts = sql_db.session.execute(
        select(
            func.count(case((by_user & by_place, 1))),
            func.count(case((by_user, 1))),
            func.count(case((by_place, 1))),
        ).where(by_user | by_place)
    ).one()
    limits = (most, _SHARED * most, _SHARED * most)
    return any(count > limit for count, limit in zip(counts, limits, strict=True))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
