"""/notify: events of S3 and MinIO register and forget datasets at once."""

import base64
import json

import boto3
import dtoolcore
import pytest
from moto.server import ThreadedMotoServer

from dtool_lookup_server.services import audit
from dtool_lookup_server.utils import list_datasets_by_user, register_users
from tests.conftest import add_people, open_app
from tests.corpus import SNOW_WHITE, uri_of
from tests.rest.test_editing import permit

BUCKET = "events"
BASE_URI = f"s3://{BUCKET}"
SECRET = "open-sesame"
KNOWN = {"Authorization": f"Bearer {SECRET}"}
UUID = "7b4a3b5e-6f0f-4c27-9d53-2b0ce3a1f0aa"

# These are boto3's.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def endpoint():
    """The address of an S3, with queues, on this machine."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def cloud(endpoint, monkeypatch):
    """Make clients of the cloud: cloud("s3")."""
    for name, value in (
        ("DTOOL_S3_ENDPOINT", endpoint),
        ("DTOOL_S3_ACCESS_KEY_ID", "a"),
        ("DTOOL_S3_SECRET_ACCESS_KEY", "b"),
    ):
        monkeypatch.setenv(f"{name}_{BUCKET}", value)
    secret = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
    return lambda name: boto3.client(
        name, endpoint_url=endpoint, region_name="us-east-1", **secret
    )


@pytest.fixture
def bucket(cloud, endpoint):
    """A bucket that sends its events to a queue: take the events out of it."""
    s3, sqs = cloud("s3"), cloud("sqs")
    queue = sqs.create_queue(QueueName="events")["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    s3.create_bucket(Bucket=BUCKET)
    events = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]
    target = {"QueueArn": attributes["Attributes"]["QueueArn"], "Events": events}
    s3.put_bucket_notification_configuration(
        Bucket=BUCKET, NotificationConfiguration={"QueueConfigurations": [target]}
    )

    def take():
        taken = []
        while messages := sqs.receive_message(
            QueueUrl=queue, MaxNumberOfMessages=10
        ).get("Messages"):
            for message in messages:
                taken.append(json.loads(message["Body"]))
                sqs.delete_message(
                    QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"]
                )
        return taken

    yield take
    resource = boto3.resource(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="a",
        aws_secret_access_key="b",
    )
    resource.Bucket(BUCKET).objects.all().delete()
    resource.Bucket(BUCKET).delete()
    sqs.delete_queue(QueueUrl=queue)


@pytest.fixture
def config(config):
    """Settings with a secret that senders of events know."""
    return config | {"NOTIFY_SECRET": SECRET}


@pytest.fixture
def notify(app, client):
    """Send an event: notify(event, headers) -> the response."""
    return lambda event, headers=KNOWN: client.post(
        "/notify", json=event, headers=headers
    )


@pytest.fixture
def registered(app):
    """The names of the datasets that are registered in the bucket."""

    def names():
        with app.app_context():
            return [row["name"] for row in list_datasets_by_user("grumpy")]

    return names


@pytest.fixture
def bucket_is_registered(app, client, bucket):
    """Register the bucket as a base URI that grumpy may search."""
    permit(app, BASE_URI)


def make_dataset(name="fruit"):
    with dtoolcore.DataSetCreator(name, BASE_URI, "---\na: 1\n", "queen") as new:
        new.put_tag("ripe")
    return dtoolcore.DataSet.from_uri(new.uri)


# What a bucket sends


def test_a_dataset_is_registered_when_it_is_frozen(
    bucket, bucket_is_registered, notify, registered
):
    make_dataset()
    answers = [notify(event) for event in bucket()]
    assert {answer.status_code for answer in answers} == {200}
    assert sum(answer.json["registered"] for answer in answers) == 1
    assert registered() == ["fruit"]


def test_the_audit_trail_says_that_a_storage_did_it(
    app, bucket, bucket_is_registered, notify
):
    make_dataset()
    for event in bucket():
        notify(event)
    with app.app_context():
        register_users([{"username": "doc"}])
        newest = list(audit.newest(audit.listing(), 2))
    assert [(entry["action"], entry["source"]) for entry in newest] == [
        ("user.add", "command line"),
        ("dataset.register", "event"),
    ]


def test_a_dataset_is_forgotten_when_it_is_removed(
    bucket, bucket_is_registered, notify, registered, cloud
):
    dataset = make_dataset()
    for event in bucket():
        notify(event)
    s3 = cloud("s3")
    for item in s3.list_objects_v2(Bucket=BUCKET)["Contents"]:
        s3.delete_object(Bucket=BUCKET, Key=item["Key"])
    counts = [notify(event).json["forgotten"] for event in bucket()]
    assert sum(counts) == 1, dataset.uri
    assert registered() == []


def test_a_dataset_that_is_not_frozen_is_not_registered(
    bucket, bucket_is_registered, notify, registered
):
    creator = dtoolcore.create_proto_dataset("fruit", BASE_URI, "---\na: 1\n", "queen")
    creator.create()
    answers = [notify(event).json for event in bucket()]
    assert sum(sum(answer.values()) for answer in answers) == 0
    assert registered() == []


def test_a_bucket_that_is_no_base_uri_is_ignored(bucket, notify):
    make_dataset()
    answers = [notify(event) for event in bucket()]
    assert {answer.status_code for answer in answers} == {200}
    assert sum(answer.json["registered"] for answer in answers) == 0
    assert sum(answer.json["ignored"] for answer in answers) > 0


# Bodies as they are documented


def event_of(key, name="ObjectCreated:Put", bucket=BUCKET):
    """Return an event as the manual of S3 has it."""
    return {
        "Records": [
            {
                "eventVersion": "2.1",
                "eventSource": "aws:s3",
                "awsRegion": "us-west-2",
                "eventTime": "1970-01-01T00:00:00.000Z",
                "eventName": name,
                "userIdentity": {"principalId": "AIDAJDPLRKLG7UEXAMPLE"},
                "requestParameters": {"sourceIPAddress": "172.16.0.1"},
                "responseElements": {"x-amz-request-id": "C3D13FE58DE4C810"},
                "s3": {
                    "s3SchemaVersion": "1.0",
                    "configurationId": "testConfigRule",
                    "bucket": {
                        "name": bucket,
                        "ownerIdentity": {"principalId": "A3NL1KOZZKExample"},
                        "arn": f"arn:aws:s3:::{bucket}",
                    },
                    "object": {"key": key, "size": 1024, "eTag": "d41d8cd98f00b204"},
                },
            }
        ]
    }


def as_minio(event):
    """Return an event as MinIO posts it."""
    [record] = event["Records"]
    record["eventName"] = f"s3:{record['eventName']}"
    place = record["s3"]
    key = f"{place['bucket']['name']}/{place['object']['key']}"
    return {"EventName": record["eventName"], "Key": key, **event}


def as_sns(event):
    """Return an event in the envelope of SNS."""
    return {"Type": "Notification", "Message": json.dumps(event)}


@pytest.mark.parametrize("wrapped", [dict, as_minio, as_sns])
@pytest.mark.parametrize(
    "key", ["{}/dtool", "dtool-{}", "{}/tags/ripe", "a+prefix/{}/manifest.json"]
)
def test_the_key_of_an_object_names_a_dataset(
    bucket_is_registered, notify, registered, wrapped, key
):
    dataset = make_dataset()
    answer = notify(wrapped(event_of(key.format(dataset.uuid)))).json
    assert answer["registered"] == 1
    assert registered() == ["fruit"]


@pytest.mark.parametrize(
    "key", [f"{UUID}/data/{'0' * 40}", "notes.txt", "x/README.yml", f"{UUID}"]
)
def test_other_objects_are_no_datasets(bucket_is_registered, notify, key):
    answer = notify(event_of(key))
    assert answer.status_code == 200
    assert set(answer.json.values()) == {0}


def test_what_is_still_there_is_not_forgotten(bucket_is_registered, notify, registered):
    dataset = make_dataset()
    notify(event_of(f"{dataset.uuid}/dtool"))
    answer = notify(event_of(f"{dataset.uuid}/tags/ripe", "ObjectRemoved:Delete"))
    assert answer.json["forgotten"] == 0
    assert registered() == ["fruit"]


def test_a_storage_that_is_away_makes_nothing_forgotten(
    bucket_is_registered, notify, registered, monkeypatch
):
    dataset = make_dataset()
    notify(event_of(f"{dataset.uuid}/dtool"))
    monkeypatch.setenv(f"DTOOL_S3_ENDPOINT_{BUCKET}", "http://127.0.0.1:9")
    answer = notify(event_of(f"{dataset.uuid}/dtool", "ObjectRemoved:Delete"))
    assert (answer.json["forgotten"], answer.json["failed"]) == (0, 1)
    assert registered() == ["fruit"]


def test_the_test_event_of_s3_is_taken(notify):
    event = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": BUCKET}
    assert notify(event).status_code == 200


@pytest.mark.parametrize(
    "event",
    [
        {},
        [],
        None,
        "x",
        {"Records": {}},
        {"Records": [1]},
        {"Records": [{"eventName": 1, "s3": {}}]},
        {"Type": "Notification", "Message": "{"},
        {"Type": "Notification"},
    ],
)
def test_what_is_no_event_is_refused(notify, event):
    assert notify(event).status_code == 400


def test_what_is_no_json_is_refused(client):
    assert client.post("/notify", data=b"{", headers=KNOWN).status_code == 400


# The secret


def basic(password):
    pair = base64.b64encode(f"any:{password}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


@pytest.mark.parametrize("headers", [KNOWN, basic(SECRET)])
def test_who_knows_the_secret_may_send_events(notify, headers):
    assert notify({"Records": []}, headers).status_code == 200


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer no"}, basic("no"), basic("é")]
)
def test_others_may_not(notify, headers):
    assert notify(event_of(f"{UUID}/dtool"), headers).status_code == 401


def test_a_token_is_not_the_secret(notify, admin):
    assert notify({"Records": []}, admin).status_code == 401


def test_there_are_no_events_unless_asked_for(config, headers):
    with open_app(config | {"NOTIFY_SECRET": None}) as app:
        add_people(app)
        answer = app.test_client().post("/notify", json={"Records": []}, headers=KNOWN)
    assert answer.status_code == 404


def test_an_event_reaches_no_base_uri_of_another_kind(notify, corpus, registered):
    before = registered()
    key = uri_of("apple-harvest").removeprefix(f"{SNOW_WHITE}/")
    answer = notify(event_of(f"{key}/dtool", "ObjectRemoved:Delete", "snow-white"))
    assert answer.json["forgotten"] == 0
    assert registered() == before
