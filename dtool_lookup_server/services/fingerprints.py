"""What datasets looked like in their storage when they were registered from it.

A fingerprint (see storages) is kept with the digest of what was registered from what
it stands for, by the same transaction. It counts while the dataset's row has that
digest. So whoever registers or edits a dataset in another way need not know of it, and
other plugins, whose names are a part of the digest, make it worthless.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sqlalchemy import bindparam, delete, insert, select

from ..database import transactional
from ..extensions import sql_db
from ..sql_models import Dataset, dataset_fingerprint
from ..storages import Found
from .base_uris import normalised_uri
from .digests import plugins_digest

_DATASET, _KEPT = Dataset.__table__.c, dataset_fingerprint.c
# Made once: they are executed for every few hundred datasets.
_FINGERPRINTS = (
    select(_DATASET.uri, _KEPT.fingerprint, _DATASET.digest)
    .join_from(Dataset.__table__, dataset_fingerprint)
    .where(
        _DATASET.uri.in_(bindparam("uris", expanding=True)),
        _KEPT.digest == _DATASET.digest,
    )
)
_DIGESTS = select(_DATASET.uri, _DATASET.id, _DATASET.digest).where(
    _DATASET.uri.in_(bindparam("uris", expanding=True))
)
_FORGET = delete(dataset_fingerprint).where(
    _KEPT.dataset_id.in_(bindparam("ids", expanding=True))
)


class Seen(NamedTuple):
    """What was read of a dataset.

    :param fingerprint: from before it was read
    :param digest: as its row has it, if that is registered
    """

    fingerprint: str
    digest: str


def unchanged(found: Iterable[Found]) -> set[Found]:
    """Return the datasets that need not be read: what they hold is registered.

    :param found: a few hundred at most
    """
    uris = {normalised_uri(item.uri): item for item in found if item.fingerprint}
    rows = sql_db.session.execute(_FINGERPRINTS, {"uris": list(uris)}).all()
    sql_db.session.rollback()
    plugins = plugins_digest()
    return {
        uris[row.uri]
        for row in rows
        if row.fingerprint == uris[row.uri].fingerprint
        and row.digest.startswith(plugins)
    }


def digests(uris: Iterable[str]) -> dict[str, str | None]:
    """Return the digest of each dataset that is registered, by URI.

    :param uris: in their one spelling, a few hundred at most
    """
    rows = sql_db.session.execute(_DIGESTS, {"uris": list(uris)})
    return {row.uri: row.digest for row in rows}


@transactional
def keep(seen: Mapping[str, Seen]) -> None:
    """Keep the fingerprints of datasets whose rows say what was read.

    :param seen: by URI in its one spelling, a few hundred at most
    """
    rows = sql_db.session.execute(_DIGESTS, {"uris": list(seen)})
    kept = [
        {"dataset_id": row.id, **seen[row.uri]._asdict()}
        for row in rows
        if row.digest == seen[row.uri].digest
    ]
    if kept:
        ids = [row["dataset_id"] for row in kept]
        sql_db.session.execute(_FORGET, {"ids": ids})
        sql_db.session.execute(insert(dataset_fingerprint), kept)
