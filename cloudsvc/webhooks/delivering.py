"""
Delivery: in one process of all, the leader, there is a courier for each webhook.

Nothing relies on its being the only one: how far a webhook has come is noted only by who knows how far it had come, and
what two send has the same ids.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any, Final

from attrs import define, field, frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from cloudsvc.core.clock import Instant
from cloudsvc.core.errors import CloudError
from cloudsvc.core.locks import Lock
from cloudsvc.webhooks.courier import Courier, Depot
from cloudsvc.webhooks.store import WebhookStore
from cloudsvc.webhooks.webhook import Webhook, WebhookId

_log = Logger("cloudsvc.webhooks")

LOOK_SECONDS: Final = 0.4
"""Between two looks whether this process leads, and whether webhooks have changed."""

_TIDY_LOOKS: Final = 9_000
"""Looks after which webhooks are removed whose keys are not there any more: an hour."""

_PAGE: Final = 100
_NEVER: Final = -1


@frozen(kw_only=True)
class _Tour:
    """A courier at work."""

    webhook: Webhook
    courier: Courier
    work: Deferred[Any] = field(eq=False)


@define(eq=False, kw_only=True)
class Deliverer:
    """
    Has couriers bring messages, while this process leads.

    :param leads: whether it does now.
    :param depot: what the couriers share.
    """

    _store: WebhookStore
    _on_change: Callable[[Callable[[], None]], Callable[[], None]]
    _leads: Callable[[], bool]
    _depot: Depot
    _tours: dict[WebhookId, _Tour] = field(factory=dict, init=False)
    _generation: int = field(default=0, init=False)
    _seen: int = field(default=_NEVER, init=False)
    _lock: Lock = field(factory=Lock, init=False)
    _looks: int = field(default=0, init=False)
    _loop: LoopingCall | None = field(default=None, init=False)
    _stop_listening: Callable[[], None] = field(default=lambda: None, init=False)

    def start(self) -> None:
        """Begin, as soon as this process leads."""
        self._stop_listening = self._on_change(self._note_change)
        self._loop = LoopingCall(lambda: Deferred.fromCoroutine(self._look()))
        self._loop.clock = self._depot.clock
        self._loop.start(LOOK_SECONDS)

    async def stop(self) -> None:
        """End what is on its way: it is sent again by whoever leads then."""
        self._stop_listening()
        if self._loop is not None:
            self._loop.stop()
            self._loop = None
        await self._lock.acquire()
        self._lock.release()
        self._end_all()

    def list_waiting(self) -> Iterator[Instant]:
        """The moments of the changes that wait to be sent, one of each webhook that has some."""
        for tour in self._tours.values():
            if tour.courier.waits_since is not None:
                yield tour.courier.waits_since

    def _note_change(self) -> None:
        self._generation += 1

    async def _look(self) -> None:
        await self._lock.acquire()
        try:
            await self._keep_up()
        except CloudError as problem:
            self._seen = _NEVER
            _log.warn("the webhooks cannot be read now: {problem}", problem=problem.message)
        except Exception:  # noqa: BLE001  # whatever it was, the next look has to happen
            self._seen = _NEVER
            _log.failure("the webhooks could not be looked after, trying again")
        finally:
            self._lock.release()

    async def _keep_up(self) -> None:
        if not self._leads():
            self._end_all()
            return
        self._looks += 1
        if self._looks % _TIDY_LOOKS == 0:
            await self._store.remove_orphaned_webhooks(_PAGE)
        if self._seen != self._generation:
            self._seen = self._generation
            await self._end_unrightful()
            self._take_over({each.id: each async for each in self._list_all()})

    async def _list_all(self) -> AsyncIterator[Webhook]:
        after: WebhookId | None = None
        while found := await self._store.list_webhooks(_PAGE, after=after):
            for each in found:
                yield each
            after = found[-1].id

    async def _end_unrightful(self) -> None:
        """End what is on its way for somebody who may not see it any more."""
        for number, tour in [*self._tours.items()]:
            if not await tour.courier.is_rightful():
                self._end(number)

    def _take_over(self, webhooks: Mapping[WebhookId, Webhook]) -> None:
        """Have a courier for each webhook as it is now."""
        for number, tour in [*self._tours.items()]:
            if number not in webhooks or webhooks[number].revision != tour.webhook.revision:
                self._end(number)
        for webhook in webhooks.values():
            if webhook.id not in self._tours:
                self._begin(webhook)

    def _begin(self, webhook: Webhook) -> None:
        courier = Courier(self._depot, webhook)
        work = Deferred.fromCoroutine(courier.run())
        tour = _Tour(webhook=webhook, courier=courier, work=work)
        self._tours[webhook.id] = tour
        work.addCallbacks(lambda is_outdated: self._finish(tour, is_outdated=is_outdated), _forget_cancelling)

    def _finish(self, tour: _Tour, *, is_outdated: bool) -> None:
        if is_outdated and self._tours.get(tour.webhook.id) is tour:
            del self._tours[tour.webhook.id]
            self._seen = _NEVER

    def _end(self, number: WebhookId) -> None:
        self._tours.pop(number).work.cancel()

    def _end_all(self) -> None:
        for number in [*self._tours]:
            self._end(number)
        self._seen = _NEVER


def _forget_cancelling(failure: Failure) -> None:
    failure.trap(CancelledError)
