"""Counts and times for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from nerine.serving.http.service import Service

_BUCKETS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)


class Metrics:
    """The metrics of a server: its requests, and what its scheduler has done.

    Args:
        service: The service.
    """

    media_type = CONTENT_TYPE_LATEST

    def __init__(self, service: Service) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "nerine_requests",
            "Requests by path and status",
            ("path", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "nerine_request_seconds",
            "Time from the beginning of a request to the end of its answer",
            ("path",),
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._registry.register(_OfScheduler(service))

    def observe(self, path: str, status: int, seconds: float) -> None:
        """Counts a request.

        Args:
            path: The path of its endpoint.
            status: The status of its answer.
            seconds: How long it took.
        """
        self._requests.labels(path, str(status)).inc()
        self._seconds.labels(path).observe(seconds)

    def text(self) -> bytes:
        """The metrics in Prometheus' text format."""
        return generate_latest(self._registry)


class _OfScheduler(Collector):
    def __init__(self, service: Service) -> None:
        self._service = service

    def collect(self) -> Iterator[Metric]:
        """The metrics of a scheduler that runs."""
        scheduler = self._service.scheduler
        if scheduler is None:
            return
        counts = scheduler.counts
        for name, text, value in (
            ("documents", "Documents that were tagged or failed", counts.documents),
            ("documents_failed", "Documents that failed", counts.failed),
            ("documents_refused", "Documents refused as too many waited", counts.refused),
            ("documents_dropped", "Documents whose client had gone away", counts.dropped),
            ("batches", "Batches that ran", counts.batches),
            ("subwords", "Subwords that ran, about", counts.subwords),
            ("model_seconds", "Seconds in which the model ran, of all threads", counts.seconds),
        ):
            yield CounterMetricFamily(f"nerine_{name}", text, value)
        waiting = "Subwords that wait to be tagged, about"
        yield GaugeMetricFamily("nerine_waiting_subwords", waiting, scheduler.waiting)
        limit = "Subwords that may wait before requests are refused"
        yield GaugeMetricFamily("nerine_waiting_subwords_limit", limit, scheduler.limit)
