"""The kind of application that the factory makes."""

import inspect
from collections.abc import Callable
from functools import cache
from typing import Any

from flask import Flask
from werkzeug.routing import Rule

# What inspect.markcoroutinefunction leaves on a function (Python 3.12).
_MARK = "_is_coroutine_mark"


class LazyRule(Rule):
    """A rule whose functions that build URLs are made when a URL is built.

    To make them took longest of all when an application was made, which is done for
    each command; URLs are built of few rules.
    """

    def _compile_builder(
        self, append_unknown: bool = True
    ) -> Callable[..., tuple[str, str]]:
        compile_builder = cache(super()._compile_builder)

        def build(rule: Rule, /, **values: Any) -> tuple[str, str]:
            return compile_builder(append_unknown)(rule, **values)

        return build


class Application(Flask):
    """A Flask application that asks quickly whether a function is asynchronous.

    Flask asks that of every function that takes part in a request, and inspect looks
    behind partials and methods before it answers: together half as long as a route.
    """

    url_rule_class = LazyRule

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that can be called without a loop, as Flask does."""
        code = getattr(func, "__code__", None)
        if code is None or hasattr(func, _MARK) or code.co_flags & inspect.CO_COROUTINE:
            return super().ensure_sync(func)
        return func
