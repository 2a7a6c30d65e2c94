"""When a request must have ended: the stores keep to it, each as far as it can.

A statement that has begun is ended by its database; none begins after that time. What
Python does in between has no limit here: that is for the server around, such as
gunicorn's timeout, which ends the whole worker.
"""

import time
from contextvars import ContextVar
from typing import NamedTuple

from .errors import TookTooLongError


class Deadline(NamedTuple):
    """A time limit.

    :param seconds: how long it was
    :param end: when it ends, by time.monotonic()
    """

    seconds: float
    end: float


_current: ContextVar[Deadline | None] = ContextVar("deadline", default=None)


def begin(seconds: float, spent: float = 0) -> None:
    """Limit what this thread does from now on.

    :param seconds: that it may take
    :param spent: seconds that it has taken already
    """
    _current.set(Deadline(seconds, time.monotonic() + seconds - spent))


def lift() -> None:
    """Let this thread take its time again."""
    _current.set(None)


def remaining() -> float | None:
    """Return the seconds that are left; None where there is no limit.

    :raises TookTooLongError: if none are
    """
    deadline = _current.get()
    if deadline is None:
        return None
    left = deadline.end - time.monotonic()
    if left <= 0:
        raise too_late()
    return left


def is_over() -> bool:
    """Return whether no time is left."""
    deadline = _current.get()
    return deadline is not None and time.monotonic() >= deadline.end


def too_late() -> TookTooLongError:
    """Return the error that says that no time is left."""
    deadline = _current.get()
    limit = f" ({deadline.seconds:g} seconds)" if deadline else ""
    return TookTooLongError(
        f"This took longer than a request may take{limit}: ask for less, or try again"
        " later"
    )
