"""Followers of changes: each with its place among the changes that its actor sees."""

from __future__ import annotations

from collections.abc import Sequence, Sized
from typing import Final, Generic, Protocol, TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred

from cloudsvc.core.actors import Actor
from cloudsvc.core.errors import CloudError
from cloudsvc.drive.changes import Changes, Looked, Position
from cloudsvc.drive.recent_changes import Numbered, View

F = TypeVar("F", bound=Sized)

PAGE: Final = 100
"""Changes that are read at a time, and told at a time."""


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
        The next changes, as they are told, :data:`PAGE` at most.

        :param seconds: after about so many there are none; with 0 at once.
        :return: none also where it is over.
        """
        if not self._has_joined and not self.is_over:
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
        self.wake()

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
        self.looked = changes.looked
        self._ready = rendered

    @property
    def _is_behind(self) -> bool:
        """Whether there may be changes for it that the view does not keep."""
        reached = self.number if self.looked is None else max(self.number, self.looked.to)
        return reached < self.view.start or self.epoch != self.view.epoch

    def _take(self) -> list[Numbered[F]]:
        if self._ready:
            found, self._ready = self._ready, []
            return found
        return [] if self._is_behind else self.view.list_after(self.number, PAGE)

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
