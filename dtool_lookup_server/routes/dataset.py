"""/dataset: list, look up, search, summarise, register and read datasets."""

from typing import Any

from ..auth import registered_user
from ..pagination import Listing
from ..schemas import (
    DatasetRowSchema,
    ManifestSchema,
    RegisterDatasetSchema,
    SearchDatasetSchema,
    SummarySchema,
    URISchema,
)
from ..services import content, datasets, registering
from ..services import search as searching
from ..services import summary as summarising
from ..services.users import ActingUser
from .blueprint import Blueprint, ListingPage, as_json, handed_over
from .understood import tells_understood

bp = Blueprint(
    "dataset",
    __name__,
    url_prefix="/dataset",
    description="Find, register and read datasets",
)


@bp.get("/summary")
@registered_user
@bp.response(200, SummarySchema)
def summary(user: ActingUser) -> dict[str, Any]:
    """Summarise the datasets that you may search."""
    return summarising.summary(user)


@bp.get("/list")
@registered_user
@bp.response(200, DatasetRowSchema(many=True))
@bp.paginate(ListingPage)
def list_datasets(user: ActingUser) -> Listing:
    """List the datasets that you may search."""
    return datasets.list_visible(user)


@bp.get("/lookup/<uuid>")
@registered_user
@bp.response(200, DatasetRowSchema(many=True))
@bp.paginate(ListingPage)
def look_up(user: ActingUser, uuid: str) -> Listing:
    """List the places where a dataset is stored."""
    return datasets.look_up(user, uuid)


@bp.post("/search")
@registered_user
@bp.arguments(SearchDatasetSchema)
@bp.response(200, DatasetRowSchema(many=True))
@bp.paginate(ListingPage)
@tells_understood
def search(user: ActingUser, query: dict[str, Any]) -> Listing:
    """Search for datasets."""
    return searching.search(user, query)


@bp.post("/register")
@registered_user
@bp.arguments(RegisterDatasetSchema)
@bp.response(201, URISchema)
def register(user: ActingUser, dataset_info: dict[str, Any]) -> dict[str, str]:
    """Register a dataset, or replace what is registered of it."""
    return {"uri": registering.register_as(user, handed_over(dataset_info))}


@bp.post("/readme")
@registered_user
@bp.arguments(URISchema)
@bp.alt_response(200, schema={"type": "string"}, description="The README")
@as_json
def readme(user: ActingUser, query: dict[str, str]) -> Any:
    """Read a dataset's README."""
    return content.readme(user, query["uri"])


@bp.post("/manifest")
@registered_user
@bp.arguments(URISchema)
@bp.alt_response(200, schema=ManifestSchema, description="The manifest")
@as_json
def manifest(user: ActingUser, query: dict[str, str]) -> bytes:
    """Read a dataset's manifest."""
    return content.manifest_json(user, query["uri"])


@bp.post("/annotations")
@registered_user
@bp.arguments(URISchema)
@bp.alt_response(200, schema={"type": "object"}, description="The annotations")
@as_json
def annotations(user: ActingUser, query: dict[str, str]) -> bytes:
    """Read a dataset's annotations."""
    return content.annotations_json(user, query["uri"])
