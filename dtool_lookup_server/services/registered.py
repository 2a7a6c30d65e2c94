"""Registered datasets as dataset infos, put together from SQL and the plugins."""

from contextlib import suppress
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select

from ..errors import UnknownURIError
from ..extensions import sql_db
from ..plugins.interfaces import DatasetInfo
from ..plugins.kept_beside import reader
from ..plugins.registry import in_use
from ..sql_models import Dataset
from . import datasets
from .dataset_info import checked


def lock(uri: str) -> Dataset:
    """Return the row of a dataset, which nobody else changes until the commit.

    :param uri: in its one spelling
    :raises UnknownURIError: if it is not registered
    """
    row = sql_db.session.scalar(
        select(Dataset)
        .where(Dataset.uri == uri)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if row is None:
        raise UnknownURIError(f"Dataset '{uri}' not registered")
    return row


def info_of(row: Dataset) -> DatasetInfo:
    """Return the dataset info of a registered dataset, as it was registered.

    :raises UnknownURIError: if the retrieve plugin does not have it
    :raises ValidationError: for a dataset of 0.18 that could not be registered today
    """
    retrieve = reader()
    known = datasets.fetch(row.uri)
    info = {
        **{key: known[key] for key in known if not key.startswith("uploaded_")},
        "readme": retrieve.get_readme(row.uri),
        "manifest": retrieve.get_manifest(row.uri),
        "annotations": retrieve.get_annotations(row.uri),
    }
    return _completed(info) if is_of_0_18(row) else info


def is_of_0_18(row: Dataset | Row[*tuple[Any, ...]]) -> bool:
    """Return whether a row was written by 0.18, which had no columns for all."""
    return row.type is None


def _completed(info: DatasetInfo) -> DatasetInfo:
    """Return a dataset info with what SQL did not hold in 0.18."""
    version = info["manifest"].get("dtoolcore_version")
    return checked({**info, "tags": _kept_tags(info), "dtoolcore_version": version})


def _kept_tags(info: DatasetInfo) -> list[str]:
    plugins = in_use()
    if get_tags := getattr(plugins.retrieve, "get_tags", None):
        with suppress(UnknownURIError):
            tags: list[str] = get_tags(info["uri"])
            return tags
    # 0.18's clients registered UUIDs as text, 0.18 itself as what they stand for.
    query: dict[str, Any] = {
        "uuids": [info["uuid"], UUID(info["uuid"])],
        "base_uris": [info["base_uri"]],
    }
    rows = [row for row in plugins.search.search(query) if row["uri"] == info["uri"]]
    return next((row["tags"] for row in rows if row.get("tags")), [])
