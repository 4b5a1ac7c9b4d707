"""Storages of rate limits that go away, come back, hang, and refuse; and a reactor that never waits for them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import define, evolve
from redis import Redis
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.internet.task import Clock, LoopingCall

from cloudsvc.access.throttling import Decision, SharedWindows, StorageAway, Throttle, Windows, open_windows
from cloudsvc.core.rates import parse_rate
from cloudsvc.core.secrets import Secret
from tests.access.test_throttle import collect_lines
from tests.support.reactors import in_reactor, run_threads, wait_for
from tests.support.servers import ToolServer, run_memcached, run_redis

RATE = parse_rate("10000/minute")
THREADS = 4
MOST_CALLS = 20


@define
class Storage:
    """A server, windows that count in it, and the clock that paces their tries."""

    server: ToolServer
    windows: Windows
    clock: Clock

    async def hit(self) -> Decision:
        return await self.windows.hit(RATE, "key")

    async def explain(self) -> str:
        """Why a hit is not counted."""
        try:
            await self.hit()
        except StorageAway as reason:
            return str(reason)
        return "counted"

    def wait(self) -> None:
        """Let the time pass after which a storage that failed is tried again."""
        self.clock.advance(10)


@pytest.fixture(params=["redis", "memcached"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    with run_redis(tmp_path) if request.param == "redis" else run_memcached() as server, run_threads(THREADS) as runner:
        clock = Clock()
        clock.advance(time.time())
        windows = open_windows(Secret(server.uri), "fixed-window", clock.seconds, runner)
        assert isinstance(windows, SharedWindows)
        windows = evolve(windows, most_calls=MOST_CALLS)
        yield Storage(server, windows, clock)
        wait_for(windows.close())


redis_only = pytest.mark.parametrize("storage", ["redis"], indirect=True)


class TestAwayAndBack:
    @in_reactor
    async def test_counting_goes_on_when_the_server_is_back(self, storage: Storage) -> None:
        assert (await storage.hit()).allowed

        storage.server.stop()
        reason = await storage.explain()
        assert reason not in {"counted", "it failed a moment ago"}

        storage.server.start()
        assert await storage.explain() == "it failed a moment ago"
        storage.wait()
        assert await storage.explain() == "counted"
        assert await storage.explain() == "counted"

    @in_reactor
    async def test_one_call_tries_while_the_server_is_away(self, storage: Storage) -> None:
        storage.server.stop()
        await storage.explain()
        storage.wait()

        reasons = Counter(await gather(storage.explain, 20))

        assert reasons.pop("it failed a moment ago") == 19
        assert reasons.total() == 1

    @in_reactor
    async def test_all_idle_connections_are_forgotten_at_once(self, storage: Storage) -> None:
        assert set(await gather(storage.explain, 20)) == {"counted"}
        storage.server.stop()
        await storage.explain()
        storage.server.start()
        storage.wait()

        assert await storage.explain() == "counted"
        assert set(await gather(storage.explain, 20)) == {"counted"}

    @in_reactor
    async def test_the_check_tells(self, storage: Storage) -> None:
        await storage.windows.check()
        storage.server.stop()
        with pytest.raises(StorageAway):
            await storage.windows.check()

    @in_reactor
    async def test_a_throttle_says_once_that_it_begins_and_once_that_it_is_over(self, storage: Storage) -> None:
        uncounted: list[None] = []
        throttle = Throttle(storage.windows, {"api": RATE}, "allow", lambda: uncounted.append(None))

        with collect_lines() as lines:
            storage.server.stop()
            assert [await throttle.hit("api", "a", "/api/x") for _ in range(5)] == [None] * 5
            states = [throttle.away]
            storage.server.start()
            storage.wait()
            decisions = [await throttle.hit("api", "a", "/api/x") for _ in range(5)]

        states.append(throttle.away)
        assert all(decision and decision.allowed for decision in decisions)
        assert states == [True, False]
        assert len(uncounted) == 5
        assert [("is away" in line, "is back" in line) for line in lines] == [(True, False), (False, True)]

    @in_reactor
    async def test_a_health_check_notices_the_return(self, storage: Storage) -> None:
        throttle = Throttle(storage.windows, {"api": RATE}, "allow")
        storage.server.stop()
        assert not await throttle.answers()
        storage.server.start()
        storage.wait()

        assert await throttle.answers()
        assert not throttle.away


class TestHanging:
    @in_reactor
    async def test_the_reactor_never_waits(self, storage: Storage) -> None:
        events: list[str] = []
        await storage.hit()
        storage.server.freeze()
        ticking = LoopingCall(events.append, "tick")
        ticking.clock = reactor
        ticking.start(0.01)

        reasons = await gather(storage.explain, MOST_CALLS)
        events.append("answered")
        ticking.stop()
        storage.server.thaw()

        assert "counted" not in reasons
        assert events.index("answered") > 10, "the reactor ticked while every thread hung"

    @in_reactor
    async def test_a_crowd_costs_one_time_out_and_does_not_pile_up(self, storage: Storage) -> None:
        storage.server.freeze()

        reasons = Counter(await gather(storage.explain, 100))

        assert reasons.pop("too many calls wait for it") == 100 - MOST_CALLS
        assert reasons.pop("it failed while this call waited") >= MOST_CALLS - 2 * THREADS
        assert reasons.total() <= 2 * THREADS, "so many threads really asked the server"

        storage.server.thaw()
        storage.wait()
        assert await storage.explain() == "counted"

    @in_reactor
    async def test_who_leaves_early_does_not_make_room_for_more(self, storage: Storage) -> None:
        storage.server.freeze()
        waiting = [Deferred.fromCoroutine(storage.hit()) for _ in range(MOST_CALLS)]
        for each in waiting:
            each.cancel()
            with pytest.raises(CancelledError):
                await each

        assert await storage.explain() == "too many calls wait for it"

        storage.server.thaw()
        await drain(storage)

    @in_reactor
    async def test_leaving_early_is_no_outage(self, storage: Storage) -> None:
        throttle = Throttle(storage.windows, {"api": RATE}, "allow")
        storage.server.freeze()
        waiting = Deferred.fromCoroutine(throttle.hit("api", "a", "/api/x"))
        waiting.cancel()
        with pytest.raises(CancelledError):
            await waiting

        assert not throttle.away
        storage.server.thaw()


@redis_only
class TestRedis:
    @in_reactor
    async def test_a_restart_between_two_requests_is_not_noticed(self, storage: Storage) -> None:
        await storage.hit()
        storage.server.stop()
        storage.server.start()

        assert await storage.explain() == "counted"

    @in_reactor
    async def test_a_wrong_password_is_a_storage_that_is_away_and_stays_secret(self, storage: Storage) -> None:
        with Redis.from_url(storage.server.uri) as administrator:
            administrator.config_set("requirepass", "right")
        uri = storage.server.uri.replace("//", "//:wrong-secret@")

        with run_threads(1) as runner:
            windows = open_windows(Secret(uri), "fixed-window", time.time, runner)
            with pytest.raises(StorageAway) as refusal:
                await windows.hit(RATE, "key")
            await windows.close()

        assert str(refusal.value) == "AuthenticationError"
        assert refusal.value.__cause__ is None

    @in_reactor
    async def test_no_address_of_a_client_is_kept_there(self, storage: Storage) -> None:
        await storage.windows.hit(RATE, "api", "192.0.2.77", "/api/login")

        with Redis.from_url(storage.server.uri) as administrator:
            keys = administrator.keys("*")
        assert len(keys) == 1
        assert b"192.0.2.77" not in keys[0]


async def gather(call: Callable[[], Coroutine[Any, Any, str]], times: int) -> list[str]:
    """What so many calls at once return."""
    return await gatherResults([Deferred.fromCoroutine(call()) for _ in range(times)])


async def drain(storage: Storage) -> None:
    """Return when the storage counts again, so nothing waits any more."""
    while await storage.explain() != "counted":
        storage.wait()
