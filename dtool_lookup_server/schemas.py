"""The JSON of requests and answers. Types only: the rules are in the services."""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from flask import current_app
from marshmallow import Schema, ValidationError, fields, post_load, validate

from .config import default_of

#: Most values in one list of what is no query.
LONGEST_LIST = 1000

#: Most annotations of one query, each a subquery.
LONGEST_KEYS = 20

#: In seconds since the epoch.
_YEARS_1_TO_9999 = (-62135596800, 253402300799)


_UUID = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_NUMBER = re.compile(r"\d{1,15}(?:\.\d{1,15})?", re.ASCII)


class QueryValues(validate.Length):
    """No more values than a setting says; its default is documented."""

    def __init__(self) -> None:
        super().__init__(max=default_of("MAX_QUERY_VALUES"))

    def __call__(self, value: Any) -> Any:
        """Return a list that is not too long."""
        return validate.Length(max=current_app.config["MAX_QUERY_VALUES"])(value)


_SHORT = QueryValues()


class Text(fields.String):
    """A text that UTF-8 can write: no half of a surrogate pair."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        try:
            text.encode()
        except UnicodeEncodeError:
            raise self.make_error("invalid") from None
        return text


class NumberOrText(fields.Float):
    """Seconds since the epoch, as a number or as its text."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        if isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return super()._deserialize(value, attr, data, **kwargs)


class Count(fields.Integer):
    """A whole number, or its text."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        if isinstance(value, bool) or (isinstance(value, float) and value % 1):
            raise self.make_error("invalid", input=value)
        return super()._deserialize(value, attr, data, **kwargs)


class TextOrObject(fields.Field[Any]):
    """A README: text, or an object that is kept as YAML."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, str | dict):
            raise ValidationError("Neither text nor an object.")
        return value


class AsItIs(fields.Nested):
    """An object that is documented by a schema and checked by a service.

    A manifest may have hundreds of thousands of items.
    """

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(value, dict):
            raise self.make_error("type", input=value, type=type(value).__name__)
        return value


class MadeSchema(Schema):
    """Documents what a service returns in its final form: there is nothing to dump.

    To take each field of each row by its name takes longer than to find the rows.
    """

    def dump(self, obj: Any, *, many: bool | None = None) -> Any:
        """Return what a service made, as it is."""
        return obj


class ItemSchema(Schema):
    """One file of a dataset."""

    hash = fields.String()
    relpath = fields.String()
    size_in_bytes = fields.Integer()
    utc_timestamp = fields.Float()


class ManifestSchema(Schema):
    """The files of a dataset, by their identifiers."""

    items = fields.Dict(keys=fields.String, values=fields.Nested(ItemSchema))
    hash_function = fields.String()
    dtoolcore_version = fields.String()


def _is_text(value: Any) -> bool:
    return type(value) is str and value.isascii()


def _is_time(value: Any) -> bool:
    if type(value) is str:
        return _NUMBER.fullmatch(value) is not None
    return type(value) is float and math.isfinite(value)


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _is_list(value: Any) -> bool:
    return type(value) is list and all(map(_is_text, value))


def _is_short_list(value: Any) -> bool:
    return _is_list(value) and len(value) <= current_app.config["MAX_QUERY_VALUES"]


_TIMES = ("frozen_at", "created_at")

# What nearly every dataset has: values that are what they are taken for.
_USUAL_DATASET: dict[str, Callable[[Any], bool]] = {
    "uuid": lambda value: _is_text(value) and bool(_UUID.fullmatch(value)),
    **dict.fromkeys(
        ("base_uri", "uri", "name", "type", "creator_username", "dtoolcore_version"),
        _is_text,
    ),
    **dict.fromkeys(_TIMES, _is_time),
    "readme": lambda value: type(value) is str,
    **dict.fromkeys(("manifest", "annotations"), lambda value: type(value) is dict),
    "tags": _is_list,
    **dict.fromkeys(("number_of_items", "size_in_bytes"), _is_count),
}


# What nearly every query has.
_USUAL_QUERY: dict[str, Callable[[Any], bool]] = {
    "free_text": _is_text,
    **dict.fromkeys(("creator_usernames", "base_uris", "tags"), _is_short_list),
}


_USUAL_URI = {"uri": _is_text}


def _is_usual(data: Any, usual: Mapping[str, Callable[[Any], bool]]) -> bool:
    """Return whether all that is there is what it is taken for."""
    return isinstance(data, dict) and all(
        usual.get(key, _is_never)(value) for key, value in data.items()
    )


def _is_never(_value: Any) -> bool:
    return False


class URISchema(Schema):
    """The URI of a dataset."""

    uri = Text(required=True)

    def load(self, data: Any, **kwargs: Any) -> Any:
        """Return a URI; one that is as most are is taken as it is."""
        if data and _is_usual(data, _USUAL_URI):
            return {**data}
        return super().load(data, **kwargs)


class RegisterDatasetSchema(Schema):
    """All that is registered of a dataset."""

    uuid = fields.UUID()
    base_uri = Text()
    uri = Text()
    name = Text()
    type = Text()
    creator_username = Text()
    frozen_at = NumberOrText()
    created_at = NumberOrText()
    readme = TextOrObject()
    manifest = AsItIs(ManifestSchema)
    annotations = fields.Dict()
    tags = fields.List(Text())
    dtoolcore_version = Text()
    number_of_items = Count(validate=validate.Range(min=0))
    size_in_bytes = Count(validate=validate.Range(min=0))

    def load(self, data: Any, **kwargs: Any) -> Any:
        """Return a dataset; one that is as most are is taken as it is.

        To go through the fields takes longer than to parse the JSON.
        """
        if _is_usual(data, _USUAL_DATASET):
            # 0.18's clients send times as text.
            return {**data, **{key: float(data[key]) for key in _TIMES if key in data}}
        return super().load(data, **kwargs)


def timestamp(about: str) -> fields.Float:
    """Return a field with a time in seconds since the epoch.

    :param about: its description
    """
    return fields.Float(
        validate=validate.Range(*_YEARS_1_TO_9999),
        metadata={"description": about, "example": 1500000000.5},
    )


def _size(about: str) -> Count:
    return Count(
        validate=validate.Range(0, 2**63 - 1),
        metadata={"description": about, "example": 1000000},
    )


class MongoTextSchema(Schema):
    """Free text as MongoDB spells it."""

    search = Text(data_key="$search", required=True)


class QueryKeysSchema(Schema):
    """What both APIs' queries have beside their lists."""

    name = Text(
        metadata={"description": "With these words in the name", "example": "harvest"}
    )
    annotations = fields.Dict(
        validate=validate.Length(max=LONGEST_KEYS),
        metadata={
            "description": "With all of these annotations",
            "example": {"colour": "crimson"},
        },
    )
    created_after = timestamp("Created at this time or later")
    created_before = timestamp("Created before this time")
    frozen_after = timestamp("Frozen at this time or later")
    frozen_before = timestamp("Frozen before this time")
    min_size = _size("With this many bytes or more")
    max_size = _size("With this many bytes or fewer")


class SearchDatasetSchema(QueryKeysSchema):
    """A query: OR within a list, AND within tags, AND between the keys."""

    free_text = Text()
    creator_usernames = fields.List(Text(), validate=_SHORT)
    base_uris = fields.List(Text(), validate=_SHORT)
    uuids = fields.List(fields.UUID(), validate=_SHORT)
    tags = fields.List(Text(), validate=_SHORT)
    uploaded_by = fields.List(Text(), validate=_SHORT)
    # What dtool-lookup-client 0.1.0 sends, from before there was free_text.
    mongo_text = fields.Nested(MongoTextSchema, data_key="$text")

    def load(self, data: Any, **kwargs: Any) -> Any:
        """Return a query; one that is as most are is taken as it is.

        To go through two dozen fields takes as long as to find a rare word.
        """
        if _is_usual(data, _USUAL_QUERY):
            return {**data}
        return super().load(data, **kwargs)

    @post_load
    def take_mongo_text(self, query: dict[str, Any], **_kwargs: Any) -> dict[str, Any]:
        """Return a query whose $text, if there is one, is its free text."""
        if mongo_text := query.pop("mongo_text", None):
            query.setdefault("free_text", mongo_text["search"])
        return query


def _example(value: Any) -> dict[str, Any]:
    return {"example": value}


class DatasetRowSchema(MadeSchema):
    """A dataset at one URI."""

    base_uri = fields.String(metadata=_example("s3://snow-white"))
    uri = fields.String(
        metadata=_example("s3://snow-white/7b4a3b5e-6f0f-4c27-9d53-2b0ce3a1f0aa")
    )
    uuid = fields.String(metadata=_example("7b4a3b5e-6f0f-4c27-9d53-2b0ce3a1f0aa"))
    name = fields.String(metadata=_example("apple-harvest"))
    creator_username = fields.String(metadata=_example("queen"))
    created_at = fields.Float(metadata=_example(1500000000.123456))
    frozen_at = fields.Float(metadata=_example(1500000001.654321))
    number_of_items = fields.Integer(allow_none=True, metadata=_example(2))
    size_in_bytes = fields.Integer(allow_none=True, metadata=_example(30))
    type = fields.String(metadata=_example("dataset"))
    dtoolcore_version = fields.String(allow_none=True, metadata=_example("3.19.0"))
    tags = fields.List(fields.String(), metadata=_example(["fruit", "poison"]))
    uploaded_by = fields.String(allow_none=True, metadata=_example("grumpy"))
    uploaded_at = fields.Float(allow_none=True, metadata=_example(1500000002.5))


def _numbers(key: str, value: int) -> fields.Dict:
    return fields.Dict(
        keys=fields.String(), values=fields.Integer(), metadata=_example({key: value})
    )


def _values(value: str) -> fields.List:
    return fields.List(fields.String(), metadata=_example([value]))


class SummarySchema(MadeSchema):
    """How many datasets and bytes there are, and whose."""

    number_of_datasets = fields.Integer(metadata=_example(1))
    total_size_in_bytes = fields.Integer(metadata=_example(30))
    creator_usernames = _values("queen")
    base_uris = _values("s3://snow-white")
    tags = _values("fruit")
    uploaders = _values("grumpy")
    datasets_per_creator = _numbers("queen", 1)
    datasets_per_base_uri = _numbers("s3://snow-white", 1)
    datasets_per_tag = _numbers("fruit", 1)
    datasets_per_uploader = _numbers("grumpy", 1)
    size_in_bytes_per_creator = _numbers("queen", 30)
    size_in_bytes_per_base_uri = _numbers("s3://snow-white", 30)
    size_in_bytes_per_tag = _numbers("fruit", 30)
    size_in_bytes_per_uploader = _numbers("grumpy", 30)


class CredentialsSchema(Schema):
    """Who somebody says to be."""

    username = Text(required=True, metadata=_example("grumpy"))
    password = Text(required=True, metadata=_example("correct horse battery staple"))


class TokenSchema(Schema):
    """What to send with every request, as Authorization: Bearer TOKEN."""

    token = fields.String(metadata=_example("eyJhbGciOiJSUzI1NiJ9.e30.Zm9v"))


class HealthSchema(Schema):
    """That all is well."""

    status = fields.String(metadata={"example": "healthy"})


class ReadinessSchema(Schema):
    """That all is ready and, for admins, what was looked at."""

    status = fields.String(metadata={"example": "ready"})
    checks = fields.Dict(keys=fields.String(), values=fields.String())


class RegisterUserSchema(Schema):
    """A user to add."""

    username = Text(required=True)
    is_admin = fields.Boolean()


class UserResponseSchema(Schema):
    """A user, and where the user may search and register."""

    username = fields.String()
    is_admin = fields.Boolean()
    search_permissions_on_base_uris = fields.List(fields.String())
    register_permissions_on_base_uris = fields.List(fields.String())


class UserWithIdSchema(UserResponseSchema):
    """A user, as admins see it."""

    id = fields.Integer()


class BaseURISchema(Schema):
    """A base URI."""

    base_uri = Text(required=True)


class IndexRunSchema(Schema):
    """The newest run of indexing a base URI."""

    state = fields.String(metadata={"example": "ended"})
    started_at = fields.Float(metadata={"example": 1500000000.5})
    finished_at = fields.Float(allow_none=True, metadata={"example": 1500000060.5})
    registered = fields.Integer(metadata={"example": 2})
    unchanged = fields.Integer(metadata={"example": 340})
    failed = fields.Integer(metadata={"example": 0})
    forgotten = fields.Integer(metadata={"example": 0})
    error = fields.String(allow_none=True, metadata={"example": None})


class NoticedSchema(Schema):
    """What became of the datasets of an event."""

    registered = fields.Integer(metadata={"example": 1})
    unchanged = fields.Integer(metadata={"example": 0})
    forgotten = fields.Integer(metadata={"example": 0})
    failed = fields.Integer(metadata={"example": 0})
    ignored = fields.Integer(metadata={"example": 0})


class URIPermissionSchema(Schema):
    """A base URI with the names of those who may search and register in it."""

    base_uri = Text(required=True)
    users_with_search_permissions = fields.List(Text(), required=True)
    users_with_register_permissions = fields.List(Text(), required=True)
    index_run = fields.Nested(IndexRunSchema, dump_only=True)
