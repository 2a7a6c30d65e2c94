"""Editing a dataset in S3, through dtool-s3."""

import boto3
import dtoolcore
import pytest
from dtool_s3.storagebroker import S3StorageBroker
from moto.server import ThreadedMotoServer

from tests.rest.paths import encoded
from tests.rest.test_editing import permit

BUCKET = "edits"
BASE_URI = f"s3://{BUCKET}"

# These are boto3's.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def endpoint():
    """The address of an S3 on this machine."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(endpoint, monkeypatch):
    """A bucket that dtool can write."""
    secret = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
    s3 = boto3.resource("s3", endpoint_url=endpoint, region_name="us-east-1", **secret)
    bucket = s3.create_bucket(Bucket=BUCKET)
    for name, value in (
        ("DTOOL_S3_ENDPOINT", endpoint),
        ("DTOOL_S3_ACCESS_KEY_ID", "a"),
        ("DTOOL_S3_SECRET_ACCESS_KEY", "b"),
    ):
        monkeypatch.setenv(f"{name}_{BUCKET}", value)
    yield bucket
    bucket.objects.all().delete()
    bucket.delete()


@pytest.fixture
def dataset(app, client, bucket):
    """A dataset in the bucket that is registered."""
    with dtoolcore.DataSetCreator("fruit", BASE_URI, "---\na: 1\n", "queen") as new:
        new.put_annotation("colour", "green")
        new.put_tag("ripe")
    permit(app, BASE_URI)
    result = app.test_cli_runner().invoke(args=["base_uri", "index", BASE_URI])
    assert "Registered" in result.output, result.output
    return new


@pytest.mark.parametrize(
    ("method", "path", "body", "after"),
    [
        ("PUT", "/readmes/{}", {"readme": "---\nä: 2\n"}, None),
        ("PUT", "/tags/{}", {"tags": ["a", "b"]}, None),
        ("POST", "/tags/{}/new", None, {"tags": ["ripe", "new"]}),
        ("DELETE", "/tags/{}/ripe", None, {"tags": []}),
        ("PUT", "/annotations/{}", {"annotations": {"x": [1, None]}}, None),
        ("DELETE", "/annotations/{}/colour", None, {"annotations": {}}),
    ],
)
def test_an_edit_changes_the_bucket_and_the_index(
    client, grumpy, dataset, method, path, body, after
):
    url = path.format(encoded(dataset.uri))
    response = client.open(url, method=method, json=body, headers=grumpy)
    assert response.status_code == 200, response.text
    assert response.json == (after or body)
    root = path.split("/")[1]
    assert client.get(f"/{root}/{encoded(dataset.uri)}", headers=grumpy).json == (
        after or body
    )
    stored = dtoolcore.DataSet.from_uri(dataset.uri)
    shown = {
        "readmes": lambda: {"readme": stored.get_readme_content()},
        "tags": lambda: {"tags": sorted(stored.list_tags(), key="ripe new".find)},
        "annotations": lambda: {
            "annotations": {
                name: stored.get_annotation(name)
                for name in stored.list_annotation_names()
            }
        },
    }
    assert shown[root]() == response.json


def test_a_bucket_that_is_away_is_503(client, grumpy, dataset, monkeypatch):
    monkeypatch.setenv(f"DTOOL_S3_ENDPOINT_{BUCKET}", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    url = f"/tags/{encoded(dataset.uri)}"
    assert client.post(f"{url}/new", headers=grumpy).status_code == 503
    assert client.get(url, headers=grumpy).json == {"tags": ["ripe"]}


def test_a_bucket_that_cannot_be_written_is_503(
    client, grumpy, dataset, bucket, monkeypatch
):
    def refuse(*_args):
        raise PermissionError("AccessDenied")

    monkeypatch.setattr(S3StorageBroker, "put_text", refuse)
    url = f"/readmes/{encoded(dataset.uri)}"
    assert client.put(url, json={"readme": "b: 2"}, headers=grumpy).status_code == 503
    assert client.get(url, headers=grumpy).json == {"readme": "---\na: 1\n"}
