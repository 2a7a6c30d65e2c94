"""Runs of indexing: one at a time for each base URI, and what became of the newest."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import select

from .. import locks
from ..database import transactional
from ..errors import InUseError
from ..extensions import sql_db
from ..sql_models import ERROR_LENGTH, BaseURI, IndexRun, utc_now
from . import audit, base_uris
from .audit import Action
from .indexing import FAILED, FORGOTTEN, REGISTERED, UNCHANGED, described

RUNNING = "running"
ENDED = "ended"
BROKEN_OFF = "broken off"

#: The error of a run that somebody stopped.
INTERRUPTED = "interrupted"

# What a run counts.
_KINDS = (REGISTERED, UNCHANGED, FAILED, FORGOTTEN)


@contextmanager
def recorded(base_uri: str) -> Iterator[Counter[str]]:
    """Record a run of indexing a base URI, and keep others from it meanwhile.

    :returns: for the caller to count the outcomes in, by their kind
    :raises UnknownBaseURIError: if the base URI is not registered
    :raises InUseError: if it is being indexed already
    """
    spelled = base_uris.normalised(base_uri)
    base_uri_id = base_uris.require(spelled)
    # Ends the reading: a lock may be held for hours.
    sql_db.session.commit()
    with locks.asking(sql_db.engine, f"index-{base_uri_id}") as taken:
        if not taken():
            raise InUseError(f"Base URI '{spelled}' is being indexed already")
        counts: Counter[str] = Counter()
        _begin(base_uri_id)
        try:
            yield counts
        except BaseException as error:
            sql_db.session.rollback()
            _end(base_uri_id, BROKEN_OFF, counts, _in_a_line(error))
            raise
        _end(base_uri_id, ENDED, counts, None)


def _in_a_line(error: BaseException) -> str:
    """Return an error in words that fit the table."""
    words = described(error) if isinstance(error, Exception) else INTERRUPTED
    return " ".join(words.split())[:ERROR_LENGTH]


@transactional
def _begin(base_uri_id: int) -> None:
    sql_db.session.merge(
        IndexRun(
            base_uri_id=base_uri_id,
            state=RUNNING,
            started_at=utc_now(),
            finished_at=None,
            error=None,
            **dict.fromkeys(_KINDS, 0),
        )
    )


@transactional
def _end(base_uri_id: int, state: str, counts: Counter[str], error: str | None) -> None:
    run = sql_db.session.get(IndexRun, base_uri_id)
    # Somebody may have removed the base URI.
    if run is None:
        return
    run.state, run.error, run.finished_at = state, error, utc_now()
    for kind in _KINDS:
        setattr(run, kind, counts[kind])
    base_uri = sql_db.session.scalar(
        select(BaseURI.base_uri).where(BaseURI.id == base_uri_id)
    )
    told: dict[str, Any] = {kind: counts[kind] for kind in _KINDS}
    audit.record(Action.INDEX_BASE_URI, base_uri=base_uri, state=state, **told)
