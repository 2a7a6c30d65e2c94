"""OpenTelemetry: a span for each request, and one for each call of a store.

Where they go is said by OpenTelemetry's own variables, OTEL_EXPORTER_OTLP_ENDPOINT and
the like: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
"""

import importlib
import time
from typing import Any

from flask import Flask, request

from ..errors import ConfigurationError
from .stores import SQL, Observer, without_values

_SERVICE = "dtool-lookup-server"

# What a request asks for, word by word, stays out of its span.
_HIDDEN = ("http.target", "url.query", "http.url", "url.full")


def trace(app: Flask) -> Observer:
    """Make a span of each request of an application.

    :returns: makes a span of each call of a store
    :raises ConfigurationError: if the extra traces is not installed
    """
    api = _library("opentelemetry.trace")
    if isinstance(api.get_tracer_provider(), api.ProxyTracerProvider):
        api.set_tracer_provider(_provider())
    instrumentor = _library("opentelemetry.instrumentation.flask").FlaskInstrumentor
    instrumentor().instrument_app(
        app, excluded_urls="config/health,config/ready", response_hook=_hide_query
    )
    tracer = api.get_tracer(_SERVICE)

    def observe(store: str, call: str, seconds: float) -> None:
        end = time.time_ns()
        asked = without_values(call)
        name = asked.partition(" ")[0] if store == SQL else asked
        span = tracer.start_span(
            f"{store} {name}",
            kind=api.SpanKind.CLIENT,
            start_time=end - round(seconds * 1e9),
            attributes={"db.system.name": store, "db.query.text": asked},
        )
        span.end(end)

    return observe


def _provider() -> Any:
    sdk = _library("opentelemetry.sdk.trace")
    resources = _library("opentelemetry.sdk.resources")
    exporter = _library("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    processor = _library("opentelemetry.sdk.trace.export").BatchSpanProcessor
    # OTEL_SERVICE_NAME wins over the name that is given here.
    resource = resources.Resource({"service.name": _SERVICE}).merge(
        resources.OTELResourceDetector().detect()
    )
    provider = sdk.TracerProvider(resource=resource)
    provider.add_span_processor(processor(exporter.OTLPSpanExporter()))
    return provider


def _hide_query(span: Any, _status: str, _headers: Any) -> None:
    # When the answer begins: before it the instrumentation writes them itself.
    if span is not None and span.is_recording():
        for name in _HIDDEN:
            span.set_attribute(name, request.path)


def _library(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise ConfigurationError(
            "Setting TRACES needs pip install 'dtool-lookup-server[traces]'"
        ) from None
