"""Contract of stores of identity: the owner's token is switched off where somebody else gets in, and stays so."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from attrs import evolve

from cloudsvc.core.actors import Role
from cloudsvc.core.errors import Kind
from cloudsvc.core.secrets import Secret
from cloudsvc.identity.groups import Group
from cloudsvc.identity.keys import Key
from cloudsvc.identity.scopes import KEY_SCOPES, USER_SCOPES
from cloudsvc.identity.store import IdentityStore, NewPassword
from cloudsvc.identity.users import User
from tests.support.identity_stores import (
    BEGINNING,
    OpenIdentity,
    grant,
    make_group,
    make_program_key,
    make_user,
    make_user_key,
    refusing,
)
from tests.support.reactors import in_reactor

HASH = Secret("hash")
MANAGES = grant(Role.MANAGER, 1)
LATER = BEGINNING + 10


async def add_boss(store: IdentityStore, name: str = "boss", **fields: object) -> User:
    return await store.add_user(make_user(name, **{"grants": (MANAGES,), **fields}), HASH)


async def is_off(store: IdentityStore) -> bool:
    return (await store.find_standing()).refuses_owner


@in_reactor
async def test_it_is_switched_off_and_on_as_a_restricting_change(store: IdentityStore) -> None:
    await add_boss(store)
    assert not await is_off(store)
    for refused in (True, False):
        before = await store.find_standing()
        now = await store.switch_owner(refused=refused)
        assert now == await store.find_standing()
        assert now.refuses_owner is refused
        assert now.restriction is not None
        assert now.revision == before.revision + 1 == now.restriction.revision
        assert now.restriction.refuses_owner is refused
        assert await store.knows(now.restriction)


Preparation: TypeAlias = Callable[[IdentityStore], Awaitable[object]]

WAYS_IN: dict[str, Preparation] = {}
NO_WAYS_IN: dict[str, Preparation] = {}


def way(ways: dict[str, Preparation]) -> Callable[[Preparation], None]:
    return lambda prepare: ways.update({prepare.__name__: prepare})


@way(WAYS_IN)
async def password(store: IdentityStore) -> None:
    await add_boss(store)


@way(WAYS_IN)
async def every_scope(store: IdentityStore) -> None:
    await add_boss(store, scopes=frozenset({"*"}))


@way(WAYS_IN)
async def among_other_grants(store: IdentityStore) -> None:
    await add_boss(store, grants=(MANAGES, grant(Role.VIEWER, 5), grant(Role.MANAGER, 11)))


@way(WAYS_IN)
async def group(store: IdentityStore) -> None:
    other, managers = await store.add_group(make_group("other")), await store.add_group(make_group("managers", MANAGES))
    await add_boss(store, grants=(), groups=tuple(sorted([other.id, managers.id])))


@way(WAYS_IN)
async def key(store: IdentityStore) -> None:
    user = await store.add_user(make_user(grants=(MANAGES,)))
    await store.add_key(make_user_key(user), bytes(32))


@way(WAYS_IN)
async def key_with_the_role(store: IdentityStore) -> None:
    user = await store.add_user(make_user(grants=(MANAGES,)))
    await store.add_key(make_user_key(user, grants=(MANAGES, grant(Role.VIEWER, 7)), rate="1/hour"), bytes(32))


@way(WAYS_IN)
async def password_after_all_were_void(store: IdentityStore) -> None:
    user = await add_boss(store)
    await store.void_credentials()
    await store.replace_user(user, NewPassword(hash=HASH))


@way(NO_WAYS_IN)
async def nobody(_: IdentityStore) -> None:
    pass


@way(NO_WAYS_IN)
async def neither_password_nor_key(store: IdentityStore) -> None:
    await store.add_user(make_user(grants=(MANAGES,)))


@way(NO_WAYS_IN)
async def disabled(store: IdentityStore) -> None:
    await add_boss(store, is_disabled=True)


@way(NO_WAYS_IN)
async def lower_role(store: IdentityStore) -> None:
    await add_boss(store, grants=(grant(Role.EDITOR, 1),))


@way(NO_WAYS_IN)
async def other_folder(store: IdentityStore) -> None:
    await add_boss(store, grants=(grant(Role.MANAGER, 11), grant(Role.MANAGER, 2)))


@way(NO_WAYS_IN)
async def without_the_scope(store: IdentityStore) -> None:
    await add_boss(store, scopes=frozenset({"accounts:read", "accounts:write2", "my-accounts:write"}))


@way(NO_WAYS_IN)
async def group_of_others(store: IdentityStore) -> None:
    managers = await store.add_group(make_group("managers", MANAGES))
    await store.add_user(make_user("anna", groups=(managers.id,)))
    await add_boss(store, grants=())


@way(NO_WAYS_IN)
async def key_of_a_program(store: IdentityStore) -> None:
    await store.add_key(make_program_key("camera", MANAGES, scopes=USER_SCOPES), bytes(32))


@way(NO_WAYS_IN)
async def key_of_somebody_else(store: IdentityStore) -> None:
    await store.add_user(make_user("boss", grants=(MANAGES,)))
    await store.add_key(make_user_key(await store.add_user(make_user("anna"))), bytes(32))


@way(NO_WAYS_IN)
async def keys_that_do_not_do(store: IdentityStore) -> None:
    user = await store.add_user(make_user(grants=(MANAGES,)))
    for fields in (
        {"expires_at": LATER},
        {"revoked_at": BEGINNING},
        {"grants": (grant(Role.VIEWER, 1), grant(Role.MANAGER, 11))},
        {"grants": ()},
        {"scopes": KEY_SCOPES},
    ):
        await store.add_key(make_user_key(user, **fields), bytes(32))


@way(NO_WAYS_IN)
async def void(store: IdentityStore) -> None:
    user = await add_boss(store)
    await store.add_key(make_user_key(user), bytes(32))
    await store.void_credentials()


@pytest.mark.parametrize("prepare", WAYS_IN.values(), ids=WAYS_IN)
@in_reactor
async def test_where_somebody_gets_in_it_is_switched_off(store: IdentityStore, prepare: Preparation) -> None:
    await prepare(store)
    assert (await store.switch_owner(refused=True)).refuses_owner


@pytest.mark.parametrize("prepare", NO_WAYS_IN.values(), ids=NO_WAYS_IN)
@in_reactor
async def test_where_nobody_does_it_is_not(store: IdentityStore, prepare: Preparation) -> None:
    await prepare(store)
    before = await store.find_standing()
    with refusing("no_manager", Kind.CONFLICT):
        await store.switch_owner(refused=True)
    assert await store.find_standing() == before
    assert not (await store.switch_owner(refused=False)).refuses_owner


CHANGES: dict[str, Callable[[IdentityStore, User, Group, Key], Awaitable[object]]] = {
    "disabled": lambda store, user, _, __: store.replace_user(evolve(user, is_disabled=True)),
    "out of the group": lambda store, user, _, __: store.replace_user(evolve(user, groups=())),
    "less scopes": lambda store, user, _, __: store.replace_user(evolve(user, scopes=KEY_SCOPES)),
    "removed": lambda store, user, _, __: store.remove_user(user.id),
    "group narrowed": lambda store, _, group, __: store.replace_group(evolve(group, grants=())),
    "group removed": lambda store, _, group, __: store.remove_group(group.id),
    "key revoked": lambda store, _, __, key: store.revoke_keys(key.id, BEGINNING, descendants=False),
    "key is to end": lambda store, _, __, key: store.replace_key(evolve(key, expires_at=LATER)),
    "key narrowed": lambda store, _, __, key: store.replace_key(evolve(key, grants=())),
    "key with less scopes": lambda store, _, __, key: store.replace_key(evolve(key, scopes=KEY_SCOPES)),
    "key rotated for a while": lambda store, user, _, key: store.rotate_key(
        evolve(key, expires_at=LATER), make_user_key(user, expires_at=LATER), bytes(32)
    ),
}


async def prepare_last(store: IdentityStore) -> tuple[User, Group, Key]:
    """One who gets in, by a group and a key."""
    managers = await store.add_group(make_group("managers", MANAGES))
    user = await store.add_user(make_user("boss", groups=(managers.id,)))
    return user, managers, await store.add_key(make_user_key(user), bytes(32))


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@in_reactor
async def test_while_it_is_off_somebody_stays_who_gets_in(
    store: IdentityStore, change: Callable[[IdentityStore, User, Group, Key], Awaitable[object]]
) -> None:
    last = await prepare_last(store)
    await store.switch_owner(refused=True)
    before, found = await store.find_standing(), await store.find_key(last[2].id)
    with refusing("last_manager", Kind.CONFLICT):
        await change(store, *last)
    assert await store.find_standing() == before
    assert await store.find_key(last[2].id) == found
    # Once somebody else does, or the owner, it is done.
    await add_boss(store, "other")
    await change(store, *last)
    assert await is_off(store)


@in_reactor
async def test_a_password_that_is_taken_is_a_way_in_that_ends(store: IdentityStore) -> None:
    user = await add_boss(store)
    await store.switch_owner(refused=True)
    with refusing("last_manager", Kind.CONFLICT):
        await store.replace_user(user, NewPassword(hash=None))
    user = await store.replace_user(user, NewPassword(hash=Secret("other")))
    await store.add_key(make_user_key(user), bytes(32))
    await store.replace_user(user, NewPassword(hash=None))


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@in_reactor
async def test_while_it_is_on_nobody_has_to(
    store: IdentityStore, change: Callable[[IdentityStore, User, Group, Key], Awaitable[object]]
) -> None:
    last = await prepare_last(store)
    await store.switch_owner(refused=True)
    await store.switch_owner(refused=False)
    await change(store, *last)
    with refusing("no_manager", Kind.CONFLICT):
        await store.switch_owner(refused=True)


@in_reactor
async def test_it_is_on_where_all_others_are_void(store: IdentityStore) -> None:
    await add_boss(store)
    await store.switch_owner(refused=True)
    assert not (await store.void_credentials()).refuses_owner


@in_reactor
async def test_it_is_kept(open_any: OpenIdentity, tmp_path: Path) -> None:
    async with open_any(tmp_path) as store:
        await add_boss(store)
        standing = await store.switch_owner(refused=True)
    async with open_any(tmp_path) as store:
        assert await store.find_standing() == standing
