"""Webhooks as use-cases: who may change which."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from attrs import evolve
from twisted.internet.task import Clock

from cloudsvc.core.actors import OWNER, Role
from cloudsvc.identity.authority import Authority
from cloudsvc.storage.memory_catalogue import Memory, MemoryCatalogue
from cloudsvc.webhooks.keeping import WebhookFields, Webhooks
from cloudsvc.webhooks.owners import Owners
from cloudsvc.webhooks.sending import Sender
from cloudsvc.webhooks.webhook import Webhook
from tests.support.accounts import Office
from tests.support.catalogues import Watch
from tests.support.coroutines import finish
from tests.support.opened_drives import refusal
from tests.webhooks.test_sending import Posted

URL = "https://example.org/hooks"
EVIL = "https://example.com/mine"


@pytest.fixture
def office() -> Office:
    return Office()


@pytest.fixture
def webhooks(office: Office) -> Webhooks:
    sender = Sender(posting=Posted(), check_url=str, now=lambda: office.now, clock=Clock(), agent="cloudsvc")
    return Webhooks(
        store=office.store,
        authority=Authority(store=office.store, folders=office.folders),
        folders=office.folders,
        owners=Owners(store=office.store, resolver=office.resolver, folders=office.folders),
        changes=MemoryCatalogue(now=Watch(), memory=Memory()),
        sender=sender,
        check_url=str,
        now=lambda: office.now,
        settle=office._settle,
    )


CHANGES: dict[str, Callable[[Webhooks, Any, Webhook], Coroutine[Any, Any, object]]] = {
    "edit": lambda webhooks, actor, webhook: webhooks.edit(actor, webhook.id, WebhookFields(url=EVIL)),
    "rotate": lambda webhooks, actor, webhook: webhooks.rotate(actor, webhook.id, 0),
    "test": lambda webhooks, actor, webhook: webhooks.test(actor, webhook.id),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_managers_see_and_remove_webhooks_of_others_and_change_none(
    office: Office, webhooks: Webhooks, change: Callable[..., Coroutine[Any, Any, object]]
) -> None:
    finish(office.add_user("anna", ("", Role.MANAGER), scopes=("webhooks:write", "webhooks:read")))
    manager = evolve(finish(office.act("anna")), key="")
    made = finish(webhooks.make(OWNER, URL, WebhookFields()))
    assert finish(webhooks.find(manager, made.id)) == made
    assert finish(refusal(change(webhooks, manager, made))) == "others_webhook"
    finish(change(webhooks, OWNER, made))
    finish(webhooks.remove(manager, made.id))


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_key_changes_only_what_was_made_by_it(
    office: Office, webhooks: Webhooks, change: Callable[..., Coroutine[Any, Any, object]]
) -> None:
    finish(office.add_user("anna", ("", Role.VIEWER), scopes=("webhooks:write", "files:read")))
    first, second = finish(office.act("anna")), finish(office.act("anna"))
    session = evolve(first, key="")
    by_key = finish(webhooks.make(first, URL, WebhookFields()))
    by_session = finish(webhooks.make(session, URL, WebhookFields()))
    for webhook in (by_key, by_session):
        assert finish(refusal(change(webhooks, second, webhook))) == "webhook_not_found"
        finish(change(webhooks, session, webhook))
    finish(change(webhooks, first, by_key))


def test_a_key_sees_and_removes_only_what_was_made_by_it(office: Office, webhooks: Webhooks) -> None:
    finish(office.add_user("anna", ("", Role.VIEWER), scopes=("webhooks:write", "files:read")))
    first, second = finish(office.act("anna")), finish(office.act("anna"))
    session = evolve(first, key="")
    made = [finish(webhooks.make(actor, URL, WebhookFields())) for actor in (first, second, session, first)]
    everything, own = sorted(each.id for each in made), sorted((made[0].id, made[3].id))
    assert [each.id for each in finish(webhooks.list_webhooks(session, 10))] == everything
    assert [each.id for each in finish(webhooks.list_webhooks(first, 10))] == own
    assert [each.id for each in finish(webhooks.list_webhooks(first, 1))] == own[:1]
    assert [each.id for each in finish(webhooks.list_webhooks(first, 10, after=own[0]))] == own[1:]
    for webhook in made[1:3]:
        for work in (webhooks.find, webhooks.remove, webhooks.list_attempts):
            assert finish(refusal(work(first, webhook.id))) == "webhook_not_found"
    finish(webhooks.remove(first, made[0].id))
    finish(webhooks.remove(session, made[1].id))
    assert [each.id for each in finish(webhooks.list_webhooks(session, 10))] == sorted((made[2].id, made[3].id))
