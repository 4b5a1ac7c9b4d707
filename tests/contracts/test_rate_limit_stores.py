"""Contract of rate-limit stores, over real Redis and Memcached servers too."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from attrs import frozen
from twisted.internet import reactor
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import Clock, deferLater

from cloudsvc.access.throttling import RateLimitStore, SharedWindowStore, make_windows, open_store, opening
from cloudsvc.access.throttling.opening import Strategy
from cloudsvc.core.rates import parse_rate
from cloudsvc.core.secrets import Secret
from tests.support.external_servers import ToolServer, run_memcached, run_redis
from tests.support.inline_threads import Inline
from tests.support.reactors import in_reactor, run_threads, wait_for
from tests.support.server import PATIENCE

pytestmark = pytest.mark.slow

THREE = parse_rate("3/minute")
FOUR = parse_rate("4/minute")
BRIEF = parse_rate("2/2 seconds")
KEY = "key"


@frozen
class Case:
    """A rate-limit store together with the time it lives in."""

    store: RateLimitStore
    now: Callable[[], float]
    clock: Clock | None

    async def hit(self, *names: str) -> list[bool]:
        """Whether hits of these keys at the rate of three are allowed."""
        return [(await self.store.hit(THREE, KEY, name)).allowed for name in names]

    async def wait(self, seconds: float) -> None:
        if self.clock is not None:
            self.clock.advance(seconds)
        else:
            await deferLater(IReactorTime(reactor), seconds)


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[ToolServer]:
    with run_redis(tmp_path) as server:
        yield server


@pytest.fixture
def memcached() -> Iterator[ToolServer]:
    with run_memcached() as server:
        yield server


@pytest.fixture(
    params=[
        ("memory", "fixed-window"),
        ("memory", "moving-window"),
        ("workers", "fixed-window"),
        ("redis", "fixed-window"),
        ("redis", "moving-window"),
        ("memcached", "fixed-window"),
    ],
    ids="-".join,
)
def case(request: pytest.FixtureRequest) -> Iterator[Case]:
    storage, strategy = request.param
    if storage == "memory":
        yield from _open_memory(strategy)
    elif storage == "workers":
        yield from _open_windows()
    else:
        yield from _open_shared(request.getfixturevalue(storage), strategy)


def _open_memory(strategy: Strategy) -> Iterator[Case]:
    clock = Clock()
    clock.advance(time.time())
    yield Case(open_store(None, strategy, clock.seconds, Inline()), clock.seconds, clock)


def _open_windows() -> Iterator[Case]:
    clock = Clock()
    clock.advance(time.time())
    store = SharedWindowStore.open(make_windows(), b"key", clock.seconds)
    yield Case(store, clock.seconds, clock)
    wait_for(store.close())


def _open_shared(server: ToolServer, strategy: Strategy) -> Iterator[Case]:
    with run_threads(4) as runner, pytest.MonkeyPatch.context() as patch:
        patch.setattr(opening, "_TIMEOUT", PATIENCE)  # a busy machine's server is not away
        store = open_store(Secret(server.uri), strategy, time.time, runner)
        yield Case(store, time.time, None)
        wait_for(store.close())


@in_reactor
async def test_hits_are_allowed_up_to_the_rate(case: Case) -> None:
    assert await case.hit("a", "a", "a", "a", "a") == [True, True, True, False, False]


@in_reactor
async def test_a_decision_counts_down(case: Case) -> None:
    decisions = [await case.store.hit(THREE, KEY) for _ in range(4)]

    assert [decision.limit for decision in decisions] == [3, 3, 3, 3]
    assert [decision.remaining for decision in decisions] == [2, 1, 0, 0]


@in_reactor
async def test_the_reset_lies_within_one_window(case: Case) -> None:
    for _ in range(4):
        decision = await case.store.hit(THREE, KEY)
        assert case.now() < decision.reset_at <= case.now() + 60 + 1, "storages may round up to seconds"


@in_reactor
async def test_keys_are_counted_apart_in_each_of_their_parts(case: Case) -> None:
    assert await case.hit("a", "a", "a", "a") == [True, True, True, False]
    assert await case.hit("b") == [True]
    assert (await case.store.hit(THREE, KEY)).allowed
    assert (await case.store.hit(THREE, "key/a")).allowed, "parts are no path"


@in_reactor
async def test_each_route_of_each_client_is_counted_apart(case: Case) -> None:
    """As the throttle asks: a class, a client, a route."""
    places = [("api", "a", "/x"), ("api", "a", "/y"), ("api", "b", "/x"), ("transfer", "a", "/x"), ("api", "a/x", "")]
    for place in places:
        assert [(await case.store.hit(THREE, *place)).allowed for _ in range(4)] == [True, True, True, False]


@in_reactor
async def test_rates_are_counted_apart(case: Case) -> None:
    assert await case.hit("a", "a", "a", "a") == [True, True, True, False]
    assert (await case.store.hit(FOUR, KEY, "a")).allowed


@in_reactor
async def test_any_text_is_a_key(case: Case) -> None:
    for odd in ("", "a b\r\n", "ü€\0", "\udcff", "x" * 10_000, "2001:db8::/64", "/api/files/<path:name>"):
        assert (await case.store.hit(THREE, KEY, odd)).remaining == 2


@in_reactor
async def test_after_the_window_it_begins_anew(case: Case) -> None:
    assert [(await case.store.hit(BRIEF, KEY)).allowed for _ in range(3)] == [True, True, False]
    await case.wait(3.1)  # storages count in whole seconds
    assert [(await case.store.hit(BRIEF, KEY)).allowed for _ in range(3)] == [True, True, False]


@in_reactor
async def test_a_storage_that_answers_passes_the_check(case: Case) -> None:
    await case.store.check()
