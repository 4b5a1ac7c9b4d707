"""Storages of rate limits that go away, come back, hang, and refuse; and a reactor that never waits for them."""

from __future__ import annotations

import socketserver
import sys
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from attrs import define, evolve
from redis import Redis
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.internet.task import Clock, LoopingCall

from cloudsvc.access.throttling import (
    Decision,
    RateLimitStore,
    SharedStore,
    StoreUnavailable,
    Throttle,
    open_store,
    opening,
)
from cloudsvc.core.rates import parse_rate
from cloudsvc.core.secrets import Secret
from tests.access.test_throttle import collect_lines
from tests.support.external_servers import ToolServer, run_memcached, run_redis
from tests.support.reactors import in_reactor, run_threads, wait_for
from tests.support.server import PATIENCE

RATE = parse_rate("10000/minute")
THREADS = 4
MOST_CALLS = 20


@define
class Storage:
    """A server, the store that counts in it, and the clock that paces its tries."""

    server: ToolServer
    store: RateLimitStore
    clock: Clock

    async def hit(self) -> Decision:
        return await self.store.hit(RATE, "key")

    async def explain(self) -> str:
        """Why a hit is not counted."""
        try:
            await self.hit()
        except StoreUnavailable as reason:
            return str(reason)
        return "counted"

    def wait(self) -> None:
        """Let the time pass after which a storage that failed is tried again."""
        self.clock.advance(10)


@pytest.fixture
def most_seconds() -> float:
    """For which an answer of the storage is waited: for ever, where the storage does not hang."""
    return PATIENCE


@pytest.fixture(params=["redis", "memcached"])
def storage(
    request: pytest.FixtureRequest, tmp_path: Path, most_seconds: float, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Storage]:
    monkeypatch.setattr(opening, "_TIMEOUT", most_seconds)
    with run_redis(tmp_path) if request.param == "redis" else run_memcached() as server, run_threads(THREADS) as runner:
        clock = Clock()
        clock.advance(time.time())
        store = open_store(Secret(server.uri), "fixed-window", clock.seconds, runner)
        assert isinstance(store, SharedStore)
        store = evolve(store, most_calls=MOST_CALLS)
        yield Storage(server, store, clock)
        wait_for(store.close())


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
        await storage.store.check()
        storage.server.stop()
        with pytest.raises(StoreUnavailable):
            await storage.store.check()

    @in_reactor
    async def test_a_throttle_says_once_that_it_begins_and_once_that_it_is_over(self, storage: Storage) -> None:
        uncounted: list[None] = []
        throttle = Throttle(storage.store, {"api": RATE}, "allow", lambda: uncounted.append(None))

        with collect_lines() as lines:
            storage.server.stop()
            assert [await throttle.hit("api", "a", "/api/x") for _ in range(5)] == [None] * 5
            states = [throttle.unavailable]
            storage.server.start()
            storage.wait()
            decisions = [await throttle.hit("api", "a", "/api/x") for _ in range(5)]

        states.append(throttle.unavailable)
        assert all(decision and decision.allowed for decision in decisions)
        assert states == [True, False]
        assert len(uncounted) == 5
        assert [("is unavailable" in line, "is available again" in line) for line in lines] == [
            (True, False),
            (False, True),
        ]

    @in_reactor
    async def test_a_health_check_notices_the_return(self, storage: Storage) -> None:
        throttle = Throttle(storage.store, {"api": RATE}, "allow")
        storage.server.stop()
        assert not await throttle.answers()
        storage.server.start()
        storage.wait()

        assert await throttle.answers()
        assert not throttle.unavailable


class TestHanging:
    @pytest.fixture
    @staticmethod
    def most_seconds() -> float:
        return 1.0

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
        await drain(storage)

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
        throttle = Throttle(storage.store, {"api": RATE}, "allow")
        storage.server.freeze()
        waiting = Deferred.fromCoroutine(throttle.hit("api", "a", "/api/x"))
        waiting.cancel()
        with pytest.raises(CancelledError):
            await waiting

        assert not throttle.unavailable
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
            store = open_store(Secret(uri), "fixed-window", time.time, runner)
            with pytest.raises(StoreUnavailable) as refusal:
                await store.hit(RATE, "key")
            await store.close()

        assert str(refusal.value) == "AuthenticationError"
        assert refusal.value.__cause__ is None

    @in_reactor
    async def test_no_address_of_a_client_is_kept_there(self, storage: Storage) -> None:
        await storage.store.hit(RATE, "api", "192.0.2.77", "/api/login")

        with Redis.from_url(storage.server.uri) as administrator:
            keys = administrator.keys("*")
        assert len(keys) == 1
        assert b"192.0.2.77" not in keys[0]


class TestMemcached:
    @pytest.mark.parametrize("hosts", [("127.0.0.1",), ("127.0.0.1", "localhost")], ids=["one", "several"])
    @in_reactor
    async def test_a_call_that_is_under_way_keeps_its_connection(
        self, hosts: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(opening, "_TIMEOUT", PATIENCE)
        with run_patient_server() as server, run_threads(2) as runner:
            uri = "memcached://" + ",".join(f"{host}:{server.server_address[1]}" for host in hosts)
            store = open_store(Secret(uri), "fixed-window", time.time, runner)
            hit = Deferred.fromCoroutine(store.hit(RATE, "key"))
            assert await runner.run(server.asked.wait, PATIENCE)
            # What a failure of another call does as well.
            await store.close()
            server.answers.set()
            assert (await hit).allowed
        assert not server.broken


class PatientServer(socketserver.ThreadingTCPServer):
    """
    What Memcached says when a key was counted once, to as many connections as come, from when ``answers`` is set.

    A client of several servers has a connection to each, and asks the one that a key's hash chooses.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.asked, self.answers, self.broken = Event(), Event(), list[BaseException | None]()

    def handle_error(self, request: object, client_address: object) -> None:
        """A connection that the client has broken off."""
        self.broken.append(sys.exception())


class Answering(socketserver.BaseRequestHandler):
    """A connection."""

    server: PatientServer

    def handle(self) -> None:
        """Answer each command, until the client ends."""
        self.request.settimeout(PATIENCE)
        while command := self.request.recv(4096):
            self.server.asked.set()
            assert self.server.answers.wait(PATIENCE)
            self.request.sendall(b"1\r\n" if command.startswith(b"incr") else b"END\r\n")


@contextmanager
def run_patient_server() -> Iterator[PatientServer]:
    with PatientServer() as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


async def gather(call: Callable[[], Coroutine[Any, Any, str]], times: int) -> list[str]:
    """What so many calls at once return."""
    return await gatherResults([Deferred.fromCoroutine(call()) for _ in range(times)])


async def drain(storage: Storage) -> None:
    """Return when the storage counts again, so nothing waits any more."""
    while await storage.explain() != "counted":
        storage.wait()
