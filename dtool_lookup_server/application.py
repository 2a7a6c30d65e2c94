"""The kind of application that the factory makes."""

import inspect
from collections.abc import Callable
from typing import Any

from flask import Flask

# What inspect.markcoroutinefunction leaves on a function (Python 3.12).
_MARK = "_is_coroutine_mark"


class Application(Flask):
    """A Flask application that asks quickly whether a function is asynchronous.

    Flask asks that of every function that takes part in a request, and inspect looks
    behind partials and methods before it answers: together half as long as a route.
    """

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that can be called without a loop, as Flask does."""
        code = getattr(func, "__code__", None)
        if code is None or hasattr(func, _MARK) or code.co_flags & inspect.CO_COROUTINE:
            return super().ensure_sync(func)
        return func
