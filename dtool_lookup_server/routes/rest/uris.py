"""/uris and /uuids: find, show, register and forget datasets."""

from functools import partial
from typing import Any

from flask import Response, jsonify

from ...auth import registered_user
from ...errors import ValidationError
from ...pagination import Listing
from ...schemas import DatasetRowSchema, RegisterDatasetSchema
from ...services import base_uris, content, datasets, facets, registering, timeline
from ...services import search as searching
from ...services import summary as summarising
from ...services.users import ActingUser
from ..blueprint import Blueprint, handed_over
from ..conditional import unless_changed
from ..understood import tells_understood
from .export import exports
from .paging import SortedPage, SortSchema
from .schemas import (
    AddressQuerySchema,
    FacetedSummarySchema,
    FacetsSchema,
    FindSchema,
    FoundDatasetSchema,
    MonthSchema,
    QuerySchema,
)

bp = Blueprint("uris", __name__, url_prefix="/uris")
uuids_bp = Blueprint("uuids", __name__, url_prefix="/uuids")

Query = dict[str, Any]
Paging = dict[str, Any]
Facets = dict[str, Any]


@bp.get("")
@registered_user
@bp.refuses(422, 503)
@bp.arguments(AddressQuerySchema, location="query")
@bp.arguments(FindSchema, location="query")
@exports
@bp.response(200, FoundDatasetSchema(many=True))
@bp.paginate(SortedPage)
@tells_understood
def find_datasets(user: ActingUser, query: Query, paging: Paging) -> Listing:
    """Find datasets; every key may be repeated, but for free_text."""
    return _found(user, query, paging)


@bp.post("")
@registered_user
@bp.refuses(400, 422, 503)
@bp.arguments(QuerySchema)
@bp.arguments(FindSchema, location="query")
@exports
@bp.response(200, FoundDatasetSchema(many=True))
@bp.paginate(SortedPage)
@tells_understood
def query_datasets(user: ActingUser, query: Query, paging: Paging) -> Listing:
    """Find datasets, with the query as JSON."""
    return _found(user, query, paging)


def _found(user: ActingUser, query: Query, paging: Paging) -> Listing:
    listing = searching.search_sorted(user, query, paging.get("sort"))
    if paging.get("highlight"):
        listing.finish = partial(searching.highlighted, query)
    return listing


@bp.get("/summary")
@registered_user
@bp.refuses(422, 503)
@bp.arguments(AddressQuerySchema, location="query")
@bp.arguments(FacetsSchema, location="query")
@bp.response(200, FacetedSummarySchema)
@tells_understood
def summarise_found(user: ActingUser, query: Query, asked: Facets) -> dict[str, Any]:
    """Summarise the datasets that a query finds, with facets where asked for."""
    return {**summarising.summary_of_query(user, query), **_facets(user, query, asked)}


@bp.post("/summary")
@registered_user
@bp.refuses(400, 422, 503)
@bp.arguments(QuerySchema)
@bp.arguments(FacetsSchema, location="query")
@bp.response(200, FacetedSummarySchema)
@tells_understood
def summarise_query(user: ActingUser, query: Query, asked: Facets) -> dict[str, Any]:
    """Summarise the datasets that a query finds, with the query as JSON."""
    return {**summarising.summary_of_query(user, query), **_facets(user, query, asked)}


def _facets(user: ActingUser, query: Query, asked: Facets) -> dict[str, Any]:
    return {"facets": facets.facets(user, query, **asked)} if asked else {}


@bp.post("/timeline")
@registered_user
@bp.refuses(400, 422, 503)
@bp.arguments(QuerySchema)
@bp.response(200, MonthSchema(many=True))
@tells_understood
def show_timeline(user: ActingUser, query: Query) -> list[dict[str, Any]]:
    """Count the datasets that a query finds by the month they were frozen in."""
    return timeline.timeline(user, query)


@bp.get("/<uri:uri>")
@registered_user
@bp.refuses(403, 404)
@bp.response(200, DatasetRowSchema)
def show_dataset(user: ActingUser, uri: str) -> dict[str, Any]:
    """Show a dataset."""
    return content.dataset(user, uri)


@bp.put("/<uri:uri>")
@registered_user
@unless_changed(show_dataset)
@bp.refuses(400, 403, 412, 413, 422, 503)
@bp.arguments(RegisterDatasetSchema)
@bp.alt_response(200, schema={"type": "string"}, description="Replaced", success=True)
@bp.alt_response(201, schema={"type": "string"}, description="New", success=True)
def put_dataset(user: ActingUser, info: dict[str, Any], uri: str) -> Any:
    """Register a dataset, or replace what is registered of it."""
    sent = info.get("uri")
    if sent is not None and base_uris.normalised_uri(sent) != (
        base_uris.normalised_uri(uri)
    ):
        raise ValidationError("uri is not that of the path")
    return jsonify(""), 201 if registering.put(user, handed_over(info)) else 200


@bp.delete("/<uri:uri>")
@registered_user
@unless_changed(show_dataset)
@bp.refuses(403, 412, 503)
@bp.alt_response(200, schema={"type": "string"}, description="Gone", success=True)
def delete_dataset(user: ActingUser, uri: str) -> Response:
    """Forget a dataset; what is in the storage stays."""
    registering.forget_as(user, uri)
    return jsonify("")


@uuids_bp.get("/<uuid>")
@registered_user
@uuids_bp.refuses(422)
@uuids_bp.arguments(SortSchema, location="query")
@uuids_bp.response(200, DatasetRowSchema(many=True))
@uuids_bp.paginate(SortedPage)
def look_up_uuid(user: ActingUser, paging: Paging, uuid: str) -> Listing:
    """List the places where a dataset is stored."""
    return datasets.sorted_listing(datasets.of_uuid(user, uuid), paging.get("sort"))
