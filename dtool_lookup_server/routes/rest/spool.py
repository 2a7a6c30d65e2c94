"""A stream that is read ahead, to disk, while what came of it is still worked on."""

import errno
import io
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ...errors import StoreFullError

_CHUNK = 64 * 1024

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


class BrokenOffError(Exception):
    """A stream ended before its time."""


class TooLongError(BrokenOffError):
    """A stream does not end where it should have."""


class NoRoomError(BrokenOffError, StoreFullError):
    """There is no room for what of a stream waits on disk."""

    def __init__(self) -> None:
        super().__init__("The server's folder for temporary files has no room")


def require_room(size: int) -> None:
    """Return if what is known to come can wait on disk, all of it.

    :param size: in bytes
    :raises NoRoomError: if not
    """
    with _writing():
        room = shutil.disk_usage(tempfile.gettempdir()).free
    if room < size:
        raise NoRoomError


@contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        # None of the folders that may be the one for temporary files can be written.
        raise NoRoomError from error
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise NoRoomError from error
        raise


def reader_of(environ: Mapping[str, Any], most: int) -> Callable[[], bytes]:
    """Return what reads the next part of a request's body; empty at the end.

    Returns what is there already rather than wait for a part to be full, as far as the
    WSGI server lets it.

    :param most: largest number of bytes
    :raises TooLongError: by the reader, where there are more
    """
    stream = environ["wsgi.input"]
    length = environ.get("CONTENT_LENGTH")
    if environ.get("wsgi.input_terminated"):
        left = most + 1
    else:
        left = min(int(length or 0), most + 1)
    if not (read := getattr(stream, "read1", None)):
        # The readline of raw streams takes one byte after the other. That of gunicorn
        # copies all that has come for each KiB of a line: very much, where the length
        # is known.
        by_parts = isinstance(stream, io.RawIOBase) or int(length or 0) > _CHUNK
        read = stream.read if by_parts else stream.readline

    def read_part() -> bytes:
        nonlocal left
        part: bytes = read(min(left, _CHUNK)) if left > 0 else b""
        left -= len(part)
        if left <= 0 and environ.get("wsgi.input_terminated"):
            raise TooLongError(f"More than {most} bytes")
        return part

    return read_part


class Spool:
    """Lines of a stream, which a thread reads as fast as it comes.

    A client that sends all it has before it reads an answer would wait for ever on a
    server that sends its answers before it reads on. What waits is on disk, so that
    memory does not grow with the stream.

    :param read: returns the next part of the stream, empty at the end
    :param longest: largest number of bytes in a line; of a longer one only so many,
        and one more, are given
    :raises NoRoomError: if there is none for a file
    """

    def __init__(self, read: Callable[[], bytes], longest: int):
        self._read_part = read
        self._longest = longest
        with _writing():
            # Without a buffer, so that it is known here what has found room.
            self._file: Any = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115
        self._changed = threading.Condition()
        self._written = 0
        self._read = 0
        self._error: Exception | None = None
        self._ended = False
        self._closed = False
        threading.Thread(target=self._fill, name="spool", daemon=True).start()

    def begin(self) -> None:
        """Return when the first part is there, or nothing will come.

        Closes what there is no room for.

        :raises NoRoomError: if there is no room for it
        """
        with self._changed:
            self._changed.wait_for(lambda: self._written or self._ended)
            if not self._written and isinstance(self._error, NoRoomError):
                self.close()
                raise self._error

    def close(self) -> None:
        """Stop, whatever is still to come."""
        with self._changed:
            self._closed = True
            self._file.close()

    def batches(self, most: int, most_bytes: int) -> Iterator[list[bytes]]:
        """Yield the lines that are there, without their ends.

        :param most: largest number of lines at once
        :param most_bytes: with as many bytes no further line is added
        :raises BrokenOffError: where reading failed, after all that came
        """
        lines: list[bytes] = []
        size = 0
        for arrived in self._arrivals():
            while arrived:
                size += len(arrived[0])
                # Nowhere else: who reads the lines lets go of each.
                lines.append(arrived.pop(0))
                if len(lines) == most or size >= most_bytes:
                    yield lines
                    lines, size = [], 0
            if lines and not self._has_more():
                yield lines
                lines, size = [], 0
        if isinstance(self._error, BrokenOffError):
            raise self._error
        if self._error is not None:
            raise BrokenOffError(type(self._error).__name__) from self._error

    def _has_more(self) -> bool:
        with self._changed:
            return self._read < self._written

    def _arrivals(self) -> Iterator[list[bytes]]:
        """Yield the lines that have come to their end, as they come."""
        line = bytearray()
        while chunk := self._take():
            *ended, rest = chunk.split(b"\n")
            arrived = []
            for part in ended:
                arrived.append(self._joined(line, part))
                line.clear()
            line += rest[: self._longest + 1 - len(line)]
            yield arrived
        if line:
            yield [bytes(line)]

    def _joined(self, line: bytearray, part: bytes) -> bytes:
        line += part[: self._longest + 1 - len(line)]
        return bytes(line)

    def _take(self) -> bytes:
        """Return what is there, or empty at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._read < self._written or self._ended)
            self._file.seek(self._read)
            chunk: bytes = self._file.read(_CHUNK)
            self._read += len(chunk)
            return chunk

    def _fill(self) -> None:
        try:
            while chunk := self._read_part():
                with self._changed:
                    if self._closed:
                        return
                    self._write(chunk)
                    self._changed.notify()
        except Exception as error:
            # Whatever it is, it is for the one who reads the lines.
            self._error = error
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify()

    def _write(self, chunk: bytes) -> None:
        self._file.seek(self._written)
        rest = memoryview(chunk)
        with _writing():
            while rest:
                rest = rest[self._file.write(rest) :]
        self._written += len(chunk)
