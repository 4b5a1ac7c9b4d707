"""The checks of the server's own parts."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from cloudsvc.core.clock import WallClock
from cloudsvc.core.threads import ThreadRunner
from cloudsvc.observe.health import Check, Finding

_DAY: Final = 86_400


def check_token(is_configured: Callable[[], bool]) -> Check:
    """Vital: nobody can do anything without a token."""

    async def run() -> Finding:
        if is_configured():
            return Finding(ok=True, message="Server token is configured")
        return Finding(ok=False, message="Server token is not configured")

    return Check(name="token", vital=True, run=run)


def check_certificate(
    not_after: Callable[[], float],
    now: WallClock,
    *,
    days: float = 14,
    has_problem: Callable[[], bool] = lambda: False,
) -> Check:
    """
    Whether the served certificate is good for some ``days`` more.

    :param not_after: gives the end of its validity in seconds since the epoch.
    :param has_problem: whether something else is wrong, such as a replacement on disk that cannot be served.
    """

    async def run() -> Finding:
        left = (not_after() - now()) / _DAY
        if left <= 0:
            return Finding(ok=False, message="The certificate has expired")
        if has_problem():
            return Finding(ok=False, message="The certificate cannot be replaced or renewed: the log says why")
        return Finding(ok=left >= days, message=f"The certificate is valid for {int(left)} more days")

    return Check(name="certificate", vital=False, run=run)


def check_limits_storage(answers: Callable[[], Awaitable[bool]]) -> Check:
    """Whether the storage that throttling shares with other servers answers. Requests are served without it."""

    async def run() -> Finding:
        if await answers():
            return Finding(ok=True, message="The storage of the rate limits answers")
        return Finding(ok=False, message="The storage of the rate limits does not answer")

    return Check(name="limits_storage", vital=False, run=run)


def check_disk(directory: Path, threads: ThreadRunner, *, free_bytes: int = 2**30) -> Check:
    """
    Whether there is room for what the server writes.

    :param free_bytes: enough. A file system that counts no blocks is never full.
    """

    async def run() -> Finding:
        disk = await threads.run(os.statvfs, directory)
        free = disk.f_bavail * disk.f_frsize
        share = disk.f_bavail / disk.f_blocks if disk.f_blocks else 1.0
        return Finding(ok=free >= free_bytes or not disk.f_blocks, message=f"{share:.0%} of the disk is free")

    return Check(name="disk", vital=False, run=run)


def check_reactor_lag(worst: Callable[[], float], *, seconds: float = 1.0) -> Check:
    """Whether the reactor has lately been on time; ``worst`` gives its greatest recent lateness in seconds."""

    async def run() -> Finding:
        late = worst()
        return Finding(ok=late <= seconds, message=f"The reactor was at most {late * 1000:.0f} ms late")

    return Check(name="reactor", vital=False, run=run)
