"""Contract of stores of identity: users."""

from __future__ import annotations

import pytest
from attrs import evolve

from cloudsvc.core.actors import Role
from cloudsvc.core.errors import Kind
from cloudsvc.core.secrets import Secret
from cloudsvc.identity.groups import make_group_id
from cloudsvc.identity.names import parse_account_name
from cloudsvc.identity.revisions import NEVER
from cloudsvc.identity.store import IdentityStore, NewPassword
from cloudsvc.identity.users import make_user_id
from tests.support.identity_stores import grant, make_group, make_user, make_user_key, refusing
from tests.support.reactors import in_reactor

HASH = Secret("$argon2id$v=19$a hash")


@in_reactor
async def test_a_user_comes_back_as_it_was_added(store: IdentityStore) -> None:
    family = await store.add_group(make_group("family"))
    friends = await store.add_group(make_group("friends"))
    user = make_user(
        "anna",
        display_name="Anna \N{LATIN SMALL LETTER O WITH DIAERESIS}",
        scopes=frozenset({"files:read", "notes:write"}),
        grants=(grant(Role.VIEWER, 5), grant(Role.UPLOADER, 5), grant(Role.MANAGER, 2**40)),
        groups=tuple(sorted([family.id, friends.id])),
        quota=2**50,
        is_disabled=True,
    )
    added = await store.add_user(user, HASH)
    assert added == evolve(user, revision=added.revision, password_set=added.revision)
    assert added.revision > NEVER
    assert await store.find_user(parse_account_name("anna")) == added
    assert await store.list_users(10) == [added]


@in_reactor
async def test_without_grants_groups_quota_and_password(store: IdentityStore) -> None:
    added = await store.add_user(make_user(scopes=frozenset()))
    assert added.password_set == NEVER
    found = await store.find_user(added.name)
    assert found == added
    assert found.quota is None


@in_reactor
async def test_a_quota_of_nothing_is_a_quota(store: IdentityStore) -> None:
    added = await store.add_user(make_user(quota=0))
    found = await store.find_user(added.name)
    assert found is not None
    assert found.quota == 0


@in_reactor
async def test_nobody_is_found_where_nobody_is(store: IdentityStore) -> None:
    name = parse_account_name("anna")
    assert await store.find_user(name) is None
    assert await store.find_login(name) is None
    assert await store.find_holder(make_user_id()) is None
    assert await store.list_users(10) == []


@in_reactor
async def test_a_name_that_looks_like_another_one_is_taken(store: IdentityStore) -> None:
    await store.add_user(make_user("bill"))
    with refusing("name_taken", Kind.CONFLICT):
        await store.add_user(make_user("bi11"))
    assert len(await store.list_users(10)) == 1


@in_reactor
async def test_the_name_of_a_removed_user_stays_taken(store: IdentityStore) -> None:
    added = await store.add_user(make_user("anna"), HASH)
    await store.remove_user(added.id)
    assert await store.find_user(added.name) is None
    assert await store.find_login(added.name) is None
    with refusing("name_taken", Kind.CONFLICT):
        await store.add_user(make_user("anna"))


@in_reactor
async def test_a_removed_user_takes_their_keys_along(store: IdentityStore) -> None:
    anna, bert = [await store.add_user(make_user(name)) for name in ("anna", "bert")]
    gone = await store.add_key(make_user_key(anna), bytes(32))
    kept = await store.add_key(make_user_key(bert), bytes(32))
    await store.remove_user(anna.id)
    assert await store.find_key(gone.id) is None
    assert await store.list_keys(10) == [kept]
    with refusing("user_not_found", Kind.NOT_FOUND):
        await store.remove_user(anna.id)


@in_reactor
async def test_users_come_by_name_in_pages(store: IdentityStore) -> None:
    for name in ("cleo", "anna", "dora", "bert"):
        await store.add_user(make_user(name))
    first = await store.list_users(2)
    second = await store.list_users(2, after=first[-1].name.key)
    assert [str(user.name) for user in [*first, *second]] == ["anna", "bert", "cleo", "dora"]
    assert await store.list_users(2, after=second[-1].name.key) == []


@in_reactor
async def test_what_of_a_user_can_be_replaced(store: IdentityStore) -> None:
    group = await store.add_group(make_group())
    added = await store.add_user(make_user(grants=(grant(Role.EDITOR, 7),), groups=(group.id,), quota=5), HASH)
    wanted = evolve(
        added,
        display_name="Anna",
        scopes=frozenset({"*"}),
        grants=(grant(Role.VIEWER, 8), grant(Role.EDITOR, 9)),
        groups=(),
        quota=None,
        is_disabled=True,
    )
    replaced = await store.replace_user(wanted)
    assert replaced == evolve(wanted, revision=replaced.revision)
    assert replaced.revision > added.revision
    assert await store.find_user(added.name) == replaced
    login = await store.find_login(added.name)
    assert login is not None
    assert (login.hash, login.holder.user) == (HASH, replaced)


@in_reactor
async def test_what_of_a_user_stays_as_it_is(store: IdentityStore) -> None:
    added = await store.add_user(make_user())
    other = evolve(added, name=parse_account_name("bert"), created_at=5, password_set=added.revision)
    replaced = await store.replace_user(other)
    assert replaced == evolve(added, revision=replaced.revision)
    assert str(replaced.name) == "anna"


@in_reactor
async def test_a_user_who_was_changed_meanwhile_is_not_replaced(store: IdentityStore) -> None:
    added = await store.add_user(make_user())
    replaced = await store.replace_user(evolve(added, quota=1))
    with refusing("changed_meanwhile", Kind.CONFLICT):
        await store.replace_user(evolve(added, quota=2))
    assert await store.find_user(added.name) == replaced


@in_reactor
async def test_a_user_who_is_not_there_is_not_replaced(store: IdentityStore) -> None:
    with refusing("user_not_found", Kind.NOT_FOUND):
        await store.replace_user(make_user())


@in_reactor
async def test_a_group_that_is_not_there_has_no_users(store: IdentityStore) -> None:
    added = await store.add_user(make_user("anna"))
    missing = (make_group_id(),)
    with refusing("group_not_found", Kind.NOT_FOUND):
        await store.add_user(make_user("bert", groups=missing))
    with refusing("group_not_found", Kind.NOT_FOUND):
        await store.replace_user(evolve(added, groups=missing))
    assert await store.list_users(10) == [added]
    assert (await store.add_user(make_user("bert"))).groups == ()


@in_reactor
async def test_passwords_come_and_go(store: IdentityStore) -> None:
    added = await store.add_user(make_user())
    login = await store.find_login(added.name)
    assert login is not None
    assert login.hash is None
    given = await store.replace_user(added, NewPassword(hash=HASH))
    assert given.password_set == given.revision
    login = await store.find_login(added.name)
    assert login is not None
    assert (login.hash, login.is_void, login.holder.user) == (HASH, False, given)
    taken = await store.replace_user(given, NewPassword(hash=None))
    assert taken.password_set == NEVER
    login = await store.find_login(added.name)
    assert login is not None
    assert login.hash is None


@in_reactor
async def test_a_holder_has_the_grants_of_all_groups(store: IdentityStore) -> None:
    family = await store.add_group(make_group("family", grant(Role.VIEWER, 5), grant(Role.EDITOR, 6)))
    friends = await store.add_group(make_group("friends", grant(Role.UPLOADER, 5), grant(Role.VIEWER, 7)))
    await store.add_group(make_group("others", grant(Role.MANAGER, 1)))
    groups = tuple(sorted([family.id, friends.id]))
    user = await store.add_user(make_user(grants=(grant(Role.VIEWER, 6), grant(Role.EDITOR, 8)), groups=groups))
    holder = await store.find_holder(user.id)
    assert holder is not None
    assert holder.user == user
    assert holder.grants == (
        grant(Role.VIEWER, 5),
        grant(Role.UPLOADER, 5),
        grant(Role.EDITOR, 6),
        grant(Role.VIEWER, 7),
        grant(Role.EDITOR, 8),
    )
    login = await store.find_login(user.name)
    assert login is not None
    assert login.holder == holder


@in_reactor
async def test_there_are_not_more_users_than_their_bound(store: IdentityStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloudsvc.identity.bounds.MAX_USERS", 2)
    anna, _ = [await store.add_user(make_user(name)) for name in ("anna", "bert")]
    with refusing("too_many_entries", Kind.CONFLICT):
        await store.add_user(make_user("cleo"))
    await store.remove_user(anna.id)
    await store.add_user(make_user("cleo"))


@in_reactor
async def test_there_are_not_more_names_than_their_bound(store: IdentityStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloudsvc.identity.bounds.MAX_NAMES", 1)
    added = await store.add_user(make_user("anna"))
    await store.remove_user(added.id)
    with refusing("too_many_entries", Kind.CONFLICT):
        await store.add_user(make_user("bert"))
