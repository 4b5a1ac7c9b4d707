"""The series that a scrape sees."""

from __future__ import annotations

import platform
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

import cloudsvc
from cloudsvc.observe.http_metrics import UNMATCHED, HTTPMetrics
from cloudsvc.observe.metrics import Metrics


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


def samples(metrics: Metrics) -> Iterator[tuple[str, dict[str, str], float]]:
    for family in text_string_to_metric_families(metrics.expose().body.decode()):
        for sample in family.samples:
            yield sample.name, sample.labels, sample.value


def value(metrics: Metrics, name: str, **labels: str) -> float:
    """The value of exactly one series."""
    [found] = [number for sample, of, number in samples(metrics) if sample == name and of == labels]
    return found


def test_the_exposition_says_what_it_is(metrics: Metrics) -> None:
    exposition = metrics.expose()
    assert exposition.content_type == b"text/plain; version=0.0.4; charset=utf-8"
    assert b"# TYPE http_requests_total counter\n" in exposition.body
    assert b"# TYPE http_request_duration_seconds histogram\n" in exposition.body
    assert b"# TYPE http_requests_in_progress gauge\n" in exposition.body


def test_series_that_alerts_need_exist_from_the_start(metrics: Metrics) -> None:
    assert value(metrics, "token_configured") == 0
    assert value(metrics, "auth_success_total") == 0
    for reason in ("missing", "invalid", "error"):
        assert value(metrics, "auth_failure_total", reason=reason) == 0
    assert value(metrics, "rate_limit_storage_failures_total") == 0
    assert value(metrics, "http_requests_in_progress") == 0
    assert value(metrics, "http_connections_open") == 0
    for reason in ("total", "per_client"):
        assert value(metrics, "http_connections_refused_total", reason=reason) == 0
    assert value(metrics, "certificate_not_after_seconds") == 0
    for result in ("success", "failure"):
        assert value(metrics, "certificate_reloads_total", result=result) == 0
    assert value(metrics, "reactor_lag_seconds_count") == 0
    assert value(metrics, "log_lines_dropped_total") == 0


def test_the_build_and_the_process_are_described(metrics: Metrics) -> None:
    [labels] = [of for name, of, _ in samples(metrics) if name == "cloudsvc_build_info"]
    assert labels["version"] == cloudsvc.__version__
    assert labels["python"] == platform.python_version()
    assert value(metrics, "process_resident_memory_bytes") > 0
    assert value(metrics, "process_open_fds") > 0
    assert value(metrics, "python_gc_collections_total", generation="0") >= 0


def test_there_are_no_samples_of_when_series_were_made(metrics: Metrics) -> None:
    metrics.http.departed(b"GET", "/api/login", 200, 0.1)
    assert not [name for name, _, _ in samples(metrics) if name.endswith("_created")]


def test_a_gauge_that_is_named_created_stays(metrics: Metrics) -> None:
    metrics.instruments_for("notes").gauge("newest_created", "When the newest was created.").set(5)
    assert value(metrics, "notes_newest_created") == 5


def test_registries_are_separate_and_none_is_the_process_wide_one(metrics: Metrics) -> None:
    Metrics().auth.success.inc()
    assert value(metrics, "auth_success_total") == 0
    assert "auth_success" not in {family.name for family in REGISTRY.collect()}


def test_a_request_is_counted_and_timed(metrics: Metrics) -> None:
    http = metrics.http
    http.arrived()
    http.arrived()
    http.departed(b"GET", "/api/login", 200, 0.003)
    assert value(metrics, "http_requests_in_progress") == 1
    http.departed(b"GET", "/api/login", 401, 100.0)
    assert value(metrics, "http_requests_total", method="GET", handler="/api/login", status="200") == 1
    assert value(metrics, "http_requests_total", method="GET", handler="/api/login", status="401") == 1
    of = {"method": "GET", "handler": "/api/login"}
    assert value(metrics, "http_request_duration_seconds_count", **of) == 2
    assert value(metrics, "http_request_duration_seconds_sum", **of) == pytest.approx(100.003)
    assert value(metrics, "http_request_duration_seconds_bucket", le="0.0025", **of) == 0
    assert value(metrics, "http_request_duration_seconds_bucket", le="0.005", **of) == 1
    assert value(metrics, "http_request_duration_seconds_bucket", le="60.0", **of) == 1
    assert value(metrics, "http_request_duration_seconds_bucket", le="+Inf", **of) == 2
    assert value(metrics, "http_requests_in_progress") == 0


def test_a_duration_on_a_bound_belongs_to_its_bucket(metrics: Metrics) -> None:
    metrics.http.departed(b"GET", "/", 200, 0.005)
    assert value(metrics, "http_request_duration_seconds_bucket", method="GET", handler="/", le="0.005") == 1


@given(st.lists(st.binary(min_size=1), min_size=1))
def test_methods_that_clients_invent_share_one_name(methods: list[bytes]) -> None:
    http = HTTPMetrics()
    for method in methods:
        http.departed(b"x" + method, UNMATCHED, 405, 0.0)
    total, timing, _ = http.collect()
    assert [(sample.labels["method"], sample.value) for sample in total.samples] == [("OTHER", len(methods))]
    assert {sample.labels["method"] for sample in timing.samples} == {"OTHER"}


def test_throttled_requests_are_counted_by_route(metrics: Metrics) -> None:
    metrics.limits.exceeded("/api/login")
    metrics.limits.exceeded("/api/login")
    assert value(metrics, "rate_limit_exceeded_total", endpoint="/api/login") == 2


def test_connections_are_read_where_they_are_kept(metrics: Metrics) -> None:
    refused = {"per_client": 0}
    metrics.connections.watch(lambda: 7, refused)
    refused["per_client"] = 3
    assert value(metrics, "http_connections_open") == 7
    assert value(metrics, "http_connections_refused_total", reason="per_client") == 3
    assert value(metrics, "http_connections_refused_total", reason="total") == 0


def test_health_is_a_gauge_for_each_check(metrics: Metrics) -> None:
    metrics.health_checked("disk", ok=True)
    assert value(metrics, "health_check_status", check="disk") == 1
    metrics.health_checked("disk", ok=False)
    assert value(metrics, "health_check_status", check="disk") == 0


def test_an_application_has_metrics_under_its_own_name(metrics: Metrics) -> None:
    notes = metrics.instruments_for("notes")
    notes.counter("written_total", "Notes written.", ("kind",)).labels("short").inc()
    notes.gauge("open", "Notes open.").set(2)
    notes.histogram("length_bytes", "Length of a note.", buckets=(10, 100)).observe(50)
    assert value(metrics, "notes_written_total", kind="short") == 1
    assert value(metrics, "notes_open") == 2
    assert value(metrics, "notes_length_bytes_bucket", le="100.0") == 1


def test_two_metrics_of_one_name_are_refused(metrics: Metrics) -> None:
    notes = metrics.instruments_for("notes")
    notes.counter("written_total", "Notes written.")
    with pytest.raises(ValueError, match=r"the metric notes_written_total cannot be made: Duplicated.*notes_written"):
        notes.counter("written_total", "Notes written.")
    with pytest.raises(ValueError, match="the metric http_requests_total cannot be made"):
        metrics.instruments_for("http").counter("requests_total", "Not the server's.")


@pytest.mark.parametrize("prefix", ["", "Notes", "my-notes", "1st", "_x", "x_", "x\n", "a b"])
def test_a_prefix_must_be_a_word(metrics: Metrics, prefix: str) -> None:
    with pytest.raises(ValueError, match="use lower-case letters, digits and _"):
        metrics.instruments_for(prefix)


def test_a_name_must_be_a_name(metrics: Metrics) -> None:
    with pytest.raises(ValueError, match="the metric 'notes_a b' cannot be made: use lower-case"):
        metrics.instruments_for("notes").counter("a b", "Two words.")
