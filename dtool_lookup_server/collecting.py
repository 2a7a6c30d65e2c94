"""The garbage collector, left aside while much is made of which nothing is garbage."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collecting() -> Iterator[None]:
    """Let the garbage collector wait for what is done within.

    The more there is, the more often it looks through all of it.
    """
    if not gc.isenabled():
        # By whoever runs the server, or another thread that is within.
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
