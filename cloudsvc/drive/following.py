"""
Following of changes: whoever waits for them hears of each one once and in order.

One read of the changes serves all who see the same: it is a *view*, which keeps the last changes in the form in which
they are told. A *follower* has a position in it and nothing else. Whoever falls behind what a view keeps reads from the
catalogue, and comes back.

Who follows is told what the catalogue says (:meth:`cloudsvc.drive.catalogue.Tree.read_changes`); what wakes only wakes.
So it makes no difference in which process a change was made, or in which one somebody goes on.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Coroutine, Sized
from functools import partial
from typing import Any, Final, Generic, Protocol, TypeVar

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from cloudsvc.core.actors import Actor
from cloudsvc.core.errors import CloudError, Kind
from cloudsvc.core.joint_work import JointWork
from cloudsvc.drive.changes import Change, Changes, Looked, Position
from cloudsvc.drive.errors import changes_expired, too_many_followers
from cloudsvc.drive.followers import PAGE, Follower
from cloudsvc.drive.nodes import ROOT_ID
from cloudsvc.drive.permissions import Right, find_folders, is_permitted_everywhere
from cloudsvc.drive.recent_changes import Kept, Numbered, View
from cloudsvc.drive.waking import Waking

F = TypeVar("F", bound=Sized)
T = TypeVar("T")

_log = Logger("cloudsvc.drive")

MOST_FOLLOWERS: Final = 20_000
"""In one process. A connection carries one."""

IDLE_VIEWS: Final = 64
"""That nobody follows just now, and that are kept for whoever asks again and again."""

GATHER_SECONDS: Final = 0.01
"""Between a change and the read, for what comes at the same time."""

_AGAIN_SECONDS: Final = 1.0
"""Before changes are read again where the catalogue has failed."""

_SWEEP_SECONDS: Final = 1.0
"""Between two looks at who has waited long enough."""

_READ_TOGETHER: Final = 2
"""Reads at once for those who come, and as many for those who have fallen behind: others want to read too."""


class ChangeSource(Protocol):
    """Where changes are read: the drive."""

    async def read_changes(
        self, actor: Actor, after: int, limit: int, *, epoch: str | None = None, looked: Looked | None = None
    ) -> Changes:
        """As :meth:`cloudsvc.drive.drive.Drive.read_changes`."""
        ...

    async def find_last_change(self, actor: Actor) -> Changes:
        """As :meth:`cloudsvc.drive.drive.Drive.find_last_change`."""
        ...

    def on_change(self, listener: Callable[[], None]) -> Callable[[], None]:
        """As :meth:`cloudsvc.drive.drive.Drive.on_change`."""
        ...


@define(eq=False, kw_only=True)
class Feed(Generic[F]):
    """
    The followers of one process.

    :ivar render: makes of a change what is told of it, once for all who see the same; its length is its bytes.
    """

    _source: ChangeSource
    _render: Callable[[Position, Change], F]
    _clock: IReactorTime
    _views: dict[frozenset[int], View[F]] = field(factory=dict)
    _idle: OrderedDict[View[F], None] = field(factory=OrderedDict)  # that nobody follows; the last used one, last
    _kept: Kept[F] = field(factory=Kept)
    _due: dict[View[F], None] = field(factory=dict)
    _waiting: dict[Follower[F], float] = field(factory=dict)
    _joint: JointWork = field(factory=JointWork)
    _opening: DeferredSemaphore = field(factory=lambda: DeferredSemaphore(_READ_TOGETHER))
    _catching_up: DeferredSemaphore = field(factory=lambda: DeferredSemaphore(_READ_TOGETHER))
    _waking: Waking = field(init=False)
    _sweeping: LoopingCall = field(init=False)
    _followers: int = 0
    _is_reading: bool = False
    _is_closed: bool = False
    _end_listening: Callable[[], None] | None = None

    def __attrs_post_init__(self) -> None:
        self._waking = Waking(self._clock)
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
        view = await self._find_view(actor, is_fresh=True)
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
        view = await self._find_view(actor, is_fresh=is_fresh)
        if position is not None and position.epoch != view.epoch:
            # Either of them is outdated.
            view = await self._find_view(actor, is_fresh=True)
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
        self._is_closed = True
        for view in [*self._views.values()]:
            self._drop(view)

    # -- for followers ---------------------------------------------------------------------------------------------

    def join(self, follower: Follower[F]) -> None:
        """``follower`` is about to wait."""
        if self._is_closed:
            follower.end()
            return
        view = follower.view = self._views.setdefault(follower.view.key, follower.view)
        if self._end_listening is None:
            self._end_listening = self._source.on_change(self._wake)
            self._sweeping.start(_SWEEP_SECONDS, now=False)
        if not view.followers:
            # What has happened since it was found has woken nobody.
            self._due[view] = None
            self._read_soon()
        self._idle.pop(view, None)
        view.followers[follower] = None
        self._followers += 1

    def leave(self, follower: Follower[F]) -> None:
        """``follower`` will not wait any more."""
        if follower.view.followers.pop(follower, self) is self:
            return
        self._followers -= 1
        self._note_idle(follower.view)
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
        follower.take_in(changes, self._render_all(changes))

    # --------------------------------------------------------------------------------------------------------------

    async def _find_view(self, actor: Actor, *, is_fresh: bool = False) -> View[F]:
        everything = is_permitted_everywhere(actor, Right.SEE)
        key = frozenset({int(ROOT_ID)}) if everything else find_folders(actor, Right.SEE)
        view = self._views.get(key)
        if view is not None and (is_fresh or not view.followers):
            advance = partial(self._advance, view)
            # Those who follow do not wait for those who come.
            work = advance if view.followers else partial(self._take_place, advance)
            try:
                await self._joint.do(view, work, is_fresh=True)
            except CloudError as problem:
                if problem.kind is Kind.UNAVAILABLE:
                    raise
                # So long has nobody followed, or the history is another one by now.
                self._drop(view)
                view = None
        if view is None:
            view = await self._joint.do(key, partial(self._take_place, partial(self._open_view, key, actor)))
        self._note_idle(view)
        return view

    async def _open_view(self, key: frozenset[int], actor: Actor) -> View[F]:
        found = await self._source.find_last_change(actor)
        if (other := self._views.get(key)) is not None:
            # Somebody has come back to it meanwhile, or has opened it.
            if other.epoch == found.epoch:
                return other
            self._drop(other)
        view: View[F] = View(
            key=key, actor=actor, epoch=found.epoch, start=found.last, last=found.last, looked=found.looked
        )
        if not self._is_closed:
            self._views[key] = view
        return view

    async def _take_place(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Do ``work``, of somebody who comes, when there is a place for it."""
        await self._opening.acquire()
        try:
            return await work()
        finally:
            self._opening.release()

    def _note_idle(self, view: View[F]) -> None:
        """Remember ``view`` as the last used one, if nobody follows it, and forget those that are too many."""
        if view.followers or self._views.get(view.key) is not view:
            return
        self._idle[view] = None
        self._idle.move_to_end(view)
        while len(self._idle) > IDLE_VIEWS:
            self._drop(next(iter(self._idle)))

    def _drop(self, view: View[F]) -> None:
        """Forget a view; its followers end."""
        self._due.pop(view, None)
        self._idle.pop(view, None)
        if self._views.get(view.key) is view:
            del self._views[view.key]
        view.shed()
        self._kept.count(view)
        for follower in [*view.followers]:
            follower.end()

    def _wake(self) -> None:
        """Something may have changed."""
        for view in self._views.values():
            if view.followers:
                self._due[view] = None
        self._read_soon()

    def _read_soon(self, seconds: float = GATHER_SECONDS) -> None:
        if self._due and not self._is_reading:
            self._is_reading = True
            self._clock.callLater(seconds, lambda: Deferred.fromCoroutine(self._read_due()))

    async def _read_due(self) -> None:
        """Read for all views for which there may be something, one after the other."""
        failed: list[View[F]] = []
        while self._due:
            view = next(iter(self._due))
            del self._due[view]
            if not view.followers:
                continue
            try:
                await self._joint.do(view, partial(self._advance, view), is_fresh=True)
            except CloudError as problem:
                if problem.kind is Kind.UNAVAILABLE:
                    failed.append(view)
                else:
                    # They are told why when they come again.
                    self._drop(view)
            except CancelledError:
                raise
            except Exception:  # noqa: BLE001  # whatever it was, the others wait too
                _log.failure("changes cannot be read")
                self._drop(view)
        self._is_reading = False
        self._due.update(dict.fromkeys(failed))
        self._read_soon(_AGAIN_SECONDS)

    async def _advance(self, view: View[F]) -> None:
        """Read what has happened since, and wake the followers."""
        while True:
            changes = await self._source.read_changes(view.actor, view.last, PAGE, epoch=view.epoch, looked=view.looked)
            view.take_in(changes, self._render_all(changes))
            if self._views.get(view.key) is not view:
                # It was forgotten meanwhile, and nothing that it keeps is counted.
                view.shed()
            self._kept.count(view)
            if changes.items:
                self._waking.add(view.list_waiting())
            if len(changes.items) < PAGE:
                return
            if not view.followers:
                # Nobody needs all that lies between.
                await self._skip(view)
                return

    async def _skip(self, view: View[F]) -> None:
        found = await self._source.find_last_change(view.actor)
        if found.epoch != view.epoch:
            raise changes_expired()
        view.restart(found)
        self._kept.count(view)

    def _sweep(self) -> None:
        now = self._clock.seconds()
        self._waking.add([follower for follower, until in self._waiting.items() if until <= now])

    def _render_all(self, changes: Changes) -> list[Numbered[F]]:
        return [
            (each.number, self._render(Position(epoch=changes.epoch, number=each.number), each))
            for each in changes.items
        ]
