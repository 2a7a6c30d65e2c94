"""/readmes, /manifests, /annotations and /tags: read and edit what datasets hold."""

from typing import Any

from ...auth import registered_user
from ...schemas import ManifestSchema
from ...services import content, editing
from ...services.users import ActingUser
from ..blueprint import Blueprint, as_json
from ..conditional import unless_changed
from .schemas import AnnotationsSchema, EditAnnotationsSchema, ReadmeSchema, TagsSchema

readmes_bp = Blueprint("readmes", __name__, url_prefix="/readmes")
manifests_bp = Blueprint("manifests", __name__, url_prefix="/manifests")
annotations_bp = Blueprint("annotations", __name__, url_prefix="/annotations")
tags_bp = Blueprint("tags", __name__, url_prefix="/tags")

BLUEPRINTS = (readmes_bp, manifests_bp, annotations_bp, tags_bp)

#: What an edit may be refused with.
EDIT = (400, 403, 404, 412, 422, 503)


@readmes_bp.get("/<uri:uri>")
@registered_user
@readmes_bp.refuses(403, 404)
@readmes_bp.response(200, ReadmeSchema)
def show_readme(user: ActingUser, uri: str) -> dict[str, Any]:
    """Read a dataset's README."""
    return {"readme": content.readme(user, uri)}


@readmes_bp.put("/<uri:uri>")
@registered_user
@unless_changed(show_readme)
@readmes_bp.refuses(*EDIT)
@readmes_bp.arguments(ReadmeSchema)
@readmes_bp.response(200, ReadmeSchema)
def put_readme(user: ActingUser, new: dict[str, Any], uri: str) -> dict[str, Any]:
    """Replace a dataset's README, in its storage and here."""
    return {"readme": editing.set_readme(user, uri, new["readme"])}


@manifests_bp.get("/<uri:uri>")
@registered_user
@manifests_bp.refuses(403, 404)
@manifests_bp.alt_response(
    200, schema=ManifestSchema, description="The manifest", success=True
)
@as_json
def show_manifest(user: ActingUser, uri: str) -> bytes:
    """Read a dataset's manifest."""
    return content.manifest_json(user, uri)


@annotations_bp.get("/<uri:uri>")
@registered_user
@annotations_bp.refuses(403, 404)
@annotations_bp.response(200, AnnotationsSchema)
def show_annotations(user: ActingUser, uri: str) -> dict[str, Any]:
    """Read a dataset's annotations."""
    return {"annotations": content.annotations(user, uri)}


def _show_around(user: ActingUser, uri: str, name: str = "") -> Any:
    """Show the annotations of the dataset that a path, split anywhere, begins with."""
    return show_annotations.__wrapped__(user, editing.dataset_of(_joined(uri, name)))


def _joined(uri: str, name: str) -> str:
    return f"{uri}/{name}" if name else uri


# A URI has no end that its path would show: the body tells the two forms apart.
def _put(user: ActingUser, new: dict[str, Any], path: str) -> dict[str, Any]:
    if "annotations" in new:
        return {"annotations": editing.set_annotations(user, path, new["annotations"])}
    uri, name = editing.split(path)
    return {"annotations": editing.set_annotation(user, uri, name, new["value"])}


@annotations_bp.put("/<uri:uri>")
@registered_user
@unless_changed(_show_around)
@annotations_bp.refuses(*EDIT)
@annotations_bp.arguments(EditAnnotationsSchema)
@annotations_bp.response(200, AnnotationsSchema)
def put_annotations(user: ActingUser, new: dict[str, Any], uri: str) -> dict[str, Any]:
    """Replace a dataset's annotations, in its storage and here."""
    return _put(user, new, uri)


@annotations_bp.put("/<uri:uri>/<name>")
@registered_user
@unless_changed(_show_around)
@annotations_bp.refuses(*EDIT)
@annotations_bp.arguments(EditAnnotationsSchema)
@annotations_bp.response(200, AnnotationsSchema)
def put_annotation(
    user: ActingUser, new: dict[str, Any], uri: str, name: str
) -> dict[str, Any]:
    """Add or replace one annotation of a dataset, in its storage and here."""
    return _put(user, new, _joined(uri, name))


@annotations_bp.delete("/<uri:uri>/<name>")
@registered_user
@unless_changed(_show_around)
@annotations_bp.refuses(*EDIT)
@annotations_bp.response(200, AnnotationsSchema)
def delete_annotation(user: ActingUser, uri: str, name: str) -> dict[str, Any]:
    """Remove one annotation of a dataset, in its storage and here."""
    uri, name = editing.split(_joined(uri, name))
    return {"annotations": editing.remove_annotation(user, uri, name)}


@tags_bp.get("/<uri:uri>")
@registered_user
@tags_bp.refuses(403, 404)
@tags_bp.response(200, TagsSchema)
def show_tags(user: ActingUser, uri: str) -> dict[str, Any]:
    """Read a dataset's tags."""
    return {"tags": content.tags(user, uri)}


def _show_tags_around(user: ActingUser, uri: str, tag: str) -> Any:
    return show_tags.__wrapped__(user, editing.split(_joined(uri, tag))[0])


@tags_bp.put("/<uri:uri>")
@registered_user
@unless_changed(show_tags)
@tags_bp.refuses(*EDIT)
@tags_bp.arguments(TagsSchema)
@tags_bp.response(200, TagsSchema)
def put_tags(user: ActingUser, new: dict[str, Any], uri: str) -> dict[str, Any]:
    """Replace a dataset's tags, in its storage and here."""
    return {"tags": editing.set_tags(user, uri, new["tags"])}


@tags_bp.post("/<uri:uri>/<tag>")
@registered_user
@unless_changed(_show_tags_around)
@tags_bp.refuses(*EDIT)
@tags_bp.response(200, TagsSchema)
def add_tag(user: ActingUser, uri: str, tag: str) -> dict[str, Any]:
    """Add a tag to a dataset, in its storage and here."""
    return {"tags": editing.add_tag(user, *editing.split(_joined(uri, tag)))}


@tags_bp.delete("/<uri:uri>/<tag>")
@registered_user
@unless_changed(_show_tags_around)
@tags_bp.refuses(*EDIT)
@tags_bp.response(200, TagsSchema)
def delete_tag(user: ActingUser, uri: str, tag: str) -> dict[str, Any]:
    """Remove a tag from a dataset, in its storage and here."""
    return {"tags": editing.remove_tag(user, *editing.split(_joined(uri, tag)))}
