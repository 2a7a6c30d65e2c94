"""What the blueprints of the API share: reading JSON strictly, and paging."""

import json
from typing import Any, NoReturn

from flask import Request, abort
from flask_smorest import Blueprint as SmorestBlueprint
from flask_smorest.pagination import Page, PaginationParameters
from webargs.flaskparser import FlaskParser

from ..pagination import Listing


class StrictParser(FlaskParser):
    """Reads JSON as its standard has it (RFC 8259): no NaN, no endless nesting."""

    def _raw_load_json(self, req: Request) -> Any:
        try:
            return json.loads(req.get_data(cache=True), parse_constant=_refuse)
        except RecursionError as error:
            raise ValueError("nested too deeply") from error


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


class Blueprint(SmorestBlueprint):
    """A blueprint of the API."""

    ARGUMENTS_PARSER = StrictParser()


class ListingPage(Page):
    """One page of a listing, for Blueprint.paginate. Past the end it is empty."""

    def __init__(self, listing: Listing, page_params: PaginationParameters):
        # The page first: what counts a listing may learn the total from it.
        self._items = listing.page(page_params.first_item, page_params.page_size)
        super().__init__(listing, page_params)

    @property
    def items(self) -> list[dict[str, Any]]:
        """The items of the page."""
        return self._items

    @property
    def item_count(self) -> int:
        """The number of items of all pages."""
        return self.collection.total()


class StrictListingPage(ListingPage):
    """One page of a listing; past the end it is 404, as on 0.18's admin routes."""

    def __init__(self, listing: Listing, page_params: PaginationParameters):
        super().__init__(listing, page_params)
        if not self._items and page_params.page > 1:
            abort(404)
