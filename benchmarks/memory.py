"""Memory: the most that a worker takes for a manifest with very many items."""

import json
from collections.abc import Callable
from pathlib import Path

from . import stored
from .corpus import BASE_URIS, READER, WRITER, Corpus, dataset
from .load import WrongAnswerError
from .servers import LookupServer, largest_worker, ours

# What is registered is none of the corpus.
_NUMBER = 10**9


def measured(items: int, folder: Path) -> dict[str, float]:
    """Return the most memory that a worker has taken, in MiB, by what it had to do.

    :param items: of the manifest
    :param folder: to keep the server's data in
    """
    info = dataset(_NUMBER, BASE_URIS[0])
    info["manifest"] = manifest = stored.manifest(items)
    info["number_of_items"] = items
    server = ours(Corpus(10), folder, {})
    server.prepare()
    with server.running():
        server.seed()

    def ask() -> None:
        # Who listens has not necessarily a worker yet; who answers has.
        server.call("GET", "/config/health", None)

    def register() -> None:
        server.call("POST", "/dataset/register", info, WRITER)

    def read() -> None:
        answer = server.call("POST", "/dataset/manifest", {"uri": info["uri"]}, READER)
        if json.loads(answer) != manifest:
            raise WrongAnswerError("The manifest that is read is another")

    peaks = {"started": _peak(server, ask)}
    return peaks | {"registered": _peak(server, register), "read": _peak(server, read)}


def table(items: int, peaks: dict[str, float]) -> str:
    """Return what was measured, for a reader."""
    workers = (f"that has {what}: {peak:.0f} MiB" for what, peak in peaks.items())
    return "\n".join([f"a manifest of {items} items; a worker", *workers])


def _peak(server: LookupServer, work: Callable[[], None]) -> float:
    with server.running(workers=1, loaded=True) as pid:
        work()
        return (largest_worker(pid) or 0) / 2**20
