"""
Use-cases of webhooks: they ask whether the actor may, and then the store.

A webhook belongs to who has made it, and sees no more than the key by which it was made. So a key changes only those
that were made by it: whoever could say where another one's messages go would see what that one sees. Nor does it see
the others, whose URLs may hold secrets of their receivers.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Protocol

from attrs import evolve, field, frozen
from twisted.internet.defer import DeferredSemaphore

from cloudsvc.core.actors import OWNER, Actor
from cloudsvc.core.clock import SECOND, Instant
from cloudsvc.core.managers import is_manager
from cloudsvc.drive.changes import ChangeKind, Changes, Position
from cloudsvc.identity.authority import Authority
from cloudsvc.identity.folders import Folders
from cloudsvc.identity.names import parse_display_name
from cloudsvc.webhooks.bounds import MAX_OVERLAP, MAX_OWN_WEBHOOKS, MAX_TESTS
from cloudsvc.webhooks.errors import (
    invalid_overlap,
    invalid_url,
    nobodys_webhook,
    others_webhook,
    sees_nothing,
    too_many_tests,
    webhook_not_found,
)
from cloudsvc.webhooks.messages import TEST, name_message, write_test
from cloudsvc.webhooks.owners import READ_FILES, Owners
from cloudsvc.webhooks.sending import Sender
from cloudsvc.webhooks.signing import make_secret
from cloudsvc.webhooks.store import WebhookStore
from cloudsvc.webhooks.webhook import Attempt, Progress, Webhook, WebhookId, make_webhook_id

_NOWHERE: Final = Progress(position=Position(epoch="", number=0))


class LastChange(Protocol):
    """Where changes are read: the drive."""

    async def find_last_change(self, actor: Actor) -> Changes:
        """As :meth:`cloudsvc.drive.drive.Drive.find_last_change`."""
        ...


@frozen(kw_only=True)
class WebhookFields:
    """
    What is said of a webhook; ``None`` leaves each as it is, and for a new one as it is without saying.

    :ivar kinds: empty for all.
    :ivar path: of the folder whose changes are wanted; empty for all that its owner sees.
    """

    url: str | None = field(default=None, repr=False)
    label: str | None = None
    kinds: Sequence[ChangeKind] | None = None
    path: str | None = None
    disabled: bool | None = None


@frozen(kw_only=True)
class Webhooks:
    """
    Webhooks. Every method takes the actor on whose behalf it works. Errors are those of
    :mod:`cloudsvc.webhooks.errors`.

    Everybody has their own; whoever acts by a key, those that were made by it. Who manages the accounts sees and
    removes everybody's.

    :param check_url: says whether requests may go to a URL, or raises :exc:`ValueError`.
    :param settle: is awaited after each change: what it has ended has ended when it returns.
    """

    _store: WebhookStore
    _authority: Authority
    _folders: Folders
    _owners: Owners
    _changes: LastChange
    _sender: Sender
    _check_url: Callable[[str], str]
    _now: Callable[[], Instant]
    _settle: Callable[[], Awaitable[object]]
    _tests: DeferredSemaphore = field(factory=lambda: DeferredSemaphore(MAX_TESTS), init=False)

    async def make(self, actor: Actor, url: str, fields: WebhookFields) -> Webhook:
        """
        Make a webhook, which is sent what happens from now on.

        :return: with its secret, which is told once.
        :raises CloudError: the actor may not, or a value is wrong.
        """
        if not actor.may(READ_FILES):
            raise sees_nothing()
        acting = await self._authority.find_acting_key(actor)
        user = await self._authority.find_self(actor)
        if acting is None and user is None and actor.name != OWNER.name:
            raise nobodys_webhook()
        webhook = Webhook(
            id=make_webhook_id(),
            maker=actor.name,
            user=None if user is None else user.id,
            key=None if acting is None else acting.id,
            url=self._parse_url(url),
            secret=make_secret(),
            created_at=self._now(),
            progress=_NOWHERE,
        )
        webhook = await self._apply(actor, webhook, evolve(fields, url=None))
        # From here on it misses nothing: what it sees of the changes is the same now and later.
        last = await self._changes.find_last_change(await self._owners.narrow(actor, webhook.folder) or actor)
        progress = Progress(position=Position(epoch=last.epoch, number=last.last))
        return await self._store.add_webhook(evolve(webhook, progress=progress))

    async def find(self, actor: Actor, webhook: str) -> Webhook:
        """
        A webhook.

        :raises CloudError: there is none of this id that the actor may know of.
        """
        found = await self._store.find_webhook(WebhookId(webhook))
        if found is None or not (is_manager(actor) or _is_own(actor, found)):
            raise webhook_not_found()
        return found

    async def list_webhooks(self, actor: Actor, limit: int, *, after: str | None = None) -> Sequence[Webhook]:
        """Webhooks by their ids, after one: those of the actor; of everybody, for who manages the accounts."""
        last = None if after is None else WebhookId(after)
        if is_manager(actor):
            return await self._store.list_webhooks(limit, after=last)
        # One page has all of one maker.
        found = await self._store.list_webhooks(MAX_OWN_WEBHOOKS, after=last, maker=actor.name)
        return [each for each in found if _is_own(actor, each)][:limit]

    async def edit(self, actor: Actor, webhook: str, fields: WebhookFields) -> Webhook:
        """
        Change what is said of a webhook. Whatever is said, what has failed is forgotten where it is enabled.

        :raises CloudError: a value is wrong, there is no such webhook, or it was not made by the actor and their key.
        """
        found = await self._find_own(actor, webhook)
        edited = await self._apply(actor, found, fields)
        changed = await self._store.replace_webhook(edited, begins_again=fields.disabled is False)
        await self._settle()
        return changed

    async def rotate(self, actor: Actor, webhook: str, overlap: int) -> Webhook:
        """
        Give a webhook another secret. Messages are signed with both for a while.

        :param overlap: seconds, :data:`~cloudsvc.webhooks.bounds.MAX_OVERLAP` at most.
        :return: with the secret, which is told once.
        :raises CloudError: there is no such webhook, or it was not made by the actor and their key.
        """
        if not 0 <= overlap <= MAX_OVERLAP:
            raise invalid_overlap(MAX_OVERLAP)
        found = await self._find_own(actor, webhook)
        rotated = evolve(
            found,
            secret=make_secret(),
            former_secret=found.secret if overlap else None,
            former_until=self._now() + overlap * SECOND if overlap else None,
        )
        changed = await self._store.replace_webhook(rotated)
        await self._settle()
        return changed

    async def remove(self, actor: Actor, webhook: str) -> None:
        """
        Remove a webhook: nothing more is sent to it within a second.

        :raises CloudError: there is none of this id that the actor may know of.
        """
        found = await self.find(actor, webhook)
        await self._store.remove_webhook(found.id)
        await self._settle()

    async def test(self, actor: Actor, webhook: str) -> Attempt:
        """
        Send a message that tells nothing, once, whatever the state of the webhook, and wait for what comes of it.

        :raises CloudError: too many do so just now; there is no such webhook, or it was not made by the actor and their
            key.
        """
        found = await self._find_own(actor, webhook)
        if not self._tests.tokens:
            raise too_many_tests()
        await self._tests.acquire()
        try:
            now = self._now()
            sent = await self._sender.send(
                found, name_message(found.id, f"test-{now}"), TEST, write_test(found.id, now)
            )
        finally:
            self._tests.release()
        await self._store.note_attempt(found.id, sent.attempt)
        return sent.attempt

    async def list_attempts(self, actor: Actor, webhook: str) -> Sequence[Attempt]:
        """
        The last attempts to deliver something, the latest first.

        :raises CloudError: there is no such webhook that the actor may know of.
        """
        return await self._store.list_attempts((await self.find(actor, webhook)).id)

    async def tell_paths(self, actor: Actor, webhooks: Sequence[Webhook]) -> Mapping[int, str]:
        """Where the folders of ``webhooks`` are, as far as the actor may look into them."""
        folders = {each.folder for each in webhooks if each.folder is not None}
        return await self._folders.tell_paths(actor, folders) if folders else {}

    # --------------------------------------------------------------------------------------------------------------

    async def _find_own(self, actor: Actor, webhook: str) -> Webhook:
        """
        A webhook that the actor may change. Whoever manages the accounts may do without ``files:read``, and would have
        what others read sent to themselves, signed by a secret that they know.
        """
        found = await self.find(actor, webhook)
        if not _is_own(actor, found):
            raise others_webhook()
        return found

    async def _apply(self, actor: Actor, webhook: Webhook, fields: WebhookFields) -> Webhook:
        if fields.url is not None:
            webhook = evolve(webhook, url=self._parse_url(fields.url))
        if fields.label is not None:
            webhook = evolve(webhook, label=parse_display_name(fields.label))
        if fields.kinds is not None:
            webhook = evolve(webhook, kinds=frozenset(fields.kinds))
        if fields.path is not None:
            folder = await self._folders.find(actor, fields.path) if fields.path else None
            webhook = evolve(webhook, folder=folder)
        if fields.disabled is not None:
            webhook = evolve(webhook, is_disabled=fields.disabled)
        return webhook

    def _parse_url(self, text: str) -> str:
        try:
            return self._check_url(text)
        except ValueError as problem:
            raise invalid_url(str(problem)) from None


def _is_own(actor: Actor, webhook: Webhook) -> bool:
    """Whether ``webhook`` was made by the actor, and by the key by which they act, if it is one of the accounts."""
    return webhook.maker == actor.name and (not actor.key or webhook.key == actor.key)
