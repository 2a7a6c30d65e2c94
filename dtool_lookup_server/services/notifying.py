"""Events of a storage: datasets are registered and forgotten as they come and go.

The events are those of S3, which MinIO sends too:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
They only say where to look: what is registered is what the storage has.
"""

import hmac
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import unquote_plus

from flask import current_app
from sqlalchemy import select

from ..errors import AuthenticationError, NotificationsOffError, ValidationError
from ..pagination import exists
from ..sql_models import Dataset
from . import audit, base_uris, indexing
from .indexing import FAILED, FORGOTTEN, REGISTERED, UNCHANGED, Outcome
from .registering import forget

#: An event in which nothing is to be done here.
IGNORED = "ignored"

_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"

# What dtool-s3 writes for a dataset, with or without a prefix, but for its items:
# UUID/dtool, UUID/README.yml, UUID/annotations/NAME ... and dtool-UUID.
_DATASET_KEY = re.compile(
    rf"(?:.*/)?(?:dtool-(?P<mark>{_UUID})|(?P<uuid>{_UUID})/(?!data/).+)"
)

_REMOVED = "ObjectRemoved"


def check_secret(secret: str) -> None:
    """Return if this is the secret that senders of events share with the server.

    :raises NotificationsOffError: if this server takes no events
    :raises AuthenticationError: if it is not
    """
    expected = current_app.config["NOTIFY_SECRET"]
    if not expected:
        raise NotificationsOffError("This server takes no events")
    if not hmac.compare_digest(secret.encode(), expected.encode()):
        raise AuthenticationError("Not the secret of the events")


def notice(event: dict[str, Any]) -> dict[str, int]:
    """Register or forget the datasets that an event is about.

    The audit trail says that a storage did it.

    :param event: of S3 or MinIO, or the message of SNS that one is wrapped in
    :returns: how many were registered, unchanged, forgotten or failed, and ignored
        because they are not in a base URI that is registered
    :raises ValidationError: if it is no such event
    """
    audit.come_from_storage()
    counts = Counter(outcome.kind for outcome in _outcomes(_places(_records(event))))
    kinds = (REGISTERED, UNCHANGED, FORGOTTEN, FAILED, IGNORED)
    return {kind: counts[kind] for kind in kinds}


def _records(event: Any) -> list[Any]:
    if isinstance(event, dict) and event.get("Type") == "Notification":
        try:
            event = json.loads(event["Message"])
        except (KeyError, TypeError, ValueError):
            raise ValidationError("No event of S3 in this message") from None
    if isinstance(event, dict) and event.get("Event") == "s3:TestEvent":
        return []
    records = event.get("Records") if isinstance(event, dict) else None
    if not isinstance(records, list):
        raise ValidationError("No event of S3: it has no Records")
    return records


def _places(records: Iterable[Any]) -> dict[tuple[str, str], bool]:
    """Return base URI and URI of each dataset, with whether something was removed."""
    places: dict[tuple[str, str], bool] = {}
    for record in records:
        try:
            name = record["eventName"].removeprefix("s3:")
            bucket = record["s3"]["bucket"]["name"]
            key = unquote_plus(record["s3"]["object"]["key"])
        except (AttributeError, KeyError, TypeError):
            raise ValidationError("No event of S3: a record is incomplete") from None
        if match := _DATASET_KEY.fullmatch(key):
            base_uri = f"s3://{bucket}"
            place = base_uri, f"{base_uri}/{match['mark'] or match['uuid']}"
            removed = name.startswith(_REMOVED)
            places[place] = places.get(place, False) or removed
    return places


def _outcomes(places: dict[tuple[str, str], bool]) -> Iterator[Outcome]:
    for (base_uri, uri), removed in places.items():
        if base_uris.find(base_uri) is None:
            yield Outcome(IGNORED, uri)
            continue
        listing = indexing.only(base_uri, uri)
        if removed and _is_gone(listing, uri):
            if exists(select(Dataset.id).where(Dataset.uri == uri)):
                forget(uri)
                yield Outcome(FORGOTTEN, uri)
            continue
        for outcome in indexing.index(listing):
            if outcome.kind == FAILED:
                current_app.logger.warning("Event: %s could not be registered", uri)
            yield outcome


def _is_gone(listing: indexing.Listing, uri: str) -> bool:
    """Return whether a storage says that a dataset is not there, frozen or not."""
    try:
        return not listing.storage.holds(uri)
    except Exception:
        # Each kind of storage has exceptions of its own: reading fails of them too.
        return False
