"""Contract of stores of identity: webhooks."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from cloudsvc.core.errors import Kind
from cloudsvc.core.secrets import Secret
from cloudsvc.drive.changes import ChangeKind, Position
from cloudsvc.identity.key_format import make_key
from cloudsvc.identity.revisions import NEVER
from cloudsvc.webhooks import bounds
from cloudsvc.webhooks.owners import Store
from cloudsvc.webhooks.webhook import Progress, Stop, Webhook, WebhookId, make_webhook_id
from tests.support.identity_stores import BEGINNING, make_user, make_user_key, refusing
from tests.support.reactors import in_reactor
from tests.support.webhooks import make_attempt, make_webhook

FAILED = Progress(
    position=Position(epoch="second", number=2**53),
    owes_notice=True,
    is_paused=True,
    stop=Stop.FAILING,
    delivered_at=1,
    failures=2,
    failing_since=3,
    next_try=4,
)


async def list_ids(store: Store, **filters: Any) -> list[WebhookId]:
    return [each.id for each in await store.list_webhooks(100, **filters)]


@in_reactor
async def test_a_webhook_comes_back_as_it_was_added(store: Store) -> None:
    user = await store.add_user(make_user())
    key = await store.add_key(make_user_key(user), bytes(32))
    full = make_webhook(
        maker="anna",
        user=user.id,
        key=key.id,
        label="mine",
        kinds=frozenset({ChangeKind.CREATED, ChangeKind.MOVED}),
        folder=2**40,
        former_secret=Secret("whsec_Zm9ybWVy"),
        former_until=BEGINNING + 5,
        is_disabled=True,
        progress=FAILED,
    )
    for webhook in (full, make_webhook()):
        added = await store.add_webhook(webhook)
        assert added == evolve(webhook, revision=added.revision)
        assert added.revision == (await store.find_standing()).revision > NEVER
        assert await store.find_webhook(webhook.id) == added
        assert await store.list_attempts(webhook.id) == []


@in_reactor
async def test_to_add_one_restricts_nobody_and_to_change_one_does(store: Store) -> None:
    before = await store.find_standing()
    webhook = await store.add_webhook(make_webhook())
    assert (await store.find_standing()).restriction == before.restriction
    changed = await store.replace_webhook(evolve(webhook, label="other"))
    restricted = (await store.find_standing()).restriction
    assert restricted is not None
    assert restricted.revision == changed.revision
    await store.remove_webhook(webhook.id)
    removed = (await store.find_standing()).restriction
    assert removed is not None
    assert removed.revision > changed.revision


@in_reactor
async def test_no_webhook_is_found_where_none_is(store: Store) -> None:
    before = await store.find_standing()
    webhook = make_webhook()
    assert await store.find_webhook(webhook.id) is None
    assert await store.list_webhooks(10) == []
    assert await store.list_attempts(webhook.id) == []
    for change in (store.remove_webhook(webhook.id), store.replace_webhook(webhook)):
        with refusing("webhook_not_found", Kind.NOT_FOUND):
            await change
    assert not await store.note_progress(webhook.id, webhook.progress, FAILED, make_attempt())
    await store.note_attempt(webhook.id, make_attempt())
    assert await store.remove_orphaned_webhooks(10) == 0
    assert await store.list_attempts(webhook.id) == []
    standing = await store.find_standing()
    assert standing.restriction == before.restriction


@in_reactor
async def test_who_is_not_there_has_none(store: Store) -> None:
    with refusing("user_not_found", Kind.NOT_FOUND):
        await store.add_webhook(make_webhook(user=make_user().id))
    user = await store.add_user(make_user())
    with refusing("key_ended", Kind.CONFLICT):
        await store.add_webhook(make_webhook(user=user.id, key=make_key().id))
    for ended in ({"expires_at": BEGINNING}, {"revoked_at": BEGINNING}):
        key = await store.add_key(make_user_key(user, **ended), bytes(32))
        with refusing("key_ended", Kind.CONFLICT):
            await store.add_webhook(make_webhook(user=user.id, key=key.id))
    lasting = await store.add_key(make_user_key(user, expires_at=BEGINNING + 1), bytes(32))
    await store.add_webhook(make_webhook(user=user.id, key=lasting.id))
    assert len(await store.list_webhooks(10)) == 1


@in_reactor
async def test_they_are_listed_by_their_ids(store: Store) -> None:
    ids = sorted(make_webhook_id() for _ in range(5))
    for number, each in enumerate(reversed(ids)):
        await store.add_webhook(make_webhook(id=each, maker=("anna", "owner")[number % 2]))
    assert await list_ids(store) == ids
    assert await list_ids(store, after=ids[1]) == ids[2:]
    assert await list_ids(store, maker="anna") == [ids[0], ids[2], ids[4]]
    assert await list_ids(store, maker="anna", after=ids[0]) == [ids[2], ids[4]]
    assert await list_ids(store, maker="nobody") == []
    assert [each.id for each in await store.list_webhooks(2)] == ids[:2]


@in_reactor
async def test_there_are_so_many_and_no_more(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from cloudsvc.storage.identity import memory_webhooks, webhooks  # noqa: PLC0415  # where the bounds are asked for

    for module in (memory_webhooks, webhooks):
        monkeypatch.setattr(module, "MAX_OWN_WEBHOOKS", 2)
        monkeypatch.setattr(module, "MAX_WEBHOOKS", 3)
    for maker in ("anna", "owner", "anna"):
        await store.add_webhook(make_webhook(maker=maker))
    for maker in ("anna", "boris"):
        with refusing("too_many_entries", Kind.CONFLICT):
            await store.add_webhook(make_webhook(maker=maker))
    await store.remove_webhook((await store.list_webhooks(1, maker="anna"))[0].id)
    await store.add_webhook(make_webhook(maker="anna"))


@in_reactor
async def test_one_is_replaced_that_is_still_what_was_read(store: Store) -> None:
    webhook = await store.add_webhook(make_webhook())
    wanted = evolve(
        webhook,
        url="https://example.org/other",
        label="other",
        kinds=frozenset({ChangeKind.DISCARDED}),
        folder=7,
        secret=Secret("whsec_b3RoZXI="),
        former_secret=webhook.secret,
        former_until=BEGINNING + 9,
        is_disabled=True,
        # What stays as it is kept.
        maker="somebody",
        created_at=5,
        progress=FAILED,
    )
    replaced = await store.replace_webhook(wanted)
    assert replaced == evolve(
        wanted,
        maker=webhook.maker,
        created_at=webhook.created_at,
        progress=webhook.progress,
        revision=replaced.revision,
    )
    assert replaced.revision > webhook.revision
    assert await store.find_webhook(webhook.id) == replaced
    with refusing("changed_meanwhile", Kind.CONFLICT):
        await store.replace_webhook(wanted)
    assert await store.find_webhook(webhook.id) == replaced


@in_reactor
async def test_what_has_failed_is_forgotten_where_it_begins_again(store: Store) -> None:
    webhook = await store.add_webhook(make_webhook(progress=FAILED))
    replaced = await store.replace_webhook(webhook)
    assert replaced.progress == FAILED
    again = await store.replace_webhook(replaced, begins_again=True)
    assert again.progress == evolve(FAILED, stop=None, failures=0, failing_since=None, next_try=None)
    assert await store.find_webhook(webhook.id) == again


@in_reactor
async def test_progress_is_noted_by_who_knows_how_far_it_had_come(store: Store) -> None:
    webhook = await store.add_webhook(make_webhook())
    other = await store.add_webhook(make_webhook())
    before = await store.find_standing()
    first = make_attempt(message="first")
    assert await store.note_progress(webhook.id, webhook.progress, FAILED, first)
    found = await store.find_webhook(webhook.id)
    assert found == evolve(webhook, progress=FAILED)
    assert not await store.note_progress(webhook.id, webhook.progress, webhook.progress, make_attempt(message="late"))
    assert (await store.find_webhook(webhook.id), await store.list_attempts(webhook.id)) == (found, [first])
    assert await store.note_progress(webhook.id, FAILED, webhook.progress)
    assert await store.find_webhook(webhook.id) == webhook
    assert await store.find_webhook(other.id) == other
    assert await store.find_standing() == before


@in_reactor
async def test_the_last_attempts_are_remembered(store: Store) -> None:
    webhook, other = [await store.add_webhook(make_webhook()) for _ in range(2)]
    attempts = [make_attempt(message=str(number), at=number) for number in range(bounds.MAX_ATTEMPTS + 3)]
    attempts[-1] = evolve(attempts[-1], status=None)
    for each in attempts:
        await store.note_attempt(webhook.id, each)
    await store.note_attempt(other.id, attempts[0])
    assert await store.list_attempts(webhook.id) == attempts[:2:-1]
    assert await store.list_attempts(other.id) == attempts[:1]
    await store.remove_webhook(webhook.id)
    assert await store.list_attempts(webhook.id) == []
    assert await store.find_webhook(webhook.id) is None
    assert await list_ids(store) == [other.id]


@in_reactor
async def test_those_of_a_user_go_with_them(store: Store) -> None:
    user, stays = [await store.add_user(make_user(name)) for name in ("anna", "boris")]
    gone = [await store.add_webhook(make_webhook(maker="anna", user=user.id)) for _ in range(2)]
    await store.note_attempt(gone[0].id, make_attempt())
    left = [
        await store.add_webhook(make_webhook(maker="boris", user=stays.id)),
        await store.add_webhook(make_webhook()),
    ]
    await store.remove_user(user.id)
    assert await list_ids(store) == sorted(each.id for each in left)
    assert await store.list_attempts(gone[0].id) == []


@in_reactor
async def test_those_without_their_keys_can_be_removed(store: Store) -> None:
    user = await store.add_user(make_user())
    kept = await store.add_key(make_user_key(user), bytes(32))
    ending = await store.add_key(make_user_key(user, expires_at=BEGINNING + 1), bytes(32))
    orphans = [await store.add_webhook(make_webhook(user=user.id, key=ending.id)) for _ in range(3)]
    left: list[Webhook] = [
        await store.add_webhook(make_webhook(user=user.id, key=kept.id)),
        await store.add_webhook(make_webhook()),
    ]
    await store.note_attempt(orphans[0].id, make_attempt())
    assert await store.remove_orphaned_webhooks(10) == 0
    await store.remove_ended_keys(BEGINNING + 2, 10)
    assert await store.remove_orphaned_webhooks(2) == 2
    assert await store.remove_orphaned_webhooks(2) == 1
    assert await list_ids(store) == sorted(each.id for each in left)
