"""Datasets in their storage, written as dtoolcore and dtool-s3 write them.

dtool itself would take seconds for each in S3, where it makes its clients anew.
"""

import hashlib
import json
import os
import uuid
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import dtoolcore

_ITEMS = 3
_WRITERS = 4


def metadata(number: int) -> dict[str, Any]:
    """Return the administrative metadata of a dataset."""
    return {
        "uuid": str(uuid.UUID(int=number + 2**124)),
        "dtoolcore_version": dtoolcore.__version__,
        "name": f"dataset-{number:08}",
        "type": "dataset",
        "creator_username": f"creator-{number % 50}",
        "created_at": 1_500_000_000.25 + number,
        "frozen_at": 1_500_000_060.5 + number,
    }


def contents(number: int, items: int = _ITEMS) -> Iterator[tuple[str, str]]:
    """Yield name and text of what is kept of a dataset, beside its items."""
    yield "dtool", json.dumps(metadata(number))
    yield "README.yml", f"---\ndescription: Sample {number} in the dark\nproject: p\n"
    yield "manifest.json", json.dumps(manifest(items), indent=2, sort_keys=True)
    yield "structure.json", "{}"
    yield "annotations/shelf.json", json.dumps(number % 100)
    yield "annotations/state.json", json.dumps({"checked": number % 2 == 0})
    yield f"tags/tag-{number % 10}", ""


def manifest(items: int) -> dict[str, Any]:
    """Return a manifest of files with names of a usual length."""
    paths = (f"run_{n // 1000:03}/sample_{n:07}_R1.fastq.gz" for n in range(items))
    return {
        "dtoolcore_version": dtoolcore.__version__,
        "hash_function": "md5sum_hexdigest",
        "items": {
            hashlib.sha1(path.encode()).hexdigest(): {
                "hash": hashlib.md5(path.encode()).hexdigest(),
                "relpath": path,
                "size_in_bytes": 1_000_000 + len(path),
                "utc_timestamp": 1_500_000_000.125,
            }
            for path in paths
        },
    }


def on_disk(folder: Path, numbers: Iterable[int], items: int = _ITEMS) -> None:
    """Write datasets into a folder, long ago as the times of its files say."""
    for number in numbers:
        dataset = folder / metadata(number)["name"]
        for name, text in contents(number, items):
            place = dataset if name == "README.yml" else dataset / ".dtool"
            path = place / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


def in_bucket(client: Any, bucket: str, numbers: Iterable[int]) -> None:
    """Put datasets into a bucket.

    :param client: of boto3, for S3
    """

    def put(number: int) -> None:
        admin = metadata(number)
        as_text = {key: str(value) for key, value in admin.items()}
        client.put_object(Bucket=bucket, Key=f"dtool-{admin['uuid']}", Body=b"")
        for name, text in contents(number):
            more = {"Metadata": as_text} if name == "dtool" else {}
            key = f"{admin['uuid']}/{name}"
            client.put_object(Bucket=bucket, Key=key, Body=text.encode(), **more)
        for identifier in manifest(_ITEMS)["items"]:
            key = f"{admin['uuid']}/data/{identifier}"
            client.put_object(Bucket=bucket, Key=key, Body=os.urandom(8))

    with ThreadPoolExecutor(_WRITERS) as pool:
        for _done in pool.map(put, numbers):
            pass
