"""The JSON of the REST API, beside what it shares with 0.18's."""

from typing import Any

from flask_smorest.error_handler import ErrorSchema
from marshmallow import (
    Schema,
    ValidationError,
    fields,
    post_load,
    validate,
    validates_schema,
)

from ...schemas import (
    LONGEST_LIST,
    DatasetRowSchema,
    IndexRunSchema,
    MadeSchema,
    QueryKeysSchema,
    QueryValues,
    SummarySchema,
    Text,
    TextOrObject,
    timestamp,
)
from ...services import audit
from ...services.audit import Action
from ...services.facets import FACETS, LARGEST_LIMIT, USUAL_LIMIT
from ...services.users import EVERY_SCOPE
from .paging import SortSchema

#: Longest text that is completed, in characters.
LONGEST_SUGGESTED = 1024

_SHORT = validate.Length(max=LONGEST_LIST)
_FEW_VALUES = QueryValues()


def _texts(about: str, example: str) -> fields.List:
    return fields.List(
        Text(),
        validate=_FEW_VALUES,
        metadata={"description": about, "example": [example]},
    )


class QuerySchema(QueryKeysSchema):
    """A query: OR within a list, AND within tags, AND between the keys."""

    free_text = Text(metadata={"example": "apple -worm"})
    creator_usernames = _texts("Made by any of these", "queen")
    base_uris = _texts("In any of these base URIs", "s3://snow-white")
    uuids = fields.List(
        fields.UUID(),
        validate=_FEW_VALUES,
        metadata={"description": "With any of these UUIDs"},
    )
    tags = _texts("With all of these tags", "fruit")
    uploaded_by = _texts("Registered by any of these users", "grumpy")


class AddressQuerySchema(QuerySchema):
    """A query in the address, where annotations are a part of the free text."""

    class Meta:
        exclude = ("annotations",)


class FindSchema(SortSchema):
    """How datasets that are searched are listed."""

    highlight = fields.Boolean(
        metadata={"description": "Return why each dataset was found, as matches"}
    )


class MatchSchema(Schema):
    """A field that a query matches: its text, and places in it in code points."""

    field = fields.String(metadata={"example": "readme"})
    text = fields.String(metadata={"example": "Poisoned apples from the orchard"})
    marks = fields.List(fields.List(fields.Integer()), metadata={"example": [[9, 15]]})


class FoundDatasetSchema(DatasetRowSchema):
    """A dataset that a query finds, with matches where highlight asks for them."""

    matches = fields.List(fields.Nested(MatchSchema))


class FacetsSchema(Schema):
    """Which facets come with a summary."""

    facets = fields.String(
        metadata={
            "description": f"Some of {', '.join(FACETS)} and annotations.KEY, with"
            " commas between",
            "example": "creators,tags,sizes",
        }
    )
    facet_prefix = Text(metadata={"description": "What the values begin with"})
    facet_limit = fields.Integer(
        validate=validate.Range(1, LARGEST_LIMIT),
        metadata={"description": f"Values of each facet; else {USUAL_LIMIT}"},
    )

    @post_load
    def split(self, asked: dict[str, Any], **_kwargs: Any) -> dict[str, Any]:
        """Return what services.facets.facets takes, or nothing without facets."""
        if not asked.get("facets"):
            return {}
        return {
            "names": asked["facets"].split(","),
            "prefix": asked.get("facet_prefix", ""),
            "limit": asked.get("facet_limit", USUAL_LIMIT),
        }


class FacetValueSchema(Schema):
    """A value that a query could be narrowed to."""

    value = fields.String(metadata={"example": "queen"})
    count = fields.Integer(metadata={"example": 12})


class FacetedSummarySchema(SummarySchema):
    """How many datasets and bytes there are, and whose, with facets."""

    facets = fields.Dict(
        keys=fields.String(), values=fields.List(fields.Nested(FacetValueSchema))
    )


class TypedSchema(Schema):
    """What somebody is typing."""

    q = Text(
        required=True,
        validate=validate.Length(max=LONGEST_SUGGESTED),
        metadata={"example": "fru"},
    )


class SuggestionSchema(Schema):
    """How it may go on."""

    field = fields.String(metadata={"example": "tag"})
    value = fields.String(metadata={"example": "fruit"})
    query = fields.String(metadata={"example": "tag:fruit"})


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
    expires_at = timestamp("Its end; left out: in ninety days")


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


class AuditQuerySchema(Schema):
    """Which entries of the audit trail are listed."""

    usernames = _texts("Done by any of these users", "grumpy")
    actions = fields.List(
        Text(validate=validate.OneOf(sorted(Action))),
        validate=_FEW_VALUES,
        metadata={
            "description": "Any of these actions",
            "example": ["dataset.delete"],
        },
    )
    base_uris = _texts("In any of these base URIs", "s3://snow-white")
    happened_after = timestamp("At this time or later")
    happened_before = timestamp("Before this time")
    after = fields.String(
        metadata={
            "description": "Go on after this cursor, which comes with the header Link"
        }
    )


class AuditEntrySchema(MadeSchema):
    """Who did what, when and from where."""

    id = fields.Integer(metadata={"example": 1})
    happened_at = fields.Float(metadata={"example": 1500000000.5})
    action = fields.String(metadata={"example": "dataset.delete"})
    source = fields.String(metadata={"example": audit.API})
    username = fields.String(allow_none=True, metadata={"example": "grumpy"})
    os_user = fields.String(allow_none=True, metadata={"example": None})
    address = fields.String(allow_none=True, metadata={"example": "192.0.2.1"})
    request_id = fields.String(
        allow_none=True, metadata={"example": "6f0f4c279d532b0ce3a1f0aa7b4a3b5e"}
    )
    access_token_id = fields.Integer(allow_none=True, metadata={"example": None})
    base_uri = fields.String(allow_none=True, metadata={"example": "s3://snow-white"})
    subject = fields.String(
        allow_none=True, metadata={"example": "s3://snow-white/apple-harvest"}
    )
    details = fields.Dict(metadata={"example": {}})


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
    """A base URI, with the newest run of indexing it where there was one."""

    base_uri = fields.String(metadata={"example": "s3://snow-white"})
    index_run = fields.Nested(IndexRunSchema)


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
            wrong = ["Either annotations or value."]
            raise ValidationError(dict.fromkeys(self.fields, wrong))
