"""The embedded retrieve plugin: contents in a table of the server's own database."""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from sqlalchemy import bindparam, delete, insert, select
from sqlalchemy.exc import SQLAlchemyError

from ...errors import StoreUnavailableError, UnknownURIError
from ...extensions import sql_db
from ...prepared import Prepared
from ...sql_models import Dataset
from ..interfaces import DatasetInfo, GroupingABC, RetrieveABC
from ..packing import pack_json, pack_text, unpack_json, unpack_text
from .tables import (
    CONTENT_ROW,
    dataset_content,
    find_dataset_id,
    find_dataset_ids,
    not_new,
)

# Made once: they are executed for every dataset that is registered or read.
_FORGET = Prepared(
    delete(dataset_content).where(
        dataset_content.c.dataset_id == bindparam("forgotten_id")
    )
)
_KEEP = Prepared(
    insert(dataset_content).values(
        {column.name: bindparam(column.name) for column in dataset_content.c}
    )
)
_PARTS = Prepared(
    select(dataset_content.c.content)
    .join(Dataset.__table__)
    .where(
        Dataset.__table__.c.uri == bindparam("uri"),
        dataset_content.c.kind == bindparam("kind"),
    )
    .order_by(dataset_content.c.part)
)


class SQLRetrieve(GroupingABC, RetrieveABC):
    """Keeps README, manifest and annotations, compressed, beside the dataset row."""

    def prepare_dataset(self, dataset_info: DatasetInfo) -> dict[str, bytes]:
        """Return the contents of a dataset, compressed.

        :raises ValidationError: where JSON cannot hold what is in it
        """
        return {
            "readme": pack_text(dataset_info.get("readme") or ""),
            "manifest": pack_json(dataset_info.get("manifest") or {}),
            "annotations": pack_json(dataset_info.get("annotations") or {}),
        }

    def register_prepared(self, datasets: Mapping[str, dict[str, bytes]]) -> None:
        """Keep the contents of datasets whose rows are in the database.

        :raises UnknownURIError: if the row of one is not, not even flushed
        """
        ids = find_dataset_ids(datasets)
        _FORGET.run([{"forgotten_id": ids[uri]} for uri in not_new(datasets)])
        # The drivers make no statement of them that is longer than databases take.
        _KEEP.run(
            [
                row
                for uri, contents in datasets.items()
                for row in _rows_of(ids[uri], contents)
            ]
        )

    def delete_dataset(self, uri: str) -> None:
        """Forget the contents of a dataset, best before its row goes."""
        with suppress(UnknownURIError):
            # By its id: to find it in the same statement MariaDB would lock others.
            dataset_id = find_dataset_id(uri)
            _FORGET.run([{"forgotten_id": dataset_id}])

    def get_readme(self, uri: str) -> str:
        """Return a README as it was registered.

        :raises UnknownURIError: if there is no dataset at this URI
        """
        return unpack_text(_stored(uri, "readme"))

    def get_manifest(self, uri: str) -> dict[str, Any]:
        """Return a manifest as a dictionary.

        :raises UnknownURIError: if there is no dataset at this URI
        """
        return json.loads(self.get_manifest_json(uri))

    def get_annotations(self, uri: str) -> dict[str, Any]:
        """Return annotations as a dictionary.

        :raises UnknownURIError: if there is no dataset at this URI
        """
        return json.loads(self.get_annotations_json(uri))

    def get_manifest_json(self, uri: str) -> bytes:
        """Return a manifest as JSON, to be sent on without being parsed.

        :raises UnknownURIError: if there is no dataset at this URI
        """
        return unpack_json(_stored(uri, "manifest"))

    def get_annotations_json(self, uri: str) -> bytes:
        """Return annotations as JSON, to be sent on without being parsed.

        :raises UnknownURIError: if there is no dataset at this URI
        """
        return unpack_json(_stored(uri, "annotations"))

    def check_health(self) -> None:
        """Return if the contents can be read.

        :raises StoreUnavailableError: if not
        """
        try:
            sql_db.session.execute(select(dataset_content.c.dataset_id).limit(1))
        except SQLAlchemyError as error:
            sql_db.session.rollback()
            raise StoreUnavailableError(
                f"the datasets' contents cannot be read: {error}"
            ) from error


def _rows_of(dataset_id: int, contents: dict[str, bytes]) -> Iterator[dict[str, Any]]:
    """Yield the rows of a dataset's contents, each no larger than databases take."""
    for kind, packed in contents.items():
        for part, start in enumerate(range(0, len(packed), CONTENT_ROW)):
            yield {
                "dataset_id": dataset_id,
                "kind": kind,
                "part": part,
                "content": packed[start : start + CONTENT_ROW],
            }


def _stored(uri: str, kind: str) -> bytes:
    parts = _PARTS.all({"uri": uri, "kind": kind})
    if not parts:
        raise UnknownURIError(f"no dataset at {uri}")
    return b"".join(part for (part,) in parts)
