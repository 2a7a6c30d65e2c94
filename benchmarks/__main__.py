"""The commands: run measures and writes JSON, compare puts two such files together.

relevance tells how well the order of hits is what people expect.
"""

import json
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import click

from . import memory, relevance, report, starting
from .corpus import READER, WRITER, Corpus
from .indexing import STORAGES, seconds_of, table
from .load import Request, meanwhile, measure
from .operations import READS, bare_request, registrations
from .report import BARE, Results
from .servers import LookupServer, Server, largest_worker, ours, peer

REGISTER = "register"

#: Most seconds of each operation that do not count.
_WARM_UP = 0.2

SIZES = (1_000, 10_000, 100_000)


@click.group()
def main() -> None:
    """Measure the server, a bare Flask route and 0.18.0 side by side."""


@main.command()
@click.option(
    "--datasets", "sizes", type=int, multiple=True, help="Size; may be repeated."
)
@click.option("--only", multiple=True, help="Operation; may be repeated.")
@click.option("--rounds", default=5, help="Medians are of so many.", show_default=True)
@click.option("--seconds", default=1.0, help="Of one round.", show_default=True)
@click.option("--clients", default=8, help="At once.", show_default=True)
@click.option(
    "--set",
    "settings",
    multiple=True,
    help="NAME=VALUE of a setting, such as the URL of an empty database; {datasets} in"
    " it stands for the size.",
)
@click.option(
    "--threads", default=1, help="Of each worker, as in deploy/.", show_default=True
)
@click.option(
    "--writes",
    default=0.0,
    help="Registrations a second while reading, after which nothing is remembered.",
    show_default=True,
)
@click.option("--peer", "peer_python", help="Python of an environment with 0.18.0.")
@click.option("--peer-datasets", default=10_000, help="Largest for 0.18.0.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    help="Keeps what was registered, for the next run.",
)
@click.option("--output", type=click.Path(path_type=Path), help="JSON file to write.")
def run(
    sizes: tuple[int, ...],
    only: tuple[str, ...],
    rounds: int,
    seconds: float,
    clients: int,
    settings: tuple[str, ...],
    threads: int,
    writes: float,
    peer_python: str | None,
    peer_datasets: int,
    folder: Path | None,
    output: Path | None,
) -> None:
    """Fill servers with a corpus, check what they answer, and measure."""
    wanted = set(only) or {*READS, REGISTER}
    overlay = dict(setting.split("=", 1) for setting in settings)
    Server.threads = threads
    with ExitStack() as stack:
        place = stack.enter_context(_kept(folder))
        bare = Server()
        stack.enter_context(bare.running())
        servers: list[LookupServer] = []
        for size in sizes or SIZES:
            known = Corpus(size)
            servers.append(ours(known, place, overlay))
            if peer_python and size <= peer_datasets:
                servers.append(stack.enter_context(peer(known, place, peer_python)))
        pids = [_start(server, stack) for server in servers]
        measured: report.Rounds = {}
        of_bare, bare_requests = (BARE, BARE, 0), [bare_request()]

        def note(
            key: report.Key, server: Server, requests: Iterable[Request], user: str
        ) -> None:
            token = server.tokens.get(user, "")
            result = measure(server.port, token, requests, seconds, clients)
            if key != of_bare:
                share = result.rate / measured[of_bare][-1].rate
                result = replace(result, share=share)
            measured.setdefault(key, []).append(result)

        def note_bare() -> None:
            note(of_bare, bare, bare_requests, READER)

        # No run before this one registered from here on.
        new = {server: registrations(int(time.time()) * 1_000) for server in servers}
        reads = {
            (name, server): list(make(server.known))
            for name, make in READS.items()
            if name in wanted
            for server in servers
        }
        for (_name, server), requests in reads.items():
            # The first answers of a worker take longer.
            warm_up = min(seconds, _WARM_UP)
            measure(server.port, server.tokens[READER], requests, warm_up, clients)
        # Interleaved, so that what else the machine does slows all of them alike: the
        # bare route beside each operation, since that changes within seconds.
        for _round in range(rounds):
            for (name, server), requests in reads.items():
                if server is servers[0]:
                    note_bare()
                key = (name, server.name, server.known.size)
                writer = server.tokens[WRITER]
                with meanwhile(server.port, writer, new[server], writes):
                    note(key, server, requests, READER)
        if REGISTER in wanted:
            for _round, server in product(range(rounds), servers):
                if server is servers[0]:
                    note_bare()
                key = (REGISTER, server.name, server.known.size)
                note(key, server, new[server], WRITER)
        results = Results(
            {
                "machine": report.machine(),
                "clients": clients,
                "writes": writes,
                "results": report.summarised(measured),
                "servers": [
                    {
                        "server": server.name,
                        "datasets": server.known.size,
                        "seeding_rate": server.seeding_rate,
                        "memory": largest_worker(pid),
                    }
                    for server, pid in zip(servers, pids, strict=True)
                ],
            }
        )
    click.echo(results.table())
    if output:
        output.write_text(json.dumps(results.data, indent=1))


def _start(server: LookupServer, stack: ExitStack) -> int:
    server.prepare()
    pid = stack.enter_context(server.running())
    server.seed()
    return pid


@main.command()
@click.argument("before", type=click.Path(exists=True, path_type=Path))
@click.argument("after", type=click.Path(exists=True, path_type=Path))
def compare(before: Path, after: Path) -> None:
    """Show what changed between two files that run wrote."""
    click.echo(report.compared(_read(before), _read(after)))


@main.command("relevance")
@click.option(
    "--store",
    "stores",
    type=click.Choice(relevance.STORES),
    multiple=True,
    help="May be repeated; a database server has to be there, as the tests have it.",
)
@click.option("--queries", is_flag=True, help="Show each query, and what it finds.")
def relevance_of(stores: tuple[str, ...], queries: bool) -> None:
    """Show how well the order of hits is what people expect: nDCG, 1 is the best."""
    for store in stores or relevance.STORES[:1]:
        results = relevance.measured(store)
        if queries:
            for judged, value, names in results:
                click.echo(f"{value:.3f}  {judged.query}: {', '.join(names)}")
        mean = sum(value for _judged, value, _names in results) / len(results)
        click.echo(
            f"{store}: nDCG@{relevance.PAGE} {mean:.3f} of {len(results)} queries"
        )


@main.command()
@click.option("--storage", type=click.Choice(list(STORAGES)), default="disk")
@click.option("--datasets", default=1000, show_default=True)
@click.option("--sample", default=20, help="For the plain loop.", show_default=True)
@click.option("--jobs", help="Of base_uri index.")
@click.option("--folder", type=click.Path(path_type=Path), help="Empty, to work in.")
def index(
    storage: str, datasets: int, sample: int, jobs: str | None, folder: Path | None
) -> None:
    """Index datasets twice, beside a plain loop over dtoolcore."""
    with _kept(folder) as place:
        options = ["--jobs", jobs] if jobs else []
        seconds = seconds_of(storage, datasets, sample, place, options)
        click.echo(table(storage, datasets, sample, seconds))


@main.command()
@click.option("--rounds", default=5, help="Medians are of so many.", show_default=True)
@click.option("--datasets", default=1000, show_default=True)
@click.option("--folder", type=click.Path(path_type=Path), help="Keeps the datasets.")
def start(rounds: int, datasets: int, folder: Path | None) -> None:
    """Measure --help beside imports, and the first answer of a worker."""
    with _kept(folder) as place:
        click.echo(starting.table(starting.measured(rounds, datasets, place)))


@main.command("memory")
@click.option("--items", default=200_000, show_default=True)
def memory_of(items: int) -> None:
    """Measure what a worker takes for a manifest with very many items."""
    with _kept(None) as place:
        click.echo(memory.table(items, memory.measured(items, place)))


@contextmanager
def _kept(folder: Path | None) -> Iterator[Path]:
    """Give a folder, or one that is removed in the end."""
    if folder is not None:
        yield folder
        return
    with tempfile.TemporaryDirectory() as temporary:
        yield Path(temporary)


def _read(path: Path) -> Results:
    data: dict[str, Any] = json.loads(path.read_text())
    return Results(data)


if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
