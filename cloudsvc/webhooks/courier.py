"""Couriers: each brings the messages of one webhook to its receiver, one after the other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from attrs import define, evolve, field, frozen
from twisted.internet.defer import CancelledError
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from cloudsvc.core.actors import Actor
from cloudsvc.core.clock import SECOND, Instant
from cloudsvc.core.errors import CloudError, Kind
from cloudsvc.drive.followers import Follower
from cloudsvc.drive.following import Feed
from cloudsvc.webhooks.messages import EXPIRED, Event, name_message, write_notice
from cloudsvc.webhooks.places import Places
from cloudsvc.webhooks.retrying import note_failure, note_success
from cloudsvc.webhooks.sending import Sender
from cloudsvc.webhooks.webhook import Attempt, Progress, Webhook, WebhookId

_log = Logger("cloudsvc.webhooks")

IDLE_SECONDS: Final = 15.0
"""Without changes, after which a courier looks whether others may be seen by now."""

PAUSE_SECONDS: Final = 15.0
"""Before a courier looks again who might see something, or asks a storage again that has failed."""

STALE_SECONDS: Final = 5.0
"""For which what was read is sent on. What takes longer is read anew, since it may not be seen any more."""

_LONGEST_SLEEP: Final = 60 * 60.0
"""After which the clock is looked at again, which somebody may have set."""


class Notebook(Protocol):
    """Where is kept how far webhooks have come."""

    async def note_progress(
        self, webhook: WebhookId, former: Progress, progress: Progress, attempt: Attempt | None = None
    ) -> bool:
        """As :meth:`cloudsvc.webhooks.store.WebhookStore.note_progress`."""
        ...


@frozen(kw_only=True)
class Depot:
    """
    What all couriers share.

    :ivar find_actor: on whose behalf a webhook is sent something.
    :ivar places: for messages that are on their way.
    :ivar draw: a number from 0 to 1, by lot.
    """

    feed: Feed[Event]
    sender: Sender
    notebook: Notebook
    find_actor: Callable[[Webhook], Awaitable[Actor | None]]
    places: Places
    clock: IReactorTime
    now: Callable[[], Instant]
    draw: Callable[[], float]


class _Overtaken(Exception):  # noqa: N818  # never leaves this module
    """Somebody else delivers, or the webhook is another one by now."""


@define(eq=False)
class Courier:
    """
    Brings messages to one receiver: at least once, and in the order of changes.

    :param webhook: as it is now; where it changes, another courier takes over.
    :ivar waits_since: the moment of the change that is to be sent next; ``None`` where none waits.
    """

    _depot: Depot
    _webhook: Webhook
    waits_since: Instant | None = field(default=None, init=False)
    _progress: Progress = field(init=False)
    _sent_for: Actor | None = field(default=None, init=False)

    @_progress.default
    def _find_progress(self) -> Progress:
        return self._webhook.progress

    async def run(self) -> bool:
        """
        Go on until there is nothing to do for this webhook as it is.

        :return: whether it has to be read anew, since somebody else has delivered something, or has changed it.
        """
        while self._progress.stop is None and not self._webhook.is_disabled:
            try:
                await self._work()
            except _Overtaken:
                return True
            except CancelledError:
                raise
            except CloudError as problem:
                _log.warn(
                    "nothing can be sent to the webhook {webhook} now: {problem}",
                    webhook=self._webhook.id,
                    problem=problem.message,
                )
                await self._sleep(PAUSE_SECONDS)
            except Exception:  # noqa: BLE001  # whatever it was, this courier has to go on
                _log.failure("nothing could be sent to the webhook {webhook}, trying again", webhook=self._webhook.id)
                await self._sleep(PAUSE_SECONDS)
        return False

    async def is_rightful(self) -> bool:
        """Whether what is on its way, if anything is, may still be seen by whom it is sent for."""
        if self._sent_for is None:
            return True
        actor = await self._depot.find_actor(self._webhook)
        return actor is not None and actor.grants == self._sent_for.grants

    # --------------------------------------------------------------------------------------------------------------

    async def _work(self) -> None:
        """Send what there is, until something is not as it was."""
        await self._await_turn()
        actor = await self._depot.find_actor(self._webhook)
        await self._note(evolve(self._progress, is_paused=actor is None))
        if actor is None:
            self.waits_since = None
            await self._sleep(PAUSE_SECONDS)
            return
        follower = await self._follow(actor)
        try:
            if await self._give_notice(actor):
                await self._send_changes(follower, actor)
        finally:
            follower.leave()

    async def _follow(self, actor: Actor) -> Follower[Event]:
        try:
            return await self._depot.feed.follow(actor, self._progress.position)
        except CloudError as problem:
            if problem.kind is not Kind.GONE:
                raise
        # From where the changes stand now nothing is lost, once the receiver has listed anew.
        position = await self._depot.feed.locate(actor)
        await self._note(evolve(self._progress, position=position, owes_notice=True))
        return await self._depot.feed.follow(actor, position)

    async def _give_notice(self, actor: Actor) -> bool:
        """Say that changes were lost, if they were; whether to go on."""
        if not self._progress.owes_notice:
            return True
        position, now = self._progress.position, self._depot.now()
        self.waits_since = now if self.waits_since is None else self.waits_since
        name = f"{position}-{EXPIRED}"
        return await self._send(
            actor, name, EXPIRED, write_notice(position, now), evolve(self._progress, owes_notice=False)
        )

    async def _send_changes(self, follower: Follower[Event], actor: Actor) -> None:
        while not follower.is_over:
            events = await follower.read(IDLE_SECONDS)
            read_at = self._depot.clock.seconds()
            for event in events:
                if self._webhook.kinds and event.change.kind not in self._webhook.kinds:
                    continue
                if self._depot.clock.seconds() - read_at > STALE_SECONDS:
                    return
                self.waits_since = event.change.at
                after = evolve(self._progress, position=event.position)
                if not await self._send(actor, event.position, event.kind, event.content, after):
                    return
            # Those that were passed over count too, but not for whoever sees others by now.
            if not await self._is_still(actor):
                return
            self.waits_since = None
            if events:
                await self._note(evolve(self._progress, position=events[-1].position))

    async def _is_still(self, actor: Actor) -> bool:
        """
        Whether it is ``actor`` for whom something is sent.

        It is asked each time: a folder that is moved and a key that comes to its end change no accounts, of which
        anybody could hear.
        """
        return await self._depot.find_actor(self._webhook) == actor

    async def _send(self, actor: Actor, name: object, kind: str, content: bytes, after: Progress) -> bool:
        """
        Send a message once, and note what came of it.

        :param after: how far the webhook has come once it is taken.
        :return: whether it was; not, too, where the actor sees something else by now, so that nothing was sent.
        """
        depot, webhook = self._depot, self._webhook
        async with depot.places.take(webhook.maker):
            self._sent_for = actor
            try:
                # It may have waited for its place for long.
                if not await self._is_still(actor):
                    return False
                sent = await depot.sender.send(webhook, name_message(webhook.id, name), kind, content)
            finally:
                self._sent_for = None
        now = depot.now()
        if sent.is_taken:
            await self._note(note_success(after, now), sent.attempt)
            return True
        failed = note_failure(self._progress, now, retry_after=sent.retry_after, is_gone=sent.is_gone, draw=depot.draw)
        await self._note(failed, sent.attempt)
        if failed.stop is not None:
            _log.warn("the webhook {webhook} is given up: {reason}", webhook=webhook.id, reason=failed.stop.value)
        return False

    async def _note(self, progress: Progress, attempt: Attempt | None = None) -> None:
        if progress == self._progress and attempt is None:
            return
        if not await self._depot.notebook.note_progress(self._webhook.id, self._progress, progress, attempt):
            raise _Overtaken
        self._progress = progress

    async def _await_turn(self) -> None:
        while self._progress.next_try is not None:
            delay = (self._progress.next_try - self._depot.now()) / SECOND
            if delay <= 0:
                return
            await self._sleep(min(delay, _LONGEST_SLEEP))

    async def _sleep(self, seconds: float) -> None:
        await deferLater(self._depot.clock, seconds)
