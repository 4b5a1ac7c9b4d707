"""Contract of stores of identity: keys."""

from __future__ import annotations

import pytest
from attrs import evolve

from cloudsvc.core.actors import Role
from cloudsvc.core.errors import Kind
from cloudsvc.identity.key_format import NO_KEY, KeyId, make_key
from cloudsvc.identity.names import parse_account_name
from cloudsvc.identity.revisions import NEVER
from cloudsvc.identity.store import IdentityStore
from tests.support.identity_stores import (
    BEGINNING,
    grant,
    make_group,
    make_program_key,
    make_user,
    make_user_key,
    refusing,
)
from tests.support.reactors import in_reactor

DIGEST = bytes(range(32))
HOUR = 3_600_000_000


@in_reactor
async def test_a_key_of_a_user_comes_back_as_it_was_added(store: IdentityStore) -> None:
    group = await store.add_group(make_group("family", grant(Role.VIEWER, 5)))
    user = await store.add_user(make_user(grants=(grant(Role.EDITOR, 6),), groups=(group.id,)))
    key = make_user_key(
        user,
        label="telephone",
        grants=(grant(Role.VIEWER, 6),),
        scopes=frozenset({"files:read"}),
        rate="100/minute",
        expires_at=BEGINNING + HOUR,
    )
    added = await store.add_key(key, DIGEST)
    assert added == evolve(key, revision=added.revision, made=added.revision)
    assert added.revision > NEVER
    found = await store.find_key(key.id)
    assert found is not None
    assert (found.key, found.digest, found.is_void) == (added, DIGEST, False)
    assert found.holder == await store.find_holder(user.id)
    assert await store.list_keys(10) == [added]


@in_reactor
async def test_a_key_of_a_program(store: IdentityStore) -> None:
    added = await store.add_key(make_program_key("camera", grant(Role.UPLOADER, 5)), DIGEST)
    found = await store.find_key(added.id)
    assert found is not None
    assert (found.key, found.holder) == (added, None)
    assert str(found.key.program) == "camera"


@in_reactor
async def test_all_that_its_holder_may_is_not_nothing(store: IdentityStore) -> None:
    user = await store.add_user(make_user())
    everything = await store.add_key(make_user_key(user, grants=None), DIGEST)
    nothing = await store.add_key(make_user_key(user, grants=(), scopes=frozenset()), DIGEST)
    found = {key.id: key for key in await store.list_keys(10)}
    assert (found[everything.id].grants, found[nothing.id].grants) == (None, ())
    assert found[nothing.id].scopes == frozenset()


@in_reactor
async def test_no_key_is_found_where_none_is(store: IdentityStore) -> None:
    assert await store.find_key(NO_KEY) is None
    assert await store.find_key(make_key().id) is None
    assert await store.list_keys(10) == []


@in_reactor
async def test_a_user_who_is_not_there_has_no_keys(store: IdentityStore) -> None:
    with refusing("user_not_found", Kind.NOT_FOUND):
        await store.add_key(make_user_key(make_user()), DIGEST)


@in_reactor
async def test_keys_come_by_id_in_pages(store: IdentityStore) -> None:
    """By code points: where a database sorts as people do, ``a`` would be before ``B``."""
    ids = [KeyId(first + "0" * 15) for first in "0AZaz"]
    for each in reversed(ids):
        await store.add_key(make_program_key(id=each), DIGEST)
    first = await store.list_keys(3)
    second = await store.list_keys(3, after=first[-1].id)
    assert [key.id for key in [*first, *second]] == ids


@in_reactor
async def test_the_keys_of_a_user(store: IdentityStore) -> None:
    anna, bert = [await store.add_user(make_user(name)) for name in ("anna", "bert")]
    key = await store.add_key(make_user_key(anna), DIGEST)
    await store.add_key(make_user_key(bert), DIGEST)
    await store.add_key(make_program_key(), DIGEST)
    assert await store.list_keys(10, holder=anna.id) == [key]


@in_reactor
async def test_what_of_a_key_can_be_replaced(store: IdentityStore) -> None:
    user = await store.add_user(make_user())
    added = await store.add_key(make_user_key(user, grants=(grant(Role.EDITOR, 5),), rate="1/minute"), DIGEST)
    wanted = evolve(
        added,
        label="new",
        grants=(grant(Role.VIEWER, 6), grant(Role.VIEWER, 7)),
        scopes=frozenset({"notes:read"}),
        rate=None,
        expires_at=BEGINNING + 5,
        revoked_at=BEGINNING + 6,
    )
    replaced = await store.replace_key(wanted)
    assert replaced == evolve(wanted, revision=replaced.revision)
    found = await store.find_key(added.id)
    assert found is not None
    assert (found.key, found.digest) == (replaced, DIGEST)


@in_reactor
async def test_what_of_a_key_stays_as_it_is(store: IdentityStore) -> None:
    added = await store.add_key(make_program_key(), DIGEST)
    other = evolve(
        added, program=parse_account_name("other"), maker="somebody", created_at=1, made=NEVER, last_used=HOUR
    )
    replaced = await store.replace_key(other)
    assert replaced == evolve(added, revision=replaced.revision)
    assert str(replaced.program) == "camera"


@in_reactor
async def test_a_key_that_was_changed_meanwhile_is_not_replaced(store: IdentityStore) -> None:
    added = await store.add_key(make_program_key(), DIGEST)
    replaced = await store.replace_key(evolve(added, revoked_at=BEGINNING))
    with refusing("changed_meanwhile", Kind.CONFLICT):
        await store.replace_key(evolve(added, label="new"))
    assert await store.list_keys(10) == [replaced]
    with refusing("key_not_found", Kind.NOT_FOUND):
        await store.replace_key(make_program_key())


@in_reactor
async def test_rotation_is_one_step(store: IdentityStore) -> None:
    former = await store.add_key(make_program_key("camera"), DIGEST)
    other = bytes(32)
    added = await store.rotate_key(evolve(former, expires_at=BEGINNING + 5), make_program_key("camera"), other)
    assert (await store.find_standing()).revision == former.revision + 1
    first, second = await store.find_key(former.id), await store.find_key(added.id)
    assert first is not None
    assert second is not None
    assert (first.key.expires_at, first.digest) == (BEGINNING + 5, DIGEST)
    assert (second.key, second.digest) == (added, other)
    assert first.key.revision == second.key.revision == second.key.made
    assert first.key.made == former.made


@in_reactor
async def test_a_rotation_that_cannot_be_does_nothing(store: IdentityStore, monkeypatch: pytest.MonkeyPatch) -> None:
    former = await store.add_key(make_program_key("camera"), DIGEST)
    monkeypatch.setattr("cloudsvc.identity.bounds.MAX_PROGRAM_KEYS", 1)
    with refusing("too_many_entries", Kind.CONFLICT):
        await store.rotate_key(evolve(former, expires_at=BEGINNING), make_program_key("camera"), DIGEST)
    with refusing("changed_meanwhile", Kind.CONFLICT):
        await store.rotate_key(evolve(former, revision=NEVER), make_program_key("camera"), DIGEST)
    assert await store.list_keys(10) == [former]


@in_reactor
async def test_there_are_not_more_keys_than_their_bounds(store: IdentityStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloudsvc.identity.bounds.MAX_PROGRAM_KEYS", 1)
    monkeypatch.setattr("cloudsvc.identity.bounds.MAX_USER_KEYS", 1)
    anna, bert = [await store.add_user(make_user(name)) for name in ("anna", "bert")]
    for key in (make_program_key(), make_user_key(anna), make_user_key(bert)):
        await store.add_key(key, DIGEST)
    for key in (make_program_key(), make_user_key(anna)):
        with refusing("too_many_entries", Kind.CONFLICT):
            await store.add_key(key, DIGEST)


@in_reactor
async def test_the_last_use_is_remembered_and_never_goes_back(store: IdentityStore) -> None:
    first, second = [await store.add_key(make_program_key(), DIGEST) for _ in range(2)]
    before = await store.find_standing()
    await store.note_uses({first.id: 2 * HOUR, make_key().id: HOUR})
    await store.note_uses({first.id: HOUR, second.id: HOUR})
    await store.note_uses({})
    assert await store.find_standing() == before, "using a key is no change"
    found = {key.id: key.last_used for key in await store.list_keys(10)}
    assert found == {first.id: 2 * HOUR, second.id: HOUR}
    await store.replace_key(evolve(first, label="read before it was used"))
    found = {key.id: key.last_used for key in await store.list_keys(10)}
    assert found[first.id] == 2 * HOUR


@in_reactor
async def test_keys_that_have_ended_are_removed(store: IdentityStore) -> None:
    expired = await store.add_key(make_program_key(expires_at=BEGINNING + 1), DIGEST)
    revoked = await store.add_key(make_program_key(expires_at=BEGINNING + 9, revoked_at=BEGINNING), DIGEST)
    later = await store.add_key(make_program_key(expires_at=BEGINNING + 5), DIGEST)
    alive = await store.add_key(make_program_key(), DIGEST)
    assert await store.remove_ended_keys(BEGINNING, 10) == 0
    before = await store.find_standing()
    assert await store.remove_ended_keys(BEGINNING + 5, 1) == 1
    assert await store.find_key(revoked.id) is None
    assert await store.remove_ended_keys(BEGINNING + 5, 10) == 1
    assert await store.find_key(expired.id) is None
    assert (await store.find_standing()).revision == before.revision + 2
    assert await store.remove_ended_keys(BEGINNING + 5, 10) == 0
    assert {key.id for key in await store.list_keys(10)} == {later.id, alive.id}


@in_reactor
async def test_what_was_made_by_a_key_is_known_and_ends_with_it(store: IdentityStore) -> None:
    anna = await store.add_user(make_user())
    first = await store.add_key(make_user_key(anna), DIGEST)
    child = await store.add_key(make_user_key(anna, made_by=first.id, expires_at=BEGINNING + 5), DIGEST)
    grandchild = await store.add_key(make_program_key(made_by=child.id), DIGEST)
    other = await store.add_key(make_user_key(anna), DIGEST)
    made = sorted([child, grandchild], key=lambda key: key.id)
    assert await store.list_keys(10, made_by=first.id) == made
    assert await store.list_keys(10, made_by=first.id, after=made[0].id) == made[1:]
    assert await store.list_keys(1, made_by=first.id) == made[:1]
    assert await store.list_keys(10, made_by=first.id, holder=anna.id) == [child]
    assert await store.list_keys(10, made_by=other.id) == []
    assert await store.list_keys(10, made_by=make_key().id) == []
    before = await store.find_standing()
    assert await store.revoke_keys(first.id, BEGINNING + 9, descendants=False) == 1
    assert await store.revoke_keys(first.id, BEGINNING + 10, descendants=False) == 0
    assert await store.revoke_keys(first.id, BEGINNING + 10, descendants=True) == 2
    assert await store.revoke_keys(first.id, BEGINNING + 11, descendants=True) == 0
    after = await store.find_standing()
    assert after.revision == before.revision + 2
    assert after.restriction is not None
    assert after.restriction.revision == after.revision
    found = {key.id: key for key in await store.list_keys(10)}
    assert found[first.id].revoked_at == BEGINNING + 9
    assert found[child.id] == evolve(child, revoked_at=BEGINNING + 10, revision=after.revision)
    assert found[grandchild.id].ended_at == BEGINNING + 10
    assert found[other.id] == other
    # When they end is known to whoever removes what has ended: the child has by itself, before.
    assert await store.remove_ended_keys(BEGINNING + 6, 10) == 1
    assert await store.find_key(child.id) is None
    with refusing("key_not_found", Kind.NOT_FOUND):
        await store.revoke_keys(make_key().id, BEGINNING, descendants=True)


@in_reactor
async def test_a_key_that_has_ended_makes_no_others(store: IdentityStore) -> None:
    anna = await store.add_user(make_user())
    ended = await store.add_key(make_user_key(anna, expires_at=BEGINNING), DIGEST)
    alive = await store.add_key(make_user_key(anna, expires_at=BEGINNING + 1), DIGEST)
    made = await store.add_key(make_user_key(anna, made_by=alive.id), DIGEST)
    assert made.made_by == alive.id
    for maker in (ended.id, make_key().id):
        with refusing("key_ended", Kind.CONFLICT):
            await store.add_key(make_user_key(anna, made_by=maker), DIGEST)
        with refusing("key_ended", Kind.CONFLICT):
            await store.rotate_key(alive, make_user_key(anna, made_by=maker), DIGEST)
    assert (await store.replace_key(evolve(made, made_by=None))).made_by == alive.id


@in_reactor
async def test_some_keys_are_found_as_each_of_them_is(store: IdentityStore) -> None:
    groups = [
        await store.add_group(make_group(name, grant(Role.VIEWER, folder))) for name, folder in (("a", 5), ("b", 6))
    ]
    ids = tuple(sorted(group.id for group in groups))
    anna = await store.add_user(make_user("anna", grants=(grant(Role.EDITOR, 7),), groups=ids))
    bert = await store.add_user(make_user("bert", groups=(groups[0].id,)))
    cleo = await store.add_user(make_user("cleo"))
    old = await store.add_key(make_user_key(anna), DIGEST)
    await store.void_credentials()
    keys = [await store.add_key(make_user_key(each), DIGEST) for each in (anna, anna, bert, cleo)]
    keys += [old, await store.add_key(make_program_key(), bytes(32))]
    await store.add_key(make_program_key(), DIGEST)
    found = await store.find_keys([*(key.id for key in keys), make_key().id])
    assert dict(found) == {key.id: await store.find_key(key.id) for key in keys}
    assert found[old.id].is_void
    assert await store.find_keys([]) == {}
