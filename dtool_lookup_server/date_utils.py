"""The names of 0.18's date_utils, for plugins and scripts."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from .services import checks


def extract_created_at_as_datetime(admin_metadata: Mapping[str, Any]) -> datetime:
    """Return created_at, or frozen_at where it is missing, as a naive UTC time."""
    if "created_at" not in admin_metadata:
        return extract_frozen_at_as_datetime(admin_metadata)
    return checks.moment("created_at", admin_metadata["created_at"])


def extract_frozen_at_as_datetime(admin_metadata: Mapping[str, Any]) -> datetime:
    """Return frozen_at as a naive UTC time."""
    return checks.moment("frozen_at", admin_metadata["frozen_at"])
