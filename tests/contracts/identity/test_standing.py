"""Contract of stores of identity: how far they have come, and who learns of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from attrs import evolve
from twisted.internet.defer import Deferred

from cloudsvc.core.secrets import Secret
from cloudsvc.identity.revisions import NEVER, Restriction, Revision, Standing, make_mark
from cloudsvc.identity.store import IdentityStore, NewPassword
from tests.support.identity_stores import (
    BEGINNING,
    OpenIdentity,
    make_group,
    make_program_key,
    make_user,
    make_user_key,
)
from tests.support.reactors import in_reactor


@in_reactor
async def test_an_empty_store_has_come_nowhere(store: IdentityStore) -> None:
    assert await store.find_standing() == Standing(revision=NEVER, restriction=None, void_until=NEVER)


@in_reactor
async def test_what_is_added_raises_the_revision_and_restricts_nobody(store: IdentityStore) -> None:
    group = await store.add_group(make_group())
    user = await store.add_user(make_user(groups=(group.id,)))
    key = await store.add_key(make_user_key(user), bytes(32))
    assert [group.revision, user.revision, key.revision] == [1, 2, 3]
    assert await store.find_standing() == Standing(revision=Revision(3), restriction=None, void_until=NEVER)


@in_reactor
async def test_every_other_change_restricts(store: IdentityStore) -> None:
    group = await store.add_group(make_group())
    user = await store.add_user(make_user(groups=(group.id,)))
    key = await store.add_key(make_user_key(user), bytes(32))
    former = await store.add_key(make_program_key(), bytes(32))
    changes: list[Callable[[], Awaitable[object]]] = [
        lambda: store.replace_group(group),
        lambda: store.replace_user(user, NewPassword(hash=Secret("hash"))),
        lambda: store.rotate_key(former, make_program_key(), bytes(32)),
        lambda: store.replace_key(evolve(key, revoked_at=BEGINNING)),
        lambda: store.remove_ended_keys(BEGINNING + 1, 10),
        lambda: store.remove_group(group.id),
        store.void_credentials,
        lambda: store.remove_user(user.id),
    ]
    known: list[Restriction] = []
    for change in changes:
        before = await store.find_standing()
        await change()
        now = await store.find_standing()
        assert now.restriction is not None
        assert now.revision == before.revision + 1 == now.restriction.revision
        known.append(now.restriction)
    assert len({each.mark for each in known}) == len(known)
    assert [await store.knows(each) for each in known] == [True] * len(known)


@in_reactor
async def test_what_another_store_has_done_is_unknown(store: IdentityStore) -> None:
    user = await store.add_user(make_user())
    await store.replace_user(user)
    found = (await store.find_standing()).restriction
    assert found is not None
    assert not await store.knows(evolve(found, mark=make_mark()))
    assert not await store.knows(evolve(found, revision=Revision(found.revision + 1)))
    assert not await store.knows(Restriction(revision=user.revision, mark=found.mark))


@in_reactor
async def test_only_so_many_restrictions_are_remembered(store: IdentityStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloudsvc.identity.bounds.MAX_RESTRICTIONS", 2)
    user = await store.add_user(make_user())
    found: list[Restriction] = []
    for _ in range(3):
        user = await store.replace_user(user)
        restriction = (await store.find_standing()).restriction
        assert restriction is not None
        found.append(restriction)
    assert [await store.knows(each) for each in found] == [False, True, True]


@in_reactor
async def test_what_was_declared_void_stays_void(store: IdentityStore) -> None:
    user = await store.add_user(make_user("anna"), Secret("hash"))
    key = await store.add_key(make_user_key(user), bytes(32))
    standing = await store.void_credentials()
    assert standing == await store.find_standing()
    assert standing.void_until == standing.revision
    later = await store.add_key(make_user_key(user), bytes(32))
    await store.replace_key(evolve(key, label="changed since"))
    is_void = {}
    for each in (key, later):
        found = await store.find_key(each.id)
        assert found is not None
        is_void[each.id] = found.is_void
    assert is_void == {key.id: True, later.id: False}
    login = await store.find_login(user.name)
    assert login is not None
    assert login.is_void
    renewed = await store.replace_user(user, NewPassword(hash=Secret("other")))
    login = await store.find_login(renewed.name)
    assert login is not None
    assert not login.is_void


@in_reactor
async def test_a_second_opening_sees_everything_and_is_woken(open_any: OpenIdentity, tmp_path: Path) -> None:
    async with open_any(tmp_path) as first, open_any(tmp_path) as second:
        woken: Deferred[None] = Deferred()
        end = second.on_change(lambda: None if woken.called else woken.callback(None))
        user = await first.add_user(make_user(), Secret("hash"))
        await woken
        end()
        assert await second.find_user(user.name) == user
        assert await second.find_standing() == await first.find_standing()


@in_reactor
async def test_everything_is_kept(open_any: OpenIdentity, tmp_path: Path) -> None:
    async with open_any(tmp_path) as store:
        group = await store.add_group(make_group())
        user = await store.add_user(make_user(groups=(group.id,)), Secret("hash"))
        key = await store.add_key(make_user_key(user), bytes(32))
        await store.replace_user(user)
        standing = await store.find_standing()
    async with open_any(tmp_path) as store:
        assert await store.find_standing() == standing
        found = await store.find_key(key.id)
        assert found is not None
        assert found.holder is not None
        assert found.holder.user.groups == (group.id,)
        assert standing.restriction is not None
        assert await store.knows(standing.restriction)


@in_reactor
async def test_whoever_listens_no_more_is_not_woken(store: IdentityStore) -> None:
    woken: list[str] = []
    end_first = store.on_change(lambda: woken.append("first"))
    end_second = store.on_change(lambda: woken.append("second"))
    end_first()
    waiting: Deferred[None] = Deferred()
    end_third = store.on_change(lambda: None if waiting.called else waiting.callback(None))
    await store.add_user(make_user())
    await waiting
    assert "first" not in woken
    end_second()
    end_third()
