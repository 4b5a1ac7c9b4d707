"""Contract of stores of identity: sessions."""

from __future__ import annotations

import pytest
from attrs import evolve

from cloudsvc.core.actors import Role
from cloudsvc.core.errors import Kind
from cloudsvc.core.secrets import Secret
from cloudsvc.identity.bounds import SESSION_IDLE_SECONDS
from cloudsvc.identity.key_format import make_key
from cloudsvc.identity.revisions import NEVER, Revision
from cloudsvc.identity.sessions import NO_SESSION, SessionId, make_session
from cloudsvc.identity.store import IdentityStore, NewPassword
from tests.support.identity_stores import BEGINNING, grant, make_group, make_user, make_user_session, refusing
from tests.support.reactors import in_reactor

DIGEST = bytes(range(32))
IDLE = SESSION_IDLE_SECONDS * 1_000_000


async def is_there(store: IdentityStore, session: SessionId) -> bool:
    return await store.find_session(session) is not None


@in_reactor
async def test_a_session_comes_back_as_it_was_added(store: IdentityStore) -> None:
    group = await store.add_group(make_group("family", grant(Role.VIEWER, 5)))
    user = await store.add_user(make_user(groups=(group.id,), grants=(grant(Role.EDITOR, 6),)))
    session = make_user_session(user, label="browser", key=make_key().id)
    added = await store.add_session(session, DIGEST)
    assert added == evolve(session, made=added.made)
    assert added.made > NEVER
    found = await store.find_session(session.id)
    assert found is not None
    assert (found.session, found.digest, found.is_void) == (added, DIGEST, False)
    assert found.holder == await store.find_holder(user.id)
    assert await store.list_sessions(user.id) == [added]


@in_reactor
async def test_some_sessions_are_found_as_each_of_them_is(store: IdentityStore) -> None:
    group = await store.add_group(make_group("family", grant(Role.VIEWER, 5)))
    anna = await store.add_user(make_user("anna", groups=(group.id,), grants=(grant(Role.EDITOR, 6),)))
    bert = await store.add_user(make_user("bert"))
    old = await store.add_session(make_user_session(anna), DIGEST)
    await store.void_credentials()
    sessions = [old, *[await store.add_session(make_user_session(each), DIGEST) for each in (anna, anna, bert)]]
    sessions.append(await store.add_session(make_user_session(bert, key=make_key().id), bytes(32)))
    await store.add_session(make_user_session(bert), DIGEST)
    found = await store.find_sessions([*(session.id for session in sessions), make_session().id])
    assert dict(found) == {session.id: await store.find_session(session.id) for session in sessions}
    assert found[old.id].is_void
    assert await store.find_sessions([]) == {}


@in_reactor
async def test_no_session_is_found_where_none_is(store: IdentityStore) -> None:
    user = await store.add_user(make_user())
    assert not await is_there(store, NO_SESSION)
    assert not await is_there(store, make_session().id)
    assert await store.list_sessions(user.id) == []
    before = await store.find_standing()
    with refusing("session_not_found", Kind.NOT_FOUND):
        await store.end_session(user.id, make_session().id)
    assert await store.end_sessions(user.id) == 0
    assert await store.remove_expired_sessions(2**60, 10) == 0
    assert await store.find_standing() == before


@in_reactor
async def test_only_who_is_there_and_has_still_this_password_gets_one(store: IdentityStore) -> None:
    with refusing("user_not_found", Kind.NOT_FOUND):
        await store.add_session(make_user_session(make_user()), DIGEST)
    user = await store.add_user(make_user(), Secret("hash"))
    await store.add_session(make_user_session(user), DIGEST, password_set=user.password_set)
    with refusing("changed_meanwhile", Kind.CONFLICT):
        await store.add_session(make_user_session(user), DIGEST, password_set=Revision(user.password_set + 1))
    await store.void_credentials()
    with refusing("changed_meanwhile", Kind.CONFLICT):
        await store.add_session(make_user_session(user), DIGEST, password_set=user.password_set)
    await store.replace_user(evolve(user, is_disabled=True))
    with refusing("user_disabled", Kind.CONFLICT):
        await store.add_session(make_user_session(user), DIGEST)


@in_reactor
async def test_sessions_end_one_by_one_or_all(store: IdentityStore) -> None:
    anna, bert = await store.add_user(make_user("anna")), await store.add_user(make_user("bert"))
    first, second, third = [await store.add_session(make_user_session(anna), DIGEST) for _ in range(3)]
    other = await store.add_session(make_user_session(bert), DIGEST)
    with refusing("session_not_found", Kind.NOT_FOUND):
        await store.end_session(bert.id, first.id)
    before = await store.find_standing()
    await store.end_session(anna.id, first.id)
    now = await store.find_standing()
    assert now.restriction is not None
    assert now.revision == before.revision + 1 == now.restriction.revision
    assert await store.list_sessions(anna.id) == sorted([second, third], key=lambda each: each.id)
    assert await store.end_sessions(anna.id, keeps=third.id) == 1
    assert await store.list_sessions(anna.id) == [third]
    assert await store.end_sessions(anna.id) == 1
    assert await store.list_sessions(anna.id) == []
    assert await is_there(store, other.id)


@in_reactor
async def test_a_changed_password_a_disabled_and_a_removed_user_end_them(store: IdentityStore) -> None:
    user = await store.add_user(make_user(), Secret("hash"))
    first, second = [await store.add_session(make_user_session(user), DIGEST) for _ in range(2)]
    user = await store.replace_user(evolve(user, display_name="Anna A."))
    assert len(await store.list_sessions(user.id)) == 2
    user = await store.replace_user(user, NewPassword(hash=Secret("other"), keeps=second.id))
    assert not await is_there(store, first.id)
    assert await store.list_sessions(user.id) == [second]
    user = await store.replace_user(user, NewPassword(hash=None))
    assert await store.list_sessions(user.id) == []
    await store.add_session(make_user_session(user), DIGEST)
    user = await store.replace_user(evolve(user, is_disabled=True))
    assert await store.list_sessions(user.id) == []
    user = await store.replace_user(evolve(user, is_disabled=False))
    last = await store.add_session(make_user_session(user), DIGEST)
    await store.remove_user(user.id)
    assert not await is_there(store, last.id)


@in_reactor
async def test_the_one_seen_longest_ago_gives_way(store: IdentityStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloudsvc.identity.bounds.MAX_USER_SESSIONS", 2)
    anna, bert = await store.add_user(make_user("anna")), await store.add_user(make_user("bert"))
    other = await store.add_session(make_user_session(bert), DIGEST)
    first = await store.add_session(make_user_session(anna), DIGEST)
    second = await store.add_session(make_user_session(anna, seen_at=BEGINNING + 1), DIGEST)
    assert (await store.find_standing()).restriction is None
    await store.note_seen({first.id: BEGINNING + 2})
    third = await store.add_session(make_user_session(anna, seen_at=BEGINNING + 3), DIGEST)
    assert [await is_there(store, each.id) for each in (first, second, third, other)] == [True, False, True, True]
    # Somebody may do less.
    restriction = (await store.find_standing()).restriction
    assert restriction is not None
    assert restriction.revision == third.made


@in_reactor
async def test_whoever_is_seen_goes_on_but_not_for_ever(store: IdentityStore) -> None:
    user = await store.add_user(make_user())
    long = await store.add_session(make_user_session(user), DIGEST)
    short = await store.add_session(make_user_session(user, ends_at=BEGINNING + IDLE + 1), DIGEST)
    idle = await store.add_session(make_user_session(user), DIGEST)
    before = await store.find_standing()
    await store.note_seen({long.id: BEGINNING + 10, short.id: BEGINNING + 10, make_session().id: BEGINNING + 10})
    await store.note_seen({long.id: BEGINNING + 5})
    await store.note_seen({})
    assert await store.find_standing() == before
    assert {each.id: each.expires_at for each in await store.list_sessions(user.id)} == {
        long.id: BEGINNING + IDLE + 10,
        short.id: BEGINNING + IDLE + 1,
        idle.id: BEGINNING + IDLE,
    }
    assert await store.remove_expired_sessions(BEGINNING + IDLE, 10) == 0
    assert await store.remove_expired_sessions(BEGINNING + IDLE + 10, 1) == 1
    assert not await is_there(store, idle.id)
    assert await store.remove_expired_sessions(BEGINNING + IDLE + 10, 10) == 1
    assert [each.id for each in await store.list_sessions(user.id)] == [long.id]


@in_reactor
async def test_sessions_are_declared_void_too(store: IdentityStore) -> None:
    user = await store.add_user(make_user())
    former = await store.add_session(make_user_session(user), DIGEST)
    await store.void_credentials()
    await store.note_seen({former.id: BEGINNING + 1})
    later = await store.add_session(make_user_session(user), DIGEST)
    found = [await store.find_session(each.id) for each in (former, later)]
    assert [each and each.is_void for each in found] == [True, False]


@in_reactor
async def test_a_hash_is_renewed_where_it_is_still_the_one(store: IdentityStore) -> None:
    user = await store.add_user(make_user(), Secret("hash"))
    before = await store.find_standing()
    await store.renew_hash(user.id, Secret("other"), Secret("wrong"))
    await store.renew_hash(user.id, Secret("hash"), Secret("renewed"))
    assert await store.find_standing() == before
    login = await store.find_login(user.name)
    assert login is not None
    assert login.hash == Secret("renewed")
    assert login.holder.user == user
