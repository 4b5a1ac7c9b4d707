"""The policy: what is counted together, and what happens while nothing can be counted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import pytest
from twisted.internet.task import Clock
from twisted.logger import LogEvent, formatEvent, globalLogPublisher

from cloudsvc.access.throttling import FixedWindowStore, Throttle, open_store
from cloudsvc.core.errors import CloudError, Kind
from cloudsvc.core.rates import parse_rate
from cloudsvc.core.secrets import Secret
from tests.support.coroutines import finish
from tests.support.external_servers import find_free_port
from tests.support.inline_threads import Inline

RATES = {"api": parse_rate("3/minute"), "transfer": parse_rate("5/minute"), "failure": parse_rate("2/minute")}


class TestCounting:
    @pytest.fixture
    def throttle(self) -> Throttle:
        return Throttle(FixedWindowStore(Clock().seconds), RATES, "allow")

    @staticmethod
    def allowed(throttle: Throttle, class_: str = "api", client: str = "a", pattern: str = "/api/x") -> bool:
        decision = finish(throttle.hit(class_, client, pattern))
        assert decision is not None
        return decision.allowed

    def test_each_client_has_its_own_count_on_each_route(self, throttle: Throttle) -> None:
        assert [self.allowed(throttle) for _ in range(4)] == [True, True, True, False]
        assert self.allowed(throttle, client="b")
        assert self.allowed(throttle, pattern="/api/y")

    def test_each_class_has_its_own_rate(self, throttle: Throttle) -> None:
        assert [self.allowed(throttle, "transfer") for _ in range(6)] == [True] * 5 + [False]

    def test_memory_is_never_away(self, throttle: Throttle) -> None:
        assert finish(throttle.answers())
        assert not throttle.unavailable

    def test_an_unknown_class_is_a_mistake_in_the_program(self, throttle: Throttle) -> None:
        with pytest.raises(KeyError, match="upload"):
            finish(throttle.hit("upload", "a", "/api/x"))


class TestAbsence:
    """Nothing listens where the storage should be: every attempt to connect is refused at once."""

    @staticmethod
    def make(on_failure: Literal["allow", "refuse"]) -> tuple[Throttle, list[None]]:
        uri = Secret(f"redis://:secret@127.0.0.1:{find_free_port()}/0")
        uncounted: list[None] = []
        store = open_store(uri, "fixed-window", Clock().seconds, Inline())
        return Throttle(store, RATES, on_failure, lambda: uncounted.append(None)), uncounted

    def test_requests_are_allowed_by_default_and_reported(self) -> None:
        throttle, uncounted = self.make("allow")

        with collect_lines() as lines:
            assert [finish(throttle.hit("api", "a", "/api/x")) for _ in range(5)] == [None] * 5

        assert throttle.unavailable
        assert len(uncounted) == 5
        assert len(lines) == 1
        assert "not counted" in lines[0]
        assert "secret" not in lines[0]

    def test_requests_are_refused_by_setting_and_told_so(self) -> None:
        throttle, uncounted = self.make("refuse")

        with collect_lines() as lines:
            for _ in range(3):
                with pytest.raises(CloudError, match="again later") as refusal:
                    finish(throttle.hit("api", "a", "/api/x"))

        assert (refusal.value.kind, refusal.value.code) == (Kind.UNAVAILABLE, "throttling_unavailable")
        assert len(uncounted) == 3
        assert len(lines) == 1
        assert "refused" in lines[0]

    def test_a_health_check_finds_it_before_any_request_does(self) -> None:
        throttle, uncounted = self.make("allow")

        with collect_lines() as lines:
            assert not finish(throttle.answers())
            assert not finish(throttle.answers())

        assert throttle.unavailable
        assert uncounted == []
        assert len(lines) == 1


@contextmanager
def collect_lines() -> Iterator[list[str]]:
    """What is logged meanwhile."""
    lines: list[str] = []

    def observe(event: LogEvent) -> None:
        lines.append(formatEvent(event))

    globalLogPublisher.addObserver(observe)  # type: ignore[arg-type]  # a function will do
    yield lines
    globalLogPublisher.removeObserver(observe)  # type: ignore[arg-type]  # as above
