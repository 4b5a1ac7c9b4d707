"""Metrics of several processes as those of one server: nothing counted twice, nothing forgotten, nothing backwards."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st
from msgspec.msgpack import Decoder, Encoder
from prometheus_client.parser import text_string_to_metric_families

from cloudsvc.observe.merging import Combine, Ended, Family
from cloudsvc.observe.metrics import Metrics, expose_merged

TIMES = st.floats(0, 100, allow_nan=False)


def value(processes: Iterable[Metrics], name: str, ended: Ended | None = None, **labels: str) -> float:
    """The value of exactly one series of all ``processes`` together."""
    exposition = expose_merged([each.read() for each in processes], ended or Ended())
    found = [
        sample.value
        for family in text_string_to_metric_families(exposition.body.decode())
        for sample in family.samples
        if sample.name == name and sample.labels == labels
    ]
    assert len(found) == 1, (name, labels, found)
    return found[0]


@pytest.fixture
def two() -> tuple[Metrics, Metrics]:
    return Metrics(), Metrics()


def test_one_process_alone_is_as_it_says_itself() -> None:
    metrics = Metrics()
    metrics.http.departed(b"GET", "/api/login", 200, 0.1)
    metrics.limits.exceeded("/api/login")
    metrics.reactor_lag.observe(0.3)

    def list_lines(body: bytes) -> set[bytes]:
        # What the process takes changes from one moment to the next.
        return {line for line in body.splitlines() if b"process_" not in line and b"python_gc" not in line}

    merged = expose_merged([metrics.read()], Ended())
    assert list_lines(merged.body) == list_lines(metrics.expose().body)
    assert merged.content_type == metrics.expose().content_type


def test_counts_and_times_are_added_up(two: tuple[Metrics, Metrics]) -> None:
    one, other = two
    one.http.departed(b"GET", "/api/login", 200, 0.1)
    one.http.departed(b"GET", "/api/login", 200, 0.1)
    other.http.departed(b"GET", "/api/login", 200, 4)
    other.http.departed(b"PUT", "/api/files", 201, 4)
    assert value(two, "http_requests_total", method="GET", handler="/api/login", status="200") == 3
    assert value(two, "http_requests_total", method="PUT", handler="/api/files", status="201") == 1
    bucket = "http_request_duration_seconds_bucket"
    assert value(two, bucket, method="GET", handler="/api/login", le="0.1") == 2
    assert value(two, bucket, method="GET", handler="/api/login", le="+Inf") == 3
    assert value(two, "http_request_duration_seconds_sum", method="GET", handler="/api/login") == pytest.approx(4.2)


def test_each_gauge_is_combined_in_its_way(two: tuple[Metrics, Metrics]) -> None:
    one, other = two
    for metrics, connections, stored, leads in ((one, 3, 10, 0), (other, 4, 20, 1)):
        metrics.connections.watch(lambda connections=connections: connections, {})  # type: ignore[misc]  # one each
        metrics.health_checked("disk", ok=metrics is one)
        instruments = metrics.instruments_for("drive")
        instruments.gauge("stored_bytes", "Bytes.").set(stored)
        instruments.gauge("leads", "Who leads.", combine=Combine.SUM).set(leads)
        instruments.gauge("coldest", "Degrees.", combine=Combine.LEAST).set(connections)
    assert value(two, "http_connections_open") == 7
    assert value(two, "health_check_status", check="disk") == 0
    assert value(two, "drive_stored_bytes") == 20
    assert value(two, "drive_leads") == 1
    assert value(two, "drive_coldest") == 3
    assert value([one], "drive_stored_bytes") == 10, "where nobody leads, anybody's"


def test_what_a_process_is_is_told_once(two: tuple[Metrics, Metrics]) -> None:
    body = expose_merged([each.read() for each in two], Ended()).body
    assert body.count(b"cloudsvc_build_info{") == 1
    assert body.count(b"# TYPE process_resident_memory_bytes gauge\n") == 1


def test_counts_of_processes_that_have_ended_stay(two: tuple[Metrics, Metrics]) -> None:
    one, other = two
    for metrics in two:
        metrics.http.departed(b"GET", "/api/login", 200, 0.1)
        metrics.http.arrived()
    ended = Ended()
    ended.add(one.read())
    ended.add(Metrics().read())
    assert value([other], "http_requests_total", ended, method="GET", handler="/api/login", status="200") == 2
    assert value([other], "http_requests_in_progress", ended) == 0, "they have none open"
    assert value([], "http_requests_total", ended, method="GET", handler="/api/login", status="200") == 1


@define
class History:
    """Processes that come, count and go, of which each scrape sees all."""

    living: list[Metrics] = field(factory=lambda: [Metrics()])
    ended: Ended = field(factory=Ended)
    counted: int = 0

    def count(self, number: int) -> None:
        self.counted += 1
        self.living[number % len(self.living)].auth.success.inc()

    def replace(self, number: int) -> None:
        gone = self.living.pop(number % len(self.living))
        self.ended.add(gone.read())
        self.living.append(Metrics())


@pytest.mark.slow
@given(st.lists(st.tuples(st.sampled_from(["count", "replace", "grow"]), st.integers(0, 5)), max_size=12))
def test_a_counter_is_what_was_counted_whoever_has_ended(steps: list[tuple[str, int]]) -> None:
    history = History()
    for step, number in steps:
        if step == "grow":
            history.living.append(Metrics())
        else:
            getattr(history, step)(number)
        assert value(history.living, "auth_success_total", history.ended) == history.counted


def test_families_travel_between_processes(two: tuple[Metrics, Metrics]) -> None:
    families = two[0].read()
    sent = Encoder().encode(families)
    received = Decoder(list[Family]).decode(sent)
    assert [each.name for each in received] == [each.name for each in families]
    assert received == families
