"""Contract of stores of identity: groups."""

from __future__ import annotations

import pytest
from attrs import evolve

from cloudsvc.core.actors import Role
from cloudsvc.core.errors import Kind
from cloudsvc.identity.groups import make_group_id
from cloudsvc.identity.names import parse_account_name
from cloudsvc.identity.revisions import NEVER
from cloudsvc.identity.store import IdentityStore
from tests.support.identity_stores import grant, make_group, make_user, refusing
from tests.support.reactors import in_reactor


@in_reactor
async def test_a_group_comes_back_as_it_was_added(store: IdentityStore) -> None:
    group = make_group("family", grant(Role.VIEWER, 5), grant(Role.MANAGER, 9))
    added = await store.add_group(group)
    assert added == evolve(group, revision=added.revision)
    assert added.revision > NEVER
    assert await store.find_group(parse_account_name("family")) == added
    assert await store.find_groups([group.id, make_group_id()]) == {group.id: added}
    assert await store.list_groups(10) == [added]


@in_reactor
async def test_no_group_is_found_where_none_is(store: IdentityStore) -> None:
    assert await store.find_group(parse_account_name("family")) is None
    assert await store.find_groups([]) == {}
    assert await store.list_groups(10) == []


@in_reactor
async def test_groups_and_users_have_names_of_their_own(store: IdentityStore) -> None:
    await store.add_user(make_user("anna"))
    await store.add_group(make_group("anna"))
    with refusing("name_taken", Kind.CONFLICT):
        await store.add_group(make_group("anna"))


@in_reactor
async def test_groups_come_by_name_in_pages(store: IdentityStore) -> None:
    for name in ("c", "a", "d", "b"):
        await store.add_group(make_group(name))
    first = await store.list_groups(3)
    second = await store.list_groups(3, after=first[-1].name.key)
    assert [str(group.name) for group in [*first, *second]] == ["a", "b", "c", "d"]


@in_reactor
async def test_the_grants_of_a_group_can_be_replaced(store: IdentityStore) -> None:
    added = await store.add_group(make_group("family", grant(Role.VIEWER, 5)))
    user = await store.add_user(make_user(groups=(added.id,)))
    wanted = evolve(added, grants=(grant(Role.EDITOR, 6),), name=parse_account_name("other"), created_at=1)
    replaced = await store.replace_group(wanted)
    assert replaced == evolve(added, grants=wanted.grants, revision=replaced.revision)
    holder = await store.find_holder(user.id)
    assert holder is not None
    assert holder.grants == wanted.grants
    with refusing("changed_meanwhile", Kind.CONFLICT):
        await store.replace_group(evolve(added, grants=()))
    assert await store.find_group(added.name) == replaced


@in_reactor
async def test_a_removed_group_leaves_its_users(store: IdentityStore) -> None:
    gone = await store.add_group(make_group("family", grant(Role.VIEWER, 5)))
    kept = await store.add_group(make_group("friends", grant(Role.VIEWER, 6)))
    user = await store.add_user(make_user(groups=tuple(sorted([gone.id, kept.id]))))
    await store.remove_group(gone.id)
    assert await store.find_group(gone.name) is None
    found = await store.find_user(user.name)
    assert found == evolve(user, groups=(kept.id,))
    holder = await store.find_holder(user.id)
    assert holder is not None
    assert holder.grants == (grant(Role.VIEWER, 6),)
    await store.add_group(make_group("family"))


@in_reactor
async def test_a_group_that_is_not_there(store: IdentityStore) -> None:
    with refusing("group_not_found", Kind.NOT_FOUND):
        await store.replace_group(make_group())
    with refusing("group_not_found", Kind.NOT_FOUND):
        await store.remove_group(make_group_id())


@in_reactor
async def test_there_are_not_more_groups_than_their_bound(
    store: IdentityStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cloudsvc.identity.bounds.MAX_GROUPS", 1)
    await store.add_group(make_group("family"))
    with refusing("too_many_entries", Kind.CONFLICT):
        await store.add_group(make_group("friends"))
