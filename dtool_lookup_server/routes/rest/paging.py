"""Lists of the REST API: sorted, by page or by cursor."""

import json
from typing import Any
from urllib.parse import urlencode

from flask import Response, after_this_request, request
from flask_smorest.pagination import PaginationParameters
from marshmallow import Schema, fields

from ...errors import InvalidFieldError
from ...pagination import Listing, SortedListing
from ..blueprint import UNCOUNTED, ListingPage


class SortSchema(Schema):
    """How a list is sorted, and where it goes on."""

    sort = fields.String(
        metadata={
            "description": "Fields to sort by, with - before one for the other"
            " direction",
            "example": "-frozen_at,name",
        }
    )
    after = fields.String(
        metadata={
            "description": "Go on after this cursor, which comes with the header Link;"
            " empty to begin. X-Pagination, which takes counting, is left out then"
        }
    )


class SortedPage(ListingPage):
    """One page of a list, with X-Sort, and with Link where there is a next one."""

    #: Where a list begins that is not asked for by cursor; None for by page.
    first_cursor: str | None = None

    def __init__(self, listing: Listing, page_params: PaginationParameters):
        headers = {"X-Sort": json.dumps({"sort": getattr(listing, "directions", {})})}
        cursor = request.args.get("after", self.first_cursor)
        if cursor is None:
            super().__init__(listing, page_params)
            more = page_params.page * page_params.page_size < self.item_count
        else:
            if not isinstance(listing, SortedListing):
                raise InvalidFieldError("after", "Needs a sort, and SQL to search in.")
            self.collection = listing
            page_params.item_count = UNCOUNTED
            self._items = listing.after(cursor, page_params.page_size)
            more = listing.cursor is not None
        if more:
            headers["Link"] = f'<{_next(listing, page_params)}>; rel="next"'
        after_this_request(lambda response: _with_headers(response, headers))


class CursorPage(SortedPage):
    """One page of a list that grows without end: nobody counts it, and no page number
    finds its way in it."""

    first_cursor = ""


def _with_headers(response: Response, headers: dict[str, str]) -> Response:
    response.headers.update(headers)
    return response


def _next(listing: Listing, page_params: PaginationParameters) -> str:
    """Return the URL of the next page, by cursor where the list has them."""
    arguments: list[tuple[str, Any]] = [
        (name, value)
        for name, value in request.args.items(multi=True)
        if name not in ("page", "after")
    ]
    if cursor := getattr(listing, "cursor", None):
        arguments.append(("after", cursor))
    else:
        arguments.append(("page", page_params.page + 1))
    return f"{request.base_url}?{urlencode(arguments)}"
