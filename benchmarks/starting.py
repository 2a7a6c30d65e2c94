"""Starting: --help beside the imports of a server, and a worker's first answer."""

import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from .corpus import READER, Corpus
from .load import exchange
from .operations import READS
from .servers import ours

_IMPORTS = "import flask_sqlalchemy, dtoolcore"
_ANSWERS = 20
_SECONDS_TO_SETTLE = 1


class Start(NamedTuple):
    """What was measured, in seconds; medians.

    :param help: processor time of `dtool-lookup-server --help`
    :param imports: processor time of importing Flask-SQLAlchemy and dtoolcore
    :param first: how long a new worker takes for its first answer
    :param later: and for those that follow
    """

    help: float
    imports: float
    first: float
    later: float


def measured(rounds: int, datasets: int, folder: Path) -> Start:
    """Return how long starting takes.

    :param datasets: of the server whose workers answer
    :param folder: to keep its data in
    """
    # With its bytecode written, as it is installed.
    program = str(Path(sys.executable).with_name("dtool-lookup-server"))
    commands = ([program, "--help"], [sys.executable, "-c", _IMPORTS])
    pairs = [[_processor_time(command) for command in commands] for _ in range(rounds)]
    helps, imports = zip(*pairs, strict=True)
    firsts, laters = zip(*_answers(rounds, datasets, folder), strict=True)
    return Start(*map(statistics.median, (helps, imports, firsts, laters)))


def table(start: Start) -> str:
    """Return what was measured, for a reader."""
    return "\n".join(
        [
            f"--help, of importing the libraries: {start.help / start.imports:.2f}",
            f"first answer of a worker: {start.first * 1000:.1f} ms,"
            f" later ones {start.later * 1000:.1f} ms",
        ]
    )


def _processor_time(command: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=dict(os.environ))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)


def _answers(rounds: int, datasets: int, folder: Path) -> list[tuple[float, float]]:
    """Return how long the first answer takes, and the median of those that follow."""
    known = Corpus(datasets)
    server = ours(known, folder, {})
    server.prepare()
    with server.running():
        server.seed()
    (request,) = READS["first_page"](known)
    sent = request.encoded(server.tokens[READER])
    taken = []
    for _round in range(rounds):
        # A worker that has answered nothing yet, as after a restart.
        with server.running(workers=1, loaded=True):
            # Its first process listens before it is there.
            time.sleep(_SECONDS_TO_SETTLE)
            seconds = []
            for _answer in range(_ANSWERS):
                begun = time.perf_counter()
                answer = exchange(server.port, sent)
                seconds.append(time.perf_counter() - begun)
                request.verify(answer)
            taken.append((seconds[0], statistics.median(seconds[1:])))
    return taken
