"""Opening of rate-limit stores by address. Their client libraries are imported only when used."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Literal

from limits.errors import ConfigurationError
from limits.storage import MemcachedStorage, RedisStorage
from limits.strategies import FixedWindowRateLimiter, MovingWindowRateLimiter

from cloudsvc.access.throttling.memory import FixedWindowStore, MovingWindowStore
from cloudsvc.access.throttling.shared import Note, SharedStore
from cloudsvc.access.throttling.store import RateLimitStore
from cloudsvc.access.throttling.workers import SharedWindowStore
from cloudsvc.core.clock import WallClock
from cloudsvc.core.secrets import Secret
from cloudsvc.core.threads import ThreadRunner

Strategy = Literal["fixed-window", "moving-window"]

_OVER_TLS: Final = "rediss"
_REDIS: Final = ("redis", _OVER_TLS, "redis+unix")
_TIMEOUT: Final = 1.0
"""Seconds, for connecting and for each answer."""

_IDLE: Final = 60
"""Seconds after which a connection to Memcached is not used again: something between may have dropped it."""


def find_engine(storage_uri: Secret | None) -> Literal["redis", "memcached"] | None:
    """Which other program counts at ``storage_uri``; ``None`` where that is done in memory."""
    scheme = _find_scheme(storage_uri)
    return "redis" if scheme in _REDIS else "memcached" if scheme == "memcached" else None


def open_store(
    storage_uri: Secret | None,
    strategy: Strategy,
    now: WallClock,
    runner: ThreadRunner,
    *,
    open_windows: Callable[[], SharedWindowStore] | None = None,
    ca_file: Path | None = None,
    note: Note = lambda outcome, seconds: None,  # without metrics nobody counts
) -> RateLimitStore:
    """
    The rate-limit store that counts by ``strategy`` at ``storage_uri``. Nothing is connected yet.

    :param storage_uri: ``redis://host:6379/0`` (or ``rediss:``, ``redis+unix:``) or ``memcached://host:11211``;
        ``memory://`` or nothing for the memory of this process.
    :param runner: owns the threads in which the storage is asked.
    :param open_windows: gives what counts in memory where several workers do so together.
    :param ca_file: certificates of authorities that may have signed that of a ``rediss:`` storage, beside those that
        everybody trusts. That it is verified, only a parameter of ``storage_uri`` itself can turn off.
    :param note: is told, in a thread, what came of each call to another program (``done`` or ``failed``), and after
        how many seconds.
    :raises ModuleNotFoundError: the library for it is missing, which a configuration that was checked does not ask for.
    :raises ValueError: says what to write instead, without the address, which may hold a password.
    """
    uri = storage_uri.reveal() if storage_uri else ""
    scheme = _find_scheme(storage_uri)
    if scheme == "memory" and open_windows is not None:
        if strategy == "moving-window":
            raise ValueError("several workers cannot count a moving window in memory; use a fixed one, or Redis")
        return open_windows()
    if scheme == "memory":
        return FixedWindowStore(now) if strategy == "fixed-window" else MovingWindowStore(now)
    try:
        if scheme in _REDIS:
            trust = _choose_trust(ca_file) if scheme == _OVER_TLS else {}
            return _open_redis(uri, strategy, now, runner, note, trust=trust)
        if scheme == "memcached" and strategy == "fixed-window":
            return _open_memcached(uri, now, runner, note)
    except (ConfigurationError, ValueError):
        raise ValueError(f"the address of the {scheme}:// storage is malformed; write {scheme}://host:port") from None
    if scheme == "memcached":
        raise ValueError("Memcached cannot count a moving window; use a fixed window, or Redis, or memory://")
    raise ValueError(
        "the address of the storage must begin with memory://, redis://, rediss://, redis+unix:// or memcached://"
    )


def _find_scheme(uri: Secret | None) -> str:
    return uri.reveal().partition("://")[0] if uri and uri.reveal() else "memory"


def check_authorities(ca_file: Path) -> None:
    """
    See that ``ca_file`` has certificates. Blocks.

    :raises ValueError: says what to write instead.
    """
    try:
        ssl.create_default_context(cafile=str(ca_file))
    except ssl.SSLError:
        raise ValueError(f"{ca_file} has no certificates in it; write those of the authority there, as PEM") from None
    except OSError as problem:
        reason = problem.strerror or "it is no file"
        raise ValueError(f"{ca_file} cannot be read ({reason}); name a file of certificates, as PEM") from None


def _choose_trust(ca_file: Path | None) -> Mapping[str, Any]:
    """Whom a client of Redis trusts."""
    # Said although it is so by itself in this version of the library: earlier ones took any name.
    verified = {"ssl_cert_reqs": "required", "ssl_check_hostname": True}
    return verified if ca_file is None else {**verified, "ssl_ca_certs": str(ca_file)}


def _open_redis(
    uri: str,
    strategy: Strategy,
    now: WallClock,
    runner: ThreadRunner,
    note: Note,
    *,
    trust: Mapping[str, Any],
) -> RateLimitStore:
    from redis.backoff import NoBackoff  # noqa: PLC0415 - most servers count in memory
    from redis.retry import Retry  # noqa: PLC0415 - see above

    options: dict[str, Any] = {
        "socket_timeout": _TIMEOUT,
        "socket_connect_timeout": _TIMEOUT,
        "retry": Retry(NoBackoff(), 0),
        **trust,
    }
    storage = RedisStorage(uri, **options)
    kind = FixedWindowRateLimiter if strategy == "fixed-window" else MovingWindowRateLimiter
    pool: Any = storage.storage.connection_pool
    return SharedStore(
        storage=storage,
        limiter=kind(storage),
        disconnect=lambda: pool.disconnect(inuse_connections=False),
        runner=runner,
        now=now,
        note=note,
    )


def _open_memcached(uri: str, now: WallClock, runner: ThreadRunner, note: Note) -> RateLimitStore:
    from pymemcache.client import (  # type: ignore[import-untyped]  # noqa: PLC0415 - no types; most count in memory
        HashClient,
        PooledClient,
    )

    # The library would open one connection for each thread and never close it. This client serves all threads.
    storage = MemcachedStorage(uri, client_getter=lambda *_: client)
    if not storage.hosts:
        raise ValueError
    options: dict[str, Any] = {
        "connect_timeout": _TIMEOUT,
        "timeout": _TIMEOUT,
        "no_delay": True,
        "pool_idle_timeout": _IDLE,
    }
    several = len(storage.hosts) > 1
    client: Any = (
        HashClient(storage.hosts, use_pooling=True, **options) if several else PooledClient(*storage.hosts, **options)
    )
    return SharedStore(
        storage=storage,
        limiter=FixedWindowRateLimiter(storage),
        disconnect=lambda: _close_idle([*client.clients.values()] if several else [client]),
        runner=runner,
        now=now,
        note=note,
    )


def _close_idle(clients: Iterable[Any]) -> None:
    """
    Close the connections to Memcached that no thread uses now.

    The clients' own ``close`` takes away those of other threads as well, in the middle of a call; and of one that is
    about to connect it only takes the place in the pool, so that nobody would ever close its socket.
    """
    for pool in (client.client_pool for client in clients):
        while pool.free:
            # Where another thread is quicker, this is a new client, which has connected to nothing.
            pool.destroy(pool.get())
