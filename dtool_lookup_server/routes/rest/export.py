"""A whole result in one answer: CSV, JSON lines or JSON-LD, in bounded memory."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import wraps
from itertools import chain
from typing import Any

from flask import Response, request, stream_with_context

from ...schemas import DatasetRowSchema
from ...services import search
from ...services.users import ActingUser

JSON = "application/json"

Row = dict[str, Any]
View = Callable[..., Any]

_SCHEMA = DatasetRowSchema()
_TIMES = ("created_at", "frozen_at", "uploaded_at")
# What makes a spreadsheet take a cell for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def exports(view: View) -> View:
    """Stream every hit of a view's query where Accept asks for another type than JSON.

    The order is that of the sort, by URI where there is none.
    """

    @wraps(view)
    def wrapper(user: ActingUser, query: Row, paging: Row) -> Any:
        wanted = request.accept_mimetypes.best_match([JSON, *WRITERS], JSON)
        if wanted == JSON:
            return view(user, query, paging)
        rows = search.every_hit(user, query, paging.get("sort") or "uri")
        # The first rows now, while an error can still be answered.
        rows = chain([row for row in [next(rows, None)] if row], rows)
        response = Response(stream_with_context(WRITERS[wanted](rows)), mimetype=wanted)
        response.vary.add("Accept")
        return response

    return wrapper


def as_json_lines(rows: Iterator[Row]) -> Iterator[str]:
    """Yield each dataset as JSON, on a line of its own."""
    for row in rows:
        yield json.dumps(_SCHEMA.dump(row)) + "\n"


def as_csv(rows: Iterator[Row]) -> Iterator[str]:
    """Yield a line of names and a line for each dataset (RFC 4180).

    Times are in ISO 8601, tags stand on lines within their cell, and text that a
    spreadsheet would take for a formula has an apostrophe before it.
    """
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(_SCHEMA.fields))
    writer.writeheader()
    for row in rows:
        writer.writerow({key: _cell(key, value) for key, value in _dump(row).items()})
        yield _taken(buffer)
    yield _taken(buffer)


def as_json_ld(rows: Iterator[Row]) -> Iterator[str]:
    """Yield a graph of schema.org's Datasets."""
    before = '{"@context": "https://schema.org", "@graph": ['
    for row in rows:
        yield f"{before}\n{json.dumps(_linked(_dump(row)))}"
        before = ","
    yield "\n]}\n" if before == "," else f"{before}]}}\n"


WRITERS: dict[str, Callable[[Iterator[Row]], Iterator[str]]] = {
    "text/csv": as_csv,
    "application/x-ndjson": as_json_lines,
    "application/ld+json": as_json_ld,
}


def _dump(row: Row) -> Row:
    """Return a row as the API has it, with times as text."""
    dumped = dict(_SCHEMA.dump(row))
    for key in _TIMES:
        if dumped.get(key) is not None:
            moment = datetime.fromtimestamp(dumped[key], UTC)
            dumped[key] = moment.isoformat().replace("+00:00", "Z")
    return dumped


def _cell(key: str, value: Any) -> Any:
    text = "\n".join(value) if isinstance(value, list) else value
    if isinstance(text, str) and text.startswith(_FORMULA):
        return f"'{text}"
    return text


def _taken(buffer: io.StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text


def _linked(row: Row) -> Row:
    download = {"@type": "DataDownload", "contentUrl": row["uri"]}
    if row["size_in_bytes"] is not None:
        download["contentSize"] = f"{row['size_in_bytes']} B"
    return {
        "@type": "Dataset",
        "@id": row["uri"],
        "identifier": row["uuid"],
        "name": row["name"],
        "creator": {"@type": "Person", "name": row["creator_username"]},
        "dateCreated": row["created_at"],
        "dateModified": row["frozen_at"],
        "keywords": row["tags"],
        "includedInDataCatalog": {"@type": "DataCatalog", "url": row["base_uri"]},
        "distribution": download,
    }
