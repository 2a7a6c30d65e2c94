"""Clients: one request after the other, each on a connection of its own, all checked.

Sockets and no HTTP library, whose work would be taken for the server's: clients and
server share the processor.
"""

import contextlib
import itertools
import json
import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

_RECEIVED = 256 * 1024


class WrongAnswerError(Exception):
    """A server did not answer what the corpus says."""


@dataclass
class Answer:
    """What a server answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """Return what the body holds."""
        return json.loads(self.body)


Check = Callable[[Answer], None]


@dataclass
class Request:
    """A request, with what tells a right answer from a wrong one.

    :param check: raises WrongAnswerError
    """

    method: str
    path: str
    body: Any
    check: Check
    status: int = 200
    _right: set[bytes] = field(default_factory=set)

    def encoded(self, token: str) -> bytes:
        """Return the bytes to send."""
        body = b"" if self.body is None else json.dumps(self.body).encode()
        head = (
            f"{self.method} {self.path} HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: Bearer {token}\r\nConnection: close\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    def verify(self, answer: bytes) -> None:
        """Return if an answer is right; one that was before is not read again.

        :raises WrongAnswerError: if not
        """
        head, _blank, body = answer.partition(b"\r\n\r\n")
        if body in self._right:
            return
        start, *lines = head.decode("latin-1").split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        parsed = Answer(int(start.split()[1]), headers, body)
        if parsed.status != self.status:
            raise WrongAnswerError(f"{self.path}: {start}: {body[:500]!r}")
        self.check(parsed)
        self._right.add(body)


@dataclass(frozen=True)
class Measured:
    """What came of one round.

    :param rate: right answers in a second
    :param latency: the median of the time that an answer took, in seconds
    :param share: of the bare route's rate just before; None where it was not measured
    """

    rate: float
    latency: float
    share: float | None = None


def exchange(port: int, request: bytes) -> bytes:
    """Send a request and return all that is answered."""
    with socket.create_connection(("127.0.0.1", port), timeout=120) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(request)
        parts = []
        while part := connection.recv(_RECEIVED):
            parts.append(part)
        return b"".join(parts)


@contextlib.contextmanager
def meanwhile(
    port: int, token: str, requests: Iterator[Request], rate: float
) -> Iterator[None]:
    """Send requests at a steady pace, one at a time, while something else is measured.

    :param requests: without an end
    :param rate: in a second; 0 for none
    :raises WrongAnswerError: in the end, if one answer was wrong
    """
    if not rate:
        yield
        return
    stopped = threading.Event()
    errors: list[Exception] = []

    def go_on() -> None:
        try:
            while not stopped.wait(1 / rate):
                request = next(requests)
                request.verify(exchange(port, request.encoded(token)))
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()
    if errors:
        raise errors[0]


def measure(
    port: int, token: str, requests: Iterable[Request], seconds: float, clients: int
) -> Measured:
    """Return how fast requests are answered; each answer is checked.

    :param requests: sent in turn, over and over; or an iterator without an end
    :param clients: how many send at once
    :raises WrongAnswerError: as soon as one answer is wrong
    """
    endless = isinstance(requests, Iterator)
    queue = requests if endless else itertools.cycle(requests)
    lock = threading.Lock()
    latencies: list[float] = []
    errors: list[Exception] = []
    start = time.perf_counter()
    end = start + seconds

    def go_on() -> None:
        try:
            while not errors and time.perf_counter() < end:
                with lock:
                    request = next(queue)
                sent = request.encoded(token)
                before = time.perf_counter()
                answer = exchange(port, sent)
                latencies.append(time.perf_counter() - before)
                request.verify(answer)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=go_on) for _client in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    elapsed = time.perf_counter() - start
    return Measured(len(latencies) / elapsed, statistics.median(latencies))
