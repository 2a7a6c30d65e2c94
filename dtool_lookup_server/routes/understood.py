"""The header X-Query-Understood: how the words of a query were read."""

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Response, after_this_request

from ..services import search

HEADER = "X-Query-Understood"

#: Longest text in the header, in characters: proxies limit what they pass on.
LONGEST = 1000

View = Callable[..., Any]


def tells_understood(view: View) -> View:
    """Answer with X-Query-Understood where a view's query has free text.

    It is JSON: query, as the query language writes it, and parsed, which is false
    where the text did not parse and is searched as words.
    """

    @wraps(view)
    def wrapper(user: Any, query: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        if search.free_text_of(query):
            understood = search.understood(query)
            text = str(understood)
            if len(text) > LONGEST:
                text = f"{text[: LONGEST - 1]}…"
            value = json.dumps({"query": text, "parsed": understood.parsed})

            @after_this_request
            def tell(response: Response) -> Response:
                response.headers[HEADER] = value
                return response

        return view(user, query, *args, **kwargs)

    return wrapper
