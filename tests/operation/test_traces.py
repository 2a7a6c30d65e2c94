"""Traces: a span for a request, and within it one for each call of a store."""

import sys

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from dtool_lookup_server import create_app
from dtool_lookup_server.errors import ConfigurationError
from tests.conftest import add_people, open_app

PROVIDER = TracerProvider()
trace.set_tracer_provider(PROVIDER)


@pytest.fixture
def spans(config, grumpy):
    """The spans of one search: spans(query)."""
    exporter = InMemorySpanExporter()
    PROVIDER.add_span_processor(SimpleSpanProcessor(exporter))
    with open_app(config | {"TRACES": True}) as app:
        add_people(app)

        def search():
            exporter.clear()
            app.test_client().get("/uris?free_text=only-in-the-query", headers=grumpy)
            return exporter.get_finished_spans()

        yield search


def test_calls_of_stores_are_within_the_request(spans):
    *inner, request = spans()
    assert request.name == "GET /uris"
    assert inner
    for span in inner:
        assert span.parent.span_id == request.context.span_id
        assert span.name.startswith("sql ")
        assert span.start_time >= request.start_time
        assert span.end_time <= request.end_time


def test_what_was_asked_for_is_in_no_span(spans):
    assert "only-in-the-query" not in " ".join(span.to_json() for span in spans())


def test_the_extra_is_named_where_it_is_missing(config, monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry.trace", None)
    with pytest.raises(ConfigurationError, match=r"\[traces\]"):
        create_app(config | {"TRACES": True})
