"""What the blueprints of the API share: reading JSON strictly, and paging."""

import functools
import json
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn

from flask import Request, Response, abort, current_app, jsonify, request
from flask_smorest import Blueprint as SmorestBlueprint
from flask_smorest.error_handler import ErrorSchema
from flask_smorest.pagination import Page, PaginationParameters
from marshmallow import fields, validate
from webargs import missing
from webargs.flaskparser import FlaskParser

from ..errors import InvalidFieldError, ValidationError
from ..pagination import Listing
from ..services.dataset_rows import AnsweredListing

View = Callable[..., Any]

# marshmallow's name for all of a body.
_WHOLE = "_schema"

#: The type of what is JSON already.
JSON = "application/json"


def _refuse(constant: str) -> NoReturn:
    raise json.JSONDecodeError(f"{constant} is not JSON", constant, 0)


_DECODER = json.JSONDecoder(parse_constant=_refuse)


def loads(data: bytes) -> Any:
    """Return what JSON in UTF-8 stands for.

    :raises json.JSONDecodeError: where it is none, or too long to be read
    :raises InvalidFieldError: where it is nested too deep; names the field
    """
    deepest = current_app.config["MAX_JSON_DEPTH"]
    try:
        text = data.decode("utf-8")
        # Most have fewer brackets, in texts too, than may stand within each other.
        is_flat = data.count(b"{") + data.count(b"[") <= deepest
        # A manifest has tens of megabytes: where nobody else needs them, they go.
        del data
        value = _DECODER.decode(text)
        del text
    except json.JSONDecodeError:
        raise
    except RecursionError:
        raise _too_deep({_WHOLE: [_message(deepest)]}) from None
    except ValueError as error:
        # UnicodeDecodeError too, and the digits of an endless integer.
        raise json.JSONDecodeError(type(error).__name__, "?", 0) from error
    if not is_flat and _is_deeper(value, deepest):
        raise _too_deep(_named(value, deepest, _message(deepest)))
    return value


def _is_deeper(value: Any, levels: int) -> bool:
    """Return whether lists and objects are nested deeper; a level at a time."""
    level = [value] if isinstance(value, dict | list) else []
    while level and levels:
        levels -= 1
        level = [
            item
            for outer in level
            for item in (outer.values() if type(outer) is dict else outer)
            if type(item) is dict or type(item) is list
        ]
    return bool(level)


def _named(value: Any, levels: int, message: str) -> dict[str, Any]:
    """Return the field that is nested too deep, with what is wrong with it."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        if _is_deeper(item, levels - 1):
            # Of a list of objects, the field of the object.
            within = isinstance(value, list) and isinstance(item, dict)
            inner = _named(item, levels - 1, message) if within else None
            return {str(key): inner or [message]}
    return {}


def _message(levels: int) -> str:
    return f"Nested deeper than {levels} levels."


def _too_deep(errors: dict[str, Any]) -> InvalidFieldError:
    error = InvalidFieldError(_WHOLE, "Nested too deep.")
    error.errors = errors
    return error


def handed_over(values: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of a dictionary, and empty it.

    Whoever called the view holds on to its arguments until it has answered: of what is
    large that would be one more copy.
    """
    copied = {**values}
    values.clear()
    return copied


def loads_body() -> Any:
    """Return the JSON of the request's body, whatever type it says that it is of.

    :raises ValidationError: where it is none
    """
    try:
        return loads(request.get_data())
    except json.JSONDecodeError:
        raise ValidationError("Not JSON") from None


class Parser(FlaskParser):
    """Makes a schema once, and not for every request."""

    def _get_schema(self, argmap: Any, req: Request) -> Any:
        if isinstance(argmap, type):
            return _instance_of(argmap)
        return super()._get_schema(argmap, req)


class StrictParser(Parser):
    """Reads JSON as its standard has it (RFC 8259): no NaN, no endless nesting."""

    def _raw_load_json(self, req: Request) -> Any:
        if not req.is_json:
            return missing
        # Once: nobody else reads it.
        return loads(req.get_data(cache=False))


class PagingParser(Parser):
    """Reads page and page_size, each query string of a path once."""

    def parse(self, argmap: Any, req: Any = None, **kwargs: Any) -> Any:
        """Return the parameters, which are the request's own."""
        asked = (argmap, req.query_string, current_app.config["MAX_PAGE_SIZE"])
        remembered = _pages_read.get(asked)
        if remembered is None:
            read = super().parse(argmap, req, **kwargs)
            if len(_pages_read) >= _MOST_PAGES:
                _pages_read.clear()
            remembered = _pages_read[asked] = (read.page, read.page_size)
        return PaginationParameters(*remembered)

    def _get_schema(self, argmap: Any, req: Request) -> Any:
        schema = super()._get_schema(argmap, req)
        # The class is documented, with the setting's default.
        schema.fields["page_size"].validators = [PageSizes()]
        return schema


_pages_read: dict[tuple[Any, bytes, int], tuple[int, int]] = {}
_MOST_PAGES = 1_000


class PageSizes(validate.Range):
    """No larger page than the setting says."""

    def __call__(self, value: Any) -> Any:
        """Return a size that a page may have."""
        return validate.Range(1, current_app.config["MAX_PAGE_SIZE"])(value)


@functools.cache
def _instance_of(schema: Any) -> Any:
    return schema()


def as_json(view: View) -> View:
    """Answer with what a view returns as JSON, which bytes are already."""

    @functools.wraps(view)
    def wrapper(*args: Any, **kwargs: Any) -> Response:
        result = view(*args, **kwargs)
        if isinstance(result, bytes):
            return Response(result, mimetype=JSON)
        return jsonify(result)

    return wrapper


#: In place of the number of items, where nobody has counted them.
UNCOUNTED = -1

#: Why each error is answered, for the documentation.
REFUSALS = {
    400: "Not JSON, or a rule of datasets is broken",
    401: "No token, one that does not count, or its user is not registered",
    403: "Not permitted",
    404: "Not there",
    409: "There already, or still in use",
    412: "Changed since it was read",
    413: "Too large",
    415: "Of another type",
    422: "A field is missing, unknown or of the wrong type",
    429: "Too many attempts",
    503: "A store does not answer",
    507: "No room for what is sent",
}


class UnauthorizedSchema(ErrorSchema):
    """An error; what is wrong with a token is told by msg alone."""

    msg = fields.String(metadata={"example": "Token has expired"})


class Blueprint(SmorestBlueprint):
    """A blueprint of the API."""

    ARGUMENTS_PARSER = StrictParser()
    PAGINATION_ARGUMENTS_PARSER = PagingParser()

    def refuses(self, *statuses: int) -> Callable[[View], View]:
        """Document the errors that a view answers with, and 401."""

        def decorator(view: View) -> View:
            for status in sorted({401, *statuses}, reverse=True):
                about = REFUSALS[status]
                schema = UnauthorizedSchema if status == 401 else ErrorSchema
                view = self.alt_response(status, schema=schema, description=about)(view)
            return view

        return decorator

    def _set_pagination_metadata(
        self, page_params: PaginationParameters, result: Any, headers: Any
    ) -> tuple[Any, Any]:
        if page_params.item_count == UNCOUNTED:
            return result, headers
        metadata = pagination(
            page_params.page, page_params.page_size, page_params.item_count
        )
        told = {self.PAGINATION_HEADER_NAME: current_app.json.dumps(metadata)}
        return result, {**(headers or {}), **told}

    def register_views_in_doc(
        self, api: Any, app: Any, spec: Any, *, name: str, parameters: Any
    ) -> None:
        """Have the views described when somebody asks for it: see api_docs.API."""
        describe = super().register_views_in_doc
        api.later(partial(describe, api, app, spec, name=name, parameters=parameters))

    def _store_endpoint_docs(
        self, endpoint: str, obj: Any, parameters: Any, tags: Any, **options: Any
    ) -> None:
        super()._store_endpoint_docs(endpoint, obj, parameters, tags, **options)
        methods = options.get("methods", ["GET"])
        for method in methods:
            name = f"{self.name}_{obj.__name__}"
            if len(methods) > 1:
                name = f"{name}_by_{method.lower()}"
            documented = self._docs[endpoint][method.lower()]
            documented.setdefault("manual_doc", {}).setdefault("operationId", name)


def pagination(page: int, page_size: int, item_count: int) -> dict[str, int]:
    """Return what X-Pagination tells of a page.

    As flask-smorest has it, without a new schema for every answer.
    """
    pages = -(-item_count // page_size)
    if not pages:
        return {"total": 0, "total_pages": 0}
    metadata = {
        "total": item_count,
        "total_pages": pages,
        "first_page": 1,
        "last_page": pages,
    }
    if page <= pages:
        metadata["page"] = page
        if page > 1:
            metadata["previous_page"] = page - 1
        if page < pages:
            metadata["next_page"] = page + 1
    return metadata


class ListingPage(Page):
    """One page of a listing, for Blueprint.paginate. Past the end it is empty."""

    def __init__(self, listing: Listing, page_params: PaginationParameters):
        page = listing.page
        if isinstance(listing, AnsweredListing) and listing.finish is None:
            page = listing.answered
        # The page first: what counts a listing may learn the total from it.
        self._items = page(page_params.first_item, page_params.page_size)
        super().__init__(listing, page_params)

    @property
    def items(self) -> list[dict[str, Any]]:
        """The items of the page."""
        finish = self.collection.finish
        return finish(self._items) if finish else self._items

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
