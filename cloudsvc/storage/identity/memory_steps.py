"""Steps of a store of accounts in plain memory: what all of its parts stand on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from attrs import define, field

from cloudsvc.identity.errors import changed_meanwhile, too_many
from cloudsvc.identity.revisions import Revision
from cloudsvc.storage.identity.memory_accounts import Accounts

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S", bound="MemorySteps")


@define(eq=False)
class MemorySteps:
    """
    One part of such a store.

    :param accounts: what several of them may share, as processes share a database.
    """

    _accounts: Accounts = field(factory=Accounts)


def guarded(change: Callable[Concatenate[S, P], Awaitable[R]]) -> Callable[Concatenate[S, P], Coroutine[Any, Any, R]]:
    """``change``, which is undone and refused where it leaves nobody who gets in to manage the accounts."""

    @wraps(change)
    async def do(self: S, /, *arguments: P.args, **named: P.kwargs) -> R:
        with self._accounts.guarded():
            return await change(self, *arguments, **named)

    return do


def compare_revisions(kept: Revision, read: Revision) -> None:
    """See that something is still what was read."""
    if kept != read:
        raise changed_meanwhile()


def check_number(found: Iterable[object], what: str, most: int) -> None:
    """See that there is room for one more."""
    if sum(1 for _ in found) >= most:
        raise too_many(what, most)
