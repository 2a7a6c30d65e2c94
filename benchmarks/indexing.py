"""Indexing a base URI, beside a plain loop over dtoolcore."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import boto3
import dtoolcore

from dtool_lookup_server.utils import generate_dataset_info
from tests.mongod import free_port

from . import stored
from .load import WrongAnswerError
from .servers import wait_for_port

#: Makes datasets of these numbers, and returns their base URI.
Making = Callable[[str, range], str]


@contextmanager
def on_disk(folder: Path) -> Iterator[Making]:
    """Give what makes datasets in a folder."""

    def make(name: str, numbers: range) -> str:
        stored.on_disk(folder / name, numbers)
        return str(folder / name)

    yield make


@contextmanager
def in_s3(_folder: Path) -> Iterator[Making]:
    """Give what makes datasets in an S3, moto's in a process of its own."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", f"-p{port}"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, **quiet)
    endpoint = f"http://127.0.0.1:{port}"

    def make(name: str, numbers: range) -> str:
        for setting, value in (
            ("DTOOL_S3_ENDPOINT", endpoint),
            ("DTOOL_S3_ACCESS_KEY_ID", "a"),
            ("DTOOL_S3_SECRET_ACCESS_KEY", "b"),
        ):
            os.environ[f"{setting}_{name}"] = value
        client = boto3.client(
            "s3",
            endpoint_url=endpoint,
            region_name="us-east-1",
            aws_access_key_id="a",
            aws_secret_access_key="b",
        )
        client.create_bucket(Bucket=name)
        stored.in_bucket(client, name, numbers)
        return f"s3://{name}"

    try:
        wait_for_port("moto", process, port)
        yield make
    finally:
        process.terminate()
        process.wait(30)


STORAGES = {"disk": on_disk, "s3": in_s3}


def seconds_of(
    storage: str, datasets: int, sample: int, folder: Path, options: list[str]
) -> dict[str, float]:
    """Return the seconds that indexing takes, and a plain loop would take.

    The plain loop is measured over a sample, and is only to read: it registers nothing.

    :param options: of base_uri index
    :returns: by plain, first and second
    """
    with STORAGES[storage](folder) as make:
        few = make("few", range(sample))
        begun = time.perf_counter()
        read = [
            generate_dataset_info(dataset, few)
            for dataset in dtoolcore.iter_datasets_in_base_uri(few)
        ]
        plain = (time.perf_counter() - begun) / sample * datasets
        if len(read) != sample:
            raise WrongAnswerError(f"{len(read)} of {sample} were read")
        base_uri = make("all", range(datasets))
        # dtool's settings for the bucket have come into the environment.
        environment = {**os.environ, "DTOOL_LOOKUP_SERVER_HOME": str(folder / "home")}
        # What is installed was compiled then, and not for each command.
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        _command(environment, "init")
        _command(environment, "base_uri", "add", base_uri)
        # Files that were written just now are read again.
        time.sleep(2)

        def index(expected: str) -> float:
            begun = time.perf_counter()
            said = _command(environment, "base_uri", "index", *options, base_uri)
            seconds = time.perf_counter() - begun
            if (last := said.splitlines()[-1]) != expected:
                raise WrongAnswerError(f"{last}, not {expected}")
            return seconds

        return {
            "plain": plain,
            "first": index(f"{datasets} registered, 0 unchanged, 0 failed"),
            "second": index(f"0 registered, {datasets} unchanged, 0 failed"),
        }


def table(storage: str, datasets: int, sample: int, seconds: dict[str, float]) -> str:
    """Return what was measured, as ratios."""
    plain = seconds["plain"]
    rows = [
        f"{datasets} datasets, {storage}",
        f"plain loop over dtoolcore   {plain:10.1f} s  (from {sample} datasets)",
        f"the first time              {seconds['first']:10.1f} s"
        f"  {plain / seconds['first']:7.1f} times faster",
        f"the second time             {seconds['second']:10.1f} s"
        f"  {plain / seconds['second']:7.1f} times faster",
    ]
    return "\n".join(rows)


def _command(environment: Mapping[str, str], *arguments: str) -> str:
    command = [sys.executable, "-m", "dtool_lookup_server", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, check=True)
    return done.stdout.decode().strip()
