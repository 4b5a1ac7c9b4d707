"""
Views of the changes: each keeps for all who see the same what they are told, and is read for while somebody follows.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Coroutine, Sized
from functools import partial
from typing import Any, Final, Generic, Protocol, TypeVar

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from cloudsvc.core.actors import Actor
from cloudsvc.core.errors import CloudError, Kind
from cloudsvc.core.joint_work import JointWork
from cloudsvc.drive.changes import Change, Changes, Looked, Position
from cloudsvc.drive.errors import changes_expired
from cloudsvc.drive.followers import PAGE, Follower
from cloudsvc.drive.nodes import ROOT_ID
from cloudsvc.drive.permissions import Right, find_folders, is_permitted_everywhere
from cloudsvc.drive.recent_changes import Kept, Numbered, View
from cloudsvc.drive.waking import Waking

F = TypeVar("F", bound=Sized)
T = TypeVar("T")

_log = Logger("cloudsvc.drive")

IDLE_VIEWS: Final = 64
"""That nobody follows just now, and that are kept for whoever asks again and again."""

GATHER_SECONDS: Final = 0.01
"""Between a change and the read, for what comes at the same time."""

READ_TOGETHER: Final = 2
"""Reads at once for those who come, and as many for those who have fallen behind: others want to read too."""

_AGAIN_SECONDS: Final = 1.0
"""Before changes are read again where the catalogue has failed."""


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
class Views(Generic[F]):
    """
    The views of one process, each by the folders that are seen.

    :param render: makes of a change what is told of it, once for all who see the same; its length is its bytes.
    :param waking: of the followers, when there is something new.
    :ivar is_closed: whether there are none any more, and will be none.
    """

    _source: ChangeSource
    _render: Callable[[Position, Change], F]
    _clock: IReactorTime
    _waking: Waking
    _views: dict[frozenset[int], View[F]] = field(factory=dict, init=False)
    _idle: OrderedDict[View[F], None] = field(factory=OrderedDict, init=False)
    """Those that nobody follows; the last used one, last."""
    _kept: Kept[F] = field(factory=Kept, init=False)
    _due: dict[View[F], None] = field(factory=dict, init=False)
    _joint: JointWork = field(factory=JointWork, init=False)
    _opening: DeferredSemaphore = field(factory=lambda: DeferredSemaphore(READ_TOGETHER), init=False)
    _is_reading: bool = field(default=False, init=False)
    is_closed: bool = field(default=False, init=False)

    def __len__(self) -> int:
        return len(self._views)

    async def find(self, actor: Actor, *, is_fresh: bool = False) -> View[F]:
        """
        The view of what ``actor`` sees.

        :param is_fresh: whether it has everything up to this moment.
        :raises CloudError: the catalogue fails.
        """
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
        self._release(view)
        return view

    def join(self, follower: Follower[F]) -> None:
        """Read for the view of ``follower`` from now on, which is the one that others have by now."""
        view = follower.view = self._views.setdefault(follower.view.key, follower.view)
        if not view.followers:
            # What has happened since it was found has woken nobody.
            self._due[view] = None
            self._read_soon()
        self._idle.pop(view, None)
        view.followers[follower] = None

    def leave(self, follower: Follower[F]) -> bool:
        """Read for ``follower`` no longer; whether that was done."""
        view = follower.view
        if follower not in view.followers:
            return False
        del view.followers[follower]
        self._release(view)
        return True

    def look(self) -> None:
        """Something may have changed."""
        for view in self._views.values():
            if view.followers:
                self._due[view] = None
        self._read_soon()

    def close(self) -> None:
        """Forget all of them, and keep none."""
        self.is_closed = True
        for view in [*self._views.values()]:
            self._drop(view)

    def render(self, changes: Changes) -> list[Numbered[F]]:
        """What is told of ``changes``."""
        return [
            (each.number, self._render(Position(epoch=changes.epoch, number=each.number), each))
            for each in changes.items
        ]

    # ------------------------------------------------------------------------------------------------------------------

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
        if not self.is_closed:
            self._views[key] = view
        return view

    async def _take_place(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Do ``work``, of somebody who comes, when there is a place for it."""
        await self._opening.acquire()
        try:
            return await work()
        finally:
            self._opening.release()

    def _release(self, view: View[F]) -> None:
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
            view.take_in(changes, self.render(changes))
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
