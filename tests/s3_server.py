"""An S3 on this machine, moto's, that dtool can read and write."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import boto3
import pytest
from dtool_s3.storagebroker import S3StorageBroker
from moto.server import ThreadedMotoServer

_SECRET = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}


@contextmanager
def s3_server() -> Iterator[str]:
    """Run a server, and give its address."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@contextmanager
def bucket_at(endpoint: str, name: str) -> Iterator[Any]:
    """Make a bucket that dtool finds by its base URI, and remove it in the end.

    dtool-s3 keeps its clients meanwhile, for each thread and endpoint: it would make
    nine for whatever is done with a dataset.
    """
    s3 = boto3.resource("s3", endpoint_url=endpoint, region_name="us-east-1", **_SECRET)
    bucket = s3.create_bucket(Bucket=name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(f"DTOOL_S3_ENDPOINT_{name}", endpoint)
        patch.setenv(f"DTOOL_S3_ACCESS_KEY_ID_{name}", "a")
        patch.setenv(f"DTOOL_S3_SECRET_ACCESS_KEY_{name}", "b")
        make = S3StorageBroker._get_resource_and_client

        @cache
        def kept(_thread: int, _endpoint: str) -> Any:
            return make(name)

        def clients(_class: type, bucket_name: str) -> Any:
            address = os.environ[f"DTOOL_S3_ENDPOINT_{bucket_name}"]
            return kept(threading.get_ident(), address)

        patch.setattr(S3StorageBroker, "_get_resource_and_client", classmethod(clients))
        yield bucket
    bucket.objects.all().delete()
    bucket.delete()
