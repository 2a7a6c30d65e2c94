"""How far long work has come, on a terminal; silent in a pipe."""

import sys
import time
from types import TracebackType

import click

_CLEAR_LINE = "\r\x1b[K"
_SECONDS_BETWEEN_UPDATES = 0.1


class Progress:
    """A line on standard error that says how much is done, how fast, how long still.

    :param total: number of things to do
    """

    def __init__(self, total: int = 0):
        self._total = total
        self._done = 0
        self._begun = self._shown = time.monotonic()
        self._visible = sys.stderr.isatty()

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._write(_CLEAR_LINE)

    def advance(self) -> None:
        """Count one more thing as done; what is printed next starts a clean line."""
        self._done += 1
        if not self._visible:
            return
        now = time.monotonic()
        if now - self._shown < _SECONDS_BETWEEN_UPDATES and sys.stdout.isatty():
            self._write(_CLEAR_LINE)
            return
        self._shown = now
        self._write(_CLEAR_LINE + self._status(now - self._begun))
        if sys.stdout.isatty():
            self._write("\n")

    def reach(self, done: int, total: int) -> None:
        """Say in one line how far work has come that prints nothing else meanwhile.

        :param done: of total; less than before where another piece of work has begun
        """
        now = time.monotonic()
        if done < self._done:
            self._begun = now
        self._done, self._total = done, total
        if done == total or now - self._shown >= _SECONDS_BETWEEN_UPDATES:
            self._shown = now
            self._write(_CLEAR_LINE + self._status(now - self._begun))

    def _status(self, seconds: float) -> str:
        rate = self._done / seconds if seconds else 0.0
        left = max(self._total - self._done, 0) / rate if rate else 0.0
        total = max(self._total, self._done)
        return f"{self._done} of {total}, {rate:.1f} a second, {left:.0f} s left"

    def _write(self, text: str) -> None:
        if self._visible:
            click.echo(text, nl=False, err=True)
