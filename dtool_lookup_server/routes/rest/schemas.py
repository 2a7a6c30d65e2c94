"""The JSON of the REST API, beside what it shares with 0.18's."""

from typing import Any

from flask_smorest.error_handler import ErrorSchema
from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from ...schemas import LONGEST_LIST, Count, Text, TextOrObject
from ...services.users import EVERY_SCOPE

_SHORT = validate.Length(max=LONGEST_LIST)
#: In seconds since the epoch.
_YEARS_1_TO_9999 = (-62135596800, 253402300799)


def _texts(about: str, example: str) -> fields.List:
    return fields.List(
        Text(),
        validate=_SHORT,
        metadata={"description": about, "example": [example]},
    )


def _time(about: str) -> fields.Float:
    return fields.Float(
        validate=validate.Range(*_YEARS_1_TO_9999),
        metadata={"description": about, "example": 1500000000.5},
    )


def _size(about: str) -> Count:
    return Count(
        validate=validate.Range(0, 2**63 - 1),
        metadata={"description": about, "example": 1000000},
    )


class QuerySchema(Schema):
    """A query: OR within a list, AND within tags, AND between the keys."""

    free_text = Text(metadata={"example": "apple -worm"})
    creator_usernames = _texts("Made by any of these", "queen")
    base_uris = _texts("In any of these base URIs", "s3://snow-white")
    uuids = fields.List(
        fields.UUID(),
        validate=_SHORT,
        metadata={"description": "With any of these UUIDs"},
    )
    tags = _texts("With all of these tags", "fruit")
    uploaded_by = _texts("Registered by any of these users", "grumpy")
    frozen_after = _time("Frozen at this time or later")
    frozen_before = _time("Frozen before this time")
    min_size = _size("With this many bytes or more")
    max_size = _size("With this many bytes or fewer")


class MonthSchema(Schema):
    """The datasets that were frozen in one month."""

    month = fields.String(metadata={"example": "2024-03"})
    number_of_datasets = fields.Integer(metadata={"example": 12})
    size_in_bytes = fields.Integer(metadata={"example": 3400000000})


class BulkLineSchema(Schema):
    """What became of one line."""

    status = fields.Integer(metadata={"example": 201})
    uri = fields.String(metadata={"example": "s3://snow-white/apple-harvest"})
    error = fields.Nested(ErrorSchema)


class UserSchema(Schema):
    """A user, and where the user may search and register."""

    username = fields.String(metadata={"example": "grumpy"})
    display_name = fields.String(allow_none=True, metadata={"example": "Grumpy"})
    is_admin = fields.Boolean(metadata={"example": False})
    search_permissions_on_base_uris = fields.List(
        fields.String(), metadata={"example": ["s3://snow-white"]}
    )
    register_permissions_on_base_uris = fields.List(
        fields.String(), metadata={"example": ["s3://snow-white"]}
    )


class NewAccessTokenSchema(Schema):
    """A personal access token to be made."""

    name = Text(required=True, metadata={"example": "nightly upload"})
    scopes = fields.List(
        Text(validate=validate.OneOf(sorted(EVERY_SCOPE))),
        required=True,
        validate=validate.Length(1, len(EVERY_SCOPE)),
        metadata={"example": ["register"]},
    )
    base_uris = fields.List(
        Text(),
        validate=_SHORT,
        metadata={
            "description": "The only ones that it is for; left out: all",
            "example": ["s3://snow-white"],
        },
    )
    expires_at = _time("Its end; left out: in ninety days")


class AccessTokenSchema(Schema):
    """A personal access token."""

    id = fields.Integer(metadata={"example": 1})
    name = fields.String(metadata={"example": "nightly upload"})
    scopes = fields.List(fields.String(), metadata={"example": ["register"]})
    base_uris = fields.List(
        fields.String(), allow_none=True, metadata={"example": ["s3://snow-white"]}
    )
    created_at = fields.Float(metadata={"example": 1500000000.5})
    expires_at = fields.Float(metadata={"example": 1507776000.5})
    last_used_at = fields.Float(allow_none=True, metadata={"example": 1500000060.5})


class MadeAccessTokenSchema(AccessTokenSchema):
    """A personal access token, with the token itself."""

    token = fields.String(metadata={"description": "Shown this once"})


class EditMeSchema(Schema):
    """What users may change of themselves."""

    display_name = Text(allow_none=True, metadata={"example": "Grumpy"})


class EditUserSchema(EditMeSchema):
    """What admins may change of users."""

    is_admin = fields.Boolean(metadata={"example": True})


class PutUserSchema(EditUserSchema):
    """A user to add or to replace."""

    username = Text(metadata={"example": "grumpy"})


class BaseURINameSchema(Schema):
    """A base URI alone."""

    base_uri = fields.String(metadata={"example": "s3://snow-white"})


class PermissionsSchema(Schema):
    """Who may search and who may register in a base URI; left out: nobody."""

    users_with_search_permissions = fields.List(
        Text(), load_default=list, metadata={"example": ["grumpy", "sleepy"]}
    )
    users_with_register_permissions = fields.List(
        Text(), load_default=list, metadata={"example": ["grumpy"]}
    )


class ReadmeSchema(Schema):
    """A README."""

    readme = TextOrObject(
        required=True,
        metadata={"example": "---\ndescription: Apples\n", "type": "string"},
    )


class TagsSchema(Schema):
    """The tags of a dataset."""

    tags = fields.List(
        Text(),
        required=True,
        validate=_SHORT,
        metadata={"example": ["fruit", "poison"]},
    )


class AnnotationsSchema(Schema):
    """The annotations of a dataset, by name."""

    annotations = fields.Dict(
        required=True, metadata={"example": {"colour": "crimson", "weight_g": 182}}
    )


class EditAnnotationsSchema(Schema):
    """All annotations, or the value of the one that the path names."""

    annotations = fields.Dict(metadata={"example": {"colour": "crimson"}})
    value = fields.Raw(allow_none=True, metadata={"example": "crimson"})

    @validates_schema
    def check_one(self, data: dict[str, Any], **_kwargs: Any) -> None:
        """Return if there is exactly one of the two."""
        if len(data) != 1:
            raise ValidationError("Either annotations or value.", "annotations")
