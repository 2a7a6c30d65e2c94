"""PUT /uris: many datasets at once, a line each, answered by a line each."""

import json
from collections.abc import Iterator
from contextlib import closing
from http import HTTPStatus
from typing import Any

from flask import Response, abort, current_app, request, stream_with_context
from marshmallow import ValidationError

from ...auth import registered_user
from ...errors import InvalidFieldError
from ...http_errors import describe
from ...schemas import RegisterDatasetSchema
from ...services import registering, tidying
from ...services.users import ActingUser
from ..blueprint import loads
from .schemas import BulkLineSchema
from .spool import (
    BrokenOffError,
    NoRoomError,
    Spool,
    TooLongError,
    reader_of,
    require_room,
)
from .uris import bp

NDJSON = "application/x-ndjson"

#: Most datasets in one transaction.
BATCH = 500

#: Most bytes of lines that are held in memory for one transaction.
BATCH_BYTES = 4 * 1024 * 1024

#: Longest line where no setting says.
LONGEST = 2**62

_SCHEMA = RegisterDatasetSchema()

Answer = dict[str, Any]


@bp.put("")
@registered_user
@bp.refuses(413, 415, 507)
@bp.doc(
    requestBody={
        "required": True,
        "description": "A dataset on each line, as for PUT /uris/{uri}",
        "content": {NDJSON: {"schema": {"type": "string", "format": "binary"}}},
    }
)
@bp.alt_response(
    200,
    schema=BulkLineSchema,
    content_type=NDJSON,
    description="A line for each that was sent, in the same order",
    success=True,
)
def put_datasets(user: ActingUser) -> Response:
    """Register many datasets: one a line, each answered by a line with its status."""
    if request.mimetype != NDJSON:
        abort(415)
    most = current_app.config["MAX_BULK_LENGTH"]
    if (request.content_length or 0) > most:
        abort(413)
    require_room(request.content_length or 0)
    longest = current_app.config["MAX_CONTENT_LENGTH"] or LONGEST
    # Large on purpose and never in memory, so not by way of request.stream.
    spool = Spool(reader_of(request.environ, most), longest)
    response = Response(
        stream_with_context(_answers(user, spool, longest)), mimetype=NDJSON
    )
    response.call_on_close(spool.close)
    # While an error can still be the answer.
    spool.begin()
    return response


def _answers(user: ActingUser, spool: Spool, longest: int) -> Iterator[bytes]:
    registered = 0
    with closing(spool):
        try:
            for lines in spool.batches(BATCH, BATCH_BYTES):
                answers = _register(user, lines, longest)
                registered += sum("error" not in answer for answer in answers)
                yield b"".join(map(_line, answers))
        except BrokenOffError as error:
            # What came before is registered.
            current_app.logger.warning("A bulk registration broke off: %s", error)
            yield _line(_ending(error))
    tidying.tidy_some(registered)


def _line(answer: Answer) -> bytes:
    return json.dumps(answer).encode() + b"\n"


def _register(user: ActingUser, lines: list[bytes], longest: int) -> list[Answer]:
    answers: list[Answer] = []
    infos = _infos_of(lines, longest, answers)
    outcomes = iter(registering.register_many(user, infos))
    return [
        _outcome(answer["uri"], next(outcomes)) if "status" not in answer else answer
        for answer in answers
    ]


def _infos_of(
    lines: list[bytes], longest: int, answers: list[Answer]
) -> Iterator[dict[str, Any]]:
    """Yield the datasets on lines, and add what is answered to each line.

    A line is read when it is asked for: a dataset is then prepared while the processor
    has it at hand, and goes before the next one comes, however large it is.
    """
    infos: list[dict[str, Any]] = []
    while lines:
        if lines[0].strip():
            answers.append(_read(lines, longest, infos))
        else:
            del lines[0]
        if infos:
            yield infos.pop()


def _read(lines: list[bytes], longest: int, infos: list[dict[str, Any]]) -> Answer:
    """Take the first line, and add its dataset to the others.

    :returns: an answer with the URI alone, or why there is no dataset on the line
    """
    if len(lines[0]) > longest:
        del lines[0]
        return _refusal(413)
    try:
        info = _SCHEMA.load(loads(lines.pop(0)))
    except json.JSONDecodeError:
        return _refusal(400, message="Not JSON")
    except InvalidFieldError as error:
        return {"status": 422, "error": describe(error)}
    except ValidationError as error:
        return _refusal(422, errors={"json": error.normalized_messages()})
    infos.append(info)
    return {"uri": str(info.get("uri"))}


def _refusal(status: int, **more: Any) -> Answer:
    error = {"code": status, "status": HTTPStatus(status).phrase, **more}
    return {"status": status, "error": error}


def _ending(error: BrokenOffError) -> Answer:
    """Return the answer to what did not come to its end."""
    if isinstance(error, NoRoomError):
        return {"status": 507, "error": describe(error)}
    return _refusal(413 if isinstance(error, TooLongError) else 400)


def _outcome(uri: str, outcome: bool | Exception) -> Answer:
    if isinstance(outcome, Exception):
        error = describe(outcome)
        return {"status": error["code"], "uri": uri, "error": error}
    return {"status": 201 if outcome else 200, "uri": uri}
