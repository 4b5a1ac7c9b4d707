"""From the address of a storage to a rate-limit store; what is wrong is explained without showing the address."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from cloudsvc.access.throttling import FixedWindowStore, MovingWindowStore, RateLimitStore, SharedStore, open_store
from cloudsvc.access.throttling.opening import Strategy
from cloudsvc.core.secrets import Secret
from tests.support.inline_threads import Inline


def open_at(uri: str | None, strategy: Strategy = "fixed-window") -> RateLimitStore:
    return open_store(None if uri is None else Secret(uri), strategy, time.time, Inline())


@pytest.mark.parametrize("uri", [None, "", "memory://"])
def test_without_a_storage_it_is_memory(uri: str | None) -> None:
    assert isinstance(open_at(uri), FixedWindowStore)
    assert isinstance(open_at(uri, "moving-window"), MovingWindowStore)


@pytest.mark.parametrize(
    "uri",
    [
        "redis://:secret@127.0.0.1:6379/0",
        "rediss://name:secret@127.0.0.1:6379/0",
        "redis+unix://:secret@/run/redis/redis.sock",
        "memcached://127.0.0.1:11211",
        "memcached://127.0.0.1:11211,127.0.0.2:11211",
        "memcached:///run/memcached.sock",
    ],
)
def test_a_shared_storage_is_opened_without_connecting(uri: str) -> None:
    store = open_at(uri)

    assert isinstance(store, SharedStore)
    assert "secret" not in repr(store)


@pytest.mark.parametrize(
    ("uri", "strategy", "advice"),
    [
        ("secret", "fixed-window", "must begin with memory://, redis://"),
        ("mongodb://:secret@127.0.0.1", "fixed-window", "must begin with memory://, redis://"),
        ("memcached://secret:11211", "moving-window", "use a fixed window, or Redis"),
        ("memcached://secret", "fixed-window", "write memcached://host:port"),
        ("memcached://", "fixed-window", "write memcached://host:port"),
        ("memcached://127.0.0.1:secret", "fixed-window", "write memcached://host:port"),
        ("redis://127.0.0.1:secret", "fixed-window", "write redis://host:port"),
        ("redis://:secret@[127.0.0.1", "fixed-window", "write redis://host:port"),
    ],
)
def test_what_is_wrong_is_explained_without_the_address(uri: str, strategy: Strategy, advice: str) -> None:
    with pytest.raises(ValueError, match=advice) as refusal:
        open_at(uri, strategy)

    assert "secret" not in str(refusal.value)
    assert refusal.value.__cause__ is None


def test_counting_in_memory_imports_no_client_and_no_reactor() -> None:
    code = (
        "import sys, time; from cloudsvc.access.throttling import open_store;"
        "open_store(None, 'fixed-window', time.time, None);"
        "sys.exit(not sys.modules.keys().isdisjoint({'redis', 'pymemcache', 'twisted.internet.reactor'}))"
    )

    subprocess.run([sys.executable, "-c", code], check=True)
