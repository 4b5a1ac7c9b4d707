"""Followers of changes: each with its place among the changes that its actor sees."""

from __future__ import annotations

from collections.abc import Sequence, Sized
from itertools import accumulate
from typing import Final, Generic, Protocol, TypeVar

from attrs import define, evolve, field
from twisted.internet.defer import Deferred

from cloudsvc.core.actors import Actor
from cloudsvc.core.errors import CloudError
from cloudsvc.drive.changes import Changes, Looked, Position
from cloudsvc.drive.recent_changes import Numbered, View

F = TypeVar("F", bound=Sized)

PAGE: Final = 100
"""Changes that are read at a time, and told at a time; but see :data:`PAGE_BYTES`."""

PAGE_BYTES: Final = 32 * 2**10
"""
Of what is told at a time, but for a single change that is more: whoever does not take it holds it in memory, and so
may thousands.
"""


class Followed(Protocol[F]):
    """What a follower needs of the feed."""

    def join(self, follower: Follower[F]) -> None:
        """``follower`` is about to wait."""

    def leave(self, follower: Follower[F]) -> None:
        """``follower`` will not wait any more."""

    def await_change(self, follower: Follower[F], seconds: float) -> None:
        """Wake ``follower`` when there is something new, or after about so many seconds."""

    def end_waiting(self, follower: Follower[F]) -> None:
        """``follower`` is awake."""

    def wake_soon(self, follower: Follower[F]) -> None:
        """Wake ``follower``, not necessarily in this turn of the reactor."""

    async def catch_up(self, follower: Follower[F]) -> None:
        """Read from the catalogue what ``follower`` lacks, for itself alone: some of it."""


@define(eq=False, kw_only=True)
class Follower(Generic[F]):
    """
    Somebody who follows, from :meth:`cloudsvc.drive.following.Feed.follow`.

    :ivar epoch: of the changes that it reads.
    :ivar number: of the last change that was taken, or after which it began.
    :ivar looked: how far the catalogue was looked through for it alone.
    :ivar is_over: whether nothing more comes: it was ended, or what would come is not remembered any more.
    """

    _feed: Followed[F]
    view: View[F]
    actor: Actor
    epoch: str
    number: int
    looked: Looked | None = None
    is_over: bool = False
    _ready: list[Numbered[F]] = field(factory=list)
    _waiting: Deferred[None] | None = None
    _has_joined: bool = False

    @property
    def position(self) -> Position:
        """After which to go on."""
        return Position(epoch=self.epoch, number=self.number)

    @property
    def is_waiting(self) -> bool:
        """Whether it waits for changes."""
        return self._waiting is not None

    async def read(self, seconds: float) -> Sequence[F]:
        """
        The next changes, as they are told, :data:`PAGE` and about :data:`PAGE_BYTES` at most.

        :param seconds: after about so many there are none; with 0 at once.
        :return: none also where it is over.
        """
        # Who does not wait need not be woken, and so is no reason to read.
        if seconds and not self._has_joined and not self.is_over:
            self._has_joined = True
            self._feed.join(self)
        has_waited = False
        while not self.is_over:
            if found := self._take():
                self.number = found[-1][0]
                return [form for _, form in found]
            if self._is_behind:
                await self._catch_up()
            elif has_waited or not seconds:
                break
            else:
                has_waited = True
                await self._wait(seconds)
        return ()

    def end(self) -> None:
        """Let it be over, also for whoever waits in :meth:`read`."""
        self.is_over = True
        self.leave()
        if self.is_waiting:
            self._feed.wake_soon(self)

    def leave(self) -> None:
        """Nobody reads it any more."""
        self._feed.leave(self)

    def wake(self) -> None:
        """Let it look."""
        if self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            waiting.callback(None)

    def take_in(self, changes: Changes, rendered: list[Numbered[F]]) -> None:
        """Keep what was read from the catalogue for it alone, until it is taken."""
        self._ready = _fit(rendered)
        self.looked = changes.looked
        if len(self._ready) < len(rendered):
            self.looked = evolve(changes.looked, to=self._ready[-1][0])

    @property
    def _is_behind(self) -> bool:
        """Whether there may be changes for it that the view does not keep."""
        reached = self.number if self.looked is None else max(self.number, self.looked.to)
        return reached < self.view.start or self.epoch != self.view.epoch

    def _take(self) -> list[Numbered[F]]:
        if self._ready:
            found, self._ready = self._ready, []
            return found
        return [] if self._is_behind else _fit(self.view.list_after(self.number, PAGE))

    async def _catch_up(self) -> None:
        try:
            await self._feed.catch_up(self)
        except CloudError:
            # Whoever comes again is told why.
            self.end()

    async def _wait(self, seconds: float) -> None:
        waiting: Deferred[None] = Deferred()
        self._waiting = waiting
        self._feed.await_change(self, seconds)
        try:
            await waiting
        finally:
            self._waiting = None
            self._feed.end_waiting(self)


def _fit(told: list[Numbered[F]]) -> list[Numbered[F]]:
    """The first of ``told``, as many as are told at a time."""
    if len(told) <= 1:
        return told  # nearly always, and for each follower
    count = sum(total <= PAGE_BYTES for total in accumulate(len(form) for _, form in told))
    return told[: max(1, count)]
