"""The header X-Query-Understood: how the words of a query were read."""

import functools
import json
import logging
from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any

from flask import Response, after_this_request, request
from sqlalchemy.exc import SQLAlchemyError

from ..errors import DtoolLookupServerError
from ..services import search, spelling

HEADER = "X-Query-Understood"

#: Longest text in the header, and longest query that is suggested, in characters:
#: proxies limit what they pass on.
LONGEST, LONGEST_SUGGESTED = 1000, 200

View = Callable[..., Any]

_log = logging.getLogger(__name__)


def tells_understood(view: View) -> View:
    """Answer with X-Query-Understood where a view's query has free text.

    It is JSON: query, as the query language writes it; parsed, which is false where
    the text did not parse and is searched as words; and, on the first page of a list
    where there are any, did_you_mean: queries that words of it may be misspelled for.
    """

    @wraps(view)
    def wrapper(user: Any, query: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        if search.free_text_of(query):

            @after_this_request
            def tell(response: Response) -> Response:
                total = _total_on_first_page(response)
                response.headers[HEADER] = told(user, query, total)
                return response

        return view(user, query, *args, **kwargs)

    return wrapper


def told(user: Any, query: dict[str, Any], total: int | None) -> str:
    """Return what the header tells of a query.

    :param total: the number of datasets that it finds, on the first page of a list
    """
    understood = search.understood(query)
    text = str(understood)
    if len(text) > LONGEST:
        text = f"{text[: LONGEST - 1]}…"
    meant = () if total is None else tuple(_meant(user, query, total))
    return _as_json(text, understood.parsed, meant)


# The same text is asked for again and again, page by page.
@functools.lru_cache(maxsize=128)
def _as_json(text: str, parsed: bool, meant: tuple[str, ...]) -> str:
    told = {"query": text, "parsed": parsed}
    return json.dumps({**told, "did_you_mean": [*meant]} if meant else told)


def _meant(user: Any, query: dict[str, Any], total: int) -> list[str]:
    """Return what the text of a query may be misspelled for; none that is long."""
    try:
        meant = spelling.did_you_mean(user, query, total)
    except (DtoolLookupServerError, SQLAlchemyError) as error:
        # The answer is there without it.
        _log.warning("No spelling is suggested: %s", type(error).__name__)
        return []
    return [one for one in meant if len(one) <= LONGEST_SUGGESTED]


def _total_on_first_page(response: Response) -> int | None:
    if response.status_code != HTTPStatus.OK or request.args.get("page", "1") != "1":
        return None
    total = json.loads(response.headers.get("X-Pagination", "{}")).get("total")
    return None if total is None else int(total)
