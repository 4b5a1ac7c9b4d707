"""Health checks of the server's own parts."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final

from cloudsvc.core.clock import WallClock
from cloudsvc.core.threads import ThreadRunner
from cloudsvc.observe.disks import find_free_space
from cloudsvc.observe.health import Check, Finding

_DAY: Final = 86_400


def check_token(is_configured: Callable[[], bool], *, gets_in: Callable[[], bool]) -> Check:
    """
    Vital: nobody can do anything without a credential.

    :param is_configured: whether there is a token of the server's own, now.
    :param gets_in: whether somebody can have another credential, now.
    """

    async def run() -> Finding:
        if is_configured():
            return Finding(ok=True, message="Server token is configured")
        return Finding(ok=gets_in(), message="Server token is not configured")

    return Check(name="token", vital=True, run=run)


def check_certificate(
    not_after: Callable[[], float],
    now: WallClock,
    *,
    days: float,
    has_problem: Callable[[], bool],
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


def check_limits_storage(name: str, answers: Callable[[], Awaitable[bool]], *, is_needed: bool) -> Check:
    """
    Whether the storage that throttling shares with other servers answers.

    :param name: of what it is, such as ``redis``.
    :param is_needed: whether requests that it cannot count are refused, which are all but a few.
    """

    async def run() -> Finding:
        if await answers():
            return Finding(ok=True, message="The storage of the rate limits answers")
        return Finding(ok=False, message="The storage of the rate limits does not answer")

    return Check(name=name, vital=is_needed, run=run)


def check_disk(folders: Sequence[Path], threads: ThreadRunner, *, trees: Sequence[Path] = (), free_bytes: int) -> Check:
    """
    Whether there is room for what the server writes, on every file system that it writes to.

    :param trees: folders in which others may lie on file systems of their own.
    :param free_bytes: enough. A file system that counts no blocks is never full.
    """

    async def run() -> Finding:
        spaces = await threads.run(find_free_space, folders, trees)
        if not all(space.takes_files for space in spaces):
            return Finding(ok=False, message="A disk takes no more files, however small")
        least = min(spaces, key=lambda space: math.inf if space.free_bytes is None else space.free_bytes)
        which = "the disk" if len(spaces) == 1 else f"the fullest of {len(spaces)} disks"
        ok = least.free_bytes is None or least.free_bytes >= free_bytes
        return Finding(ok=ok, message=f"{least.share:.0%} of {which} is free")

    return Check(name="disk", vital=False, run=run)


def check_descriptors(are_left: Callable[[], bool]) -> Check:
    """Vital: without a descriptor no file is stored or read, and no connection accepted."""

    async def run() -> Finding:
        if are_left():
            return Finding(ok=True, message="Files can be opened")
        return Finding(ok=False, message="No more files can be opened")

    return Check(name="descriptors", vital=True, run=run)


def check_workers(configured: int, count_ready: Callable[[], int]) -> Check:
    """Whether as many workers answer requests as are to."""

    async def run() -> Finding:
        ready = count_ready()
        return Finding(ok=ready >= configured, message=f"{ready} of {configured} workers answer requests")

    return Check(name="workers", vital=False, run=run)


def check_reactor_lag(worst: Callable[[], float], *, seconds: float) -> Check:
    """Whether the reactor has lately been on time; ``worst`` gives its greatest recent lateness in seconds."""

    async def run() -> Finding:
        late = worst()
        return Finding(ok=late <= seconds, message=f"The reactor was at most {late * 1000:.0f} ms late")

    return Check(name="reactor", vital=False, run=run)
