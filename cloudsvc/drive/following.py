"""
Following of changes: whoever waits for them hears of each one once and in order.

One read of the changes serves all who see the same: it is a *view*, which keeps the last changes in the form in which
they are told. A *follower* has a position in it and nothing else. Whoever falls behind what a view keeps reads from the
catalogue, and comes back.

Who follows is told what the catalogue says (:meth:`cloudsvc.drive.catalogue.Tree.read_changes`); what wakes only wakes.
So it makes no difference in which process a change was made, or in which one somebody goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Sized
from typing import Final, Generic, TypeVar

from attrs import define, field
from twisted.internet.defer import DeferredSemaphore
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall

from cloudsvc.core.actors import Actor
from cloudsvc.core.errors import CloudError, Kind
from cloudsvc.drive.changes import Change, Position
from cloudsvc.drive.errors import changes_expired, too_many_followers
from cloudsvc.drive.followers import PAGE, Follower
from cloudsvc.drive.views import READ_TOGETHER, ChangeSource, Views
from cloudsvc.drive.waking import Waking

F = TypeVar("F", bound=Sized)

MOST_FOLLOWERS: Final = 20_000
"""In one process. A connection carries one."""

_SWEEP_SECONDS: Final = 1.0
"""Between two looks at who has waited long enough."""


@define(eq=False, kw_only=True)
class Feed(Generic[F]):
    """
    The followers of one process.

    :param render: makes of a change what is told of it, once for all who see the same; its length is its bytes.
    """

    _source: ChangeSource
    _render: Callable[[Position, Change], F]
    _clock: IReactorTime
    _waiting: dict[Follower[F], float] = field(factory=dict, init=False)
    _catching_up: DeferredSemaphore = field(factory=lambda: DeferredSemaphore(READ_TOGETHER), init=False)
    _waking: Waking = field(init=False)
    _views: Views[F] = field(init=False)
    _sweeping: LoopingCall = field(init=False)
    _followers: int = field(default=0, init=False)
    _end_listening: Callable[[], None] | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self._waking = Waking(self._clock)
        self._views = Views(source=self._source, render=self._render, clock=self._clock, waking=self._waking)
        self._sweeping = LoopingCall(self._sweep)
        self._sweeping.clock = self._clock

    def __len__(self) -> int:
        return self._followers

    async def locate(self, actor: Actor) -> Position:
        """
        Where the changes that ``actor`` sees stand now: whoever looks at everything after this, and then follows from
        there, misses nothing.

        :raises CloudError: the catalogue fails.
        """
        view = await self._views.find(actor, is_fresh=True)
        return Position(epoch=view.epoch, number=view.last)

    async def follow(self, actor: Actor, position: Position | None = None, *, is_fresh: bool = False) -> Follower[F]:
        """
        Follow the changes that ``actor`` sees. It costs nothing until it is read from; whoever has, leaves it.

        :param position: after which; without one, from now on.
        :param is_fresh: whether everything up to this moment can be read at once, without waiting.
        :raises CloudError: ``GONE``, what came after it is not remembered, or there is no such change for ``actor``, as
            after an older catalogue was put back or what was granted is in the trash; ``UNAVAILABLE``, too many follow,
            or the catalogue fails.
        """
        if self._followers >= MOST_FOLLOWERS:
            raise too_many_followers()
        view = await self._views.find(actor, is_fresh=is_fresh)
        if position is not None and position.epoch != view.epoch:
            # Either of them is outdated.
            view = await self._views.find(actor, is_fresh=True)
            if position.epoch != view.epoch:
                raise changes_expired()
        if position is None:
            return Follower(feed=self, view=view, actor=actor, epoch=view.epoch, number=view.last)
        follower = Follower(feed=self, view=view, actor=actor, epoch=position.epoch, number=position.number)
        if not view.knows(position.number):
            try:
                await self.catch_up(follower)
            except CloudError as problem:
                if problem.kind is Kind.INVALID:
                    raise changes_expired() from None
                raise
        return follower

    def close(self) -> None:
        """End all followers, and let none begin."""
        self._views.close()

    # -- for followers ---------------------------------------------------------------------------------------------

    def join(self, follower: Follower[F]) -> None:
        """``follower`` is about to wait."""
        if self._views.is_closed:
            follower.end()
            return
        if self._end_listening is None:
            self._end_listening = self._source.on_change(self._views.look)
            self._sweeping.start(_SWEEP_SECONDS, now=False)
        self._views.join(follower)
        self._followers += 1

    def leave(self, follower: Follower[F]) -> None:
        """``follower`` will not wait any more."""
        if not self._views.leave(follower):
            return
        self._followers -= 1
        if not self._followers and self._end_listening is not None:
            self._sweeping.stop()
            self._end_listening()
            self._end_listening = None

    def await_change(self, follower: Follower[F], seconds: float) -> None:
        """Wake ``follower`` when there is something new, or after about so many seconds."""
        self._waiting[follower] = self._clock.seconds() + seconds

    def end_waiting(self, follower: Follower[F]) -> None:
        """``follower`` is awake."""
        self._waiting.pop(follower, None)
        self._waking.remove(follower)

    def wake_soon(self, follower: Follower[F]) -> None:
        """Wake ``follower``, not necessarily in this turn of the reactor."""
        self._waking.add([follower])

    async def catch_up(self, follower: Follower[F]) -> None:
        """Read from the catalogue what ``follower`` lacks, for itself alone: some of it."""
        await self._catching_up.acquire()
        try:
            changes = await self._source.read_changes(
                follower.actor, follower.number, PAGE, epoch=follower.epoch, looked=follower.looked
            )
        finally:
            self._catching_up.release()
        follower.take_in(changes, self._views.render(changes))

    def _sweep(self) -> None:
        now = self._clock.seconds()
        self._waking.add([follower for follower, until in self._waiting.items() if until <= now])
