"""Metrics for Prometheus, at /metrics on a port of their own.

Nobody is asked for a token there, and base URIs are named: so the port is one that the
web server in front does not hand out. The workers share what they count in the folder
that PROMETHEUS_MULTIPROC_DIR names: https://prometheus.github.io/client_python/multiprocess/
"""

import importlib
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

from flask import Flask

from ..errors import ConfigurationError
from ..services import base_uris, info, summary

PATH = "/metrics"

# Upper bounds in seconds: a lookup takes milliseconds, a bulk registration minutes.
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

# Seconds that the numbers of datasets are kept: to count a million takes a while.
_KEPT = 60

WSGIApp = Callable[..., Any]


class Metrics:
    """What is counted and measured.

    :raises ConfigurationError: if the extra metrics is not installed
    """

    def __init__(self) -> None:
        prometheus = _library("prometheus_client")
        self.registry = prometheus.CollectorRegistry()
        self._requests = prometheus.Counter(
            "dtool_lookup_requests_total",
            "Requests",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self._seconds = prometheus.Histogram(
            "dtool_lookup_request_seconds",
            "Time from a request to its answer",
            ["method", "route"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._store_seconds = prometheus.Histogram(
            "dtool_lookup_store_seconds",
            "Time that a store took for a request",
            ["store", "method", "route"],
            buckets=_BUCKETS,
            registry=self.registry,
        )

    def count_request(
        self,
        method: str,
        route: str,
        status: int,
        seconds: float,
        stores: dict[str, float],
    ) -> None:
        """Count a request that was answered.

        :param route: the pattern of its path, empty where there is none
        :param seconds: that the answer took
        :param stores: seconds that each store took of that, by name
        """
        self._requests.labels(method, route, status).inc()
        self._seconds.labels(method, route).observe(seconds)
        for store, spent in stores.items():
            self._store_seconds.labels(store, method, route).observe(spent)

    def serve(self, app: Flask, port: int) -> None:
        """Answer what comes in at a port with the metrics, and nothing else there."""
        prometheus = _library("prometheus_client")
        registry = self.registry
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            registry = prometheus.CollectorRegistry()
            _library("prometheus_client.multiprocess").MultiProcessCollector(registry)
        registry.register(Contents(app))
        app.wsgi_app = OnItsOwnPort(  # type: ignore[method-assign]
            app.wsgi_app, prometheus.make_wsgi_app(registry), port
        )


class Contents:
    """Collects what the stores hold, and whether they answer, when it is asked for."""

    def __init__(self, app: Flask):
        self._app = app
        self._counted_at = float("-inf")
        self._counts: dict[str, tuple[int, int]] = {}

    def describe(self) -> list[Any]:
        """Return nothing: the stores are not to be asked before the first scrape."""
        return []

    def collect(self) -> Iterator[Any]:
        """Yield the metrics, as prometheus_client wants them."""
        gauge = _library("prometheus_client.core").GaugeMetricFamily
        up = gauge("dtool_lookup_store_up", "1 if a store answers", labels=["store"])
        datasets = gauge(
            "dtool_lookup_datasets", "Datasets registered", labels=["base_uri"]
        )
        size = gauge(
            "dtool_lookup_dataset_bytes", "Bytes in datasets", labels=["base_uri"]
        )
        runs = gauge(
            "dtool_lookup_index_run_datasets",
            "Datasets in the newest run of indexing",
            labels=["base_uri", "outcome"],
        )
        ended = gauge(
            "dtool_lookup_index_run_finished_timestamp_seconds",
            "When the newest run of indexing ended; 0 while it is running",
            labels=["base_uri"],
        )
        broken = gauge(
            "dtool_lookup_index_run_broken_off",
            "1 if the newest run of indexing came to nothing",
            labels=["base_uri"],
        )
        with self._app.app_context():
            failing = set(info.failing_stores())
            for store in info.store_checks():
                up.add_metric([store], 0 if store in failing else 1)
            if info.DATABASE not in failing:
                for base_uri, (number, in_bytes) in self._counted().items():
                    datasets.add_metric([base_uri], number)
                    size.add_metric([base_uri], in_bytes)
                for base_uri, run in base_uris.index_runs().items():
                    for kind in ("registered", "unchanged", "failed", "forgotten"):
                        runs.add_metric([base_uri, kind], run[kind])
                    ended.add_metric([base_uri], run["finished_at"] or 0)
                    broken.add_metric([base_uri], 1 if run["error"] else 0)
        yield from (up, datasets, size, runs, ended, broken)

    def _counted(self) -> dict[str, tuple[int, int]]:
        if time.monotonic() - self._counted_at > _KEPT:
            self._counts = summary.per_base_uri()
            self._counted_at = time.monotonic()
        return self._counts


class OnItsOwnPort:
    """WSGI: one application at one port of this machine, another at all others.

    :param there: what answers at the port, at PATH
    """

    def __init__(self, elsewhere: WSGIApp, there: WSGIApp, port: int):
        self._elsewhere = elsewhere
        self._there = there
        self._port = port

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Answer a request."""
        if _port_of(environ) != self._port:
            return self._elsewhere(environ, start_response)
        if environ.get("PATH_INFO") != PATH:
            start_response("404 Not Found", [("Content-Type", "text/plain")])
            return [b"Only /metrics is here\n"]
        return self._there(environ, start_response)


def _port_of(environ: dict[str, Any]) -> int | None:
    """Return the port that a request came in at, as the socket has it.

    SERVER_PORT will not do: behind a socket file it is what the client wrote.
    """
    connection = environ.get("gunicorn.socket") or environ.get("werkzeug.socket")
    address = connection.getsockname() if connection is not None else None
    return address[1] if isinstance(address, tuple) else None


def _library(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise ConfigurationError(
            "Setting METRICS_PORT needs pip install 'dtool-lookup-server[metrics]'"
        ) from None
