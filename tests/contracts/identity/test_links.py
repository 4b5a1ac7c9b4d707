"""Contract of stores of identity: links."""

from __future__ import annotations

import pytest
from attrs import evolve

from cloudsvc.core.actors import Role
from cloudsvc.core.errors import Kind
from cloudsvc.core.secrets import Secret
from cloudsvc.identity import bounds
from cloudsvc.identity.key_format import make_key
from cloudsvc.identity.link_format import NO_LINK, LinkId, make_link_secret
from cloudsvc.identity.links import LinkUse
from cloudsvc.identity.revisions import NEVER
from cloudsvc.identity.store import IdentityStore
from tests.support.identity_stores import (
    BEGINNING,
    grant,
    make_group,
    make_link,
    make_program_key,
    make_user,
    make_user_key,
    make_user_link,
    refusing,
)
from tests.support.reactors import in_reactor

DIGEST = bytes(range(32))
FIRST, SECOND = bytes(32), bytes([1]) * 32
SECONDS = 1_000_000


async def revoked(store: IdentityStore, link: LinkId) -> int | None:
    found = await store.find_link(link)
    assert found is not None
    return found.link.revoked_at


async def count_uses(store: IdentityStore, link: LinkId) -> int:
    found = await store.find_link(link)
    assert found is not None
    return found.link.uses


@in_reactor
async def test_a_link_comes_back_as_it_was_added(store: IdentityStore) -> None:
    group = await store.add_group(make_group("family", grant(Role.VIEWER, 5)))
    user = await store.add_user(make_user(groups=(group.id,), grants=(grant(Role.EDITOR, 6),)))
    key = await store.add_key(make_user_key(user), DIGEST)
    link = make_user_link(
        user,
        role=Role.UPLOADER,
        target=2**40,
        label="for aunts",
        made_by=key.id,
        password=Secret("kept"),
        most_uses=3,
        expires_at=BEGINNING + 9,
    )
    before = await store.find_standing()
    added = await store.add_link(link, DIGEST)
    assert added == evolve(link, made=added.made, revision=added.made)
    assert added.made > before.revision
    # It takes nothing from anybody.
    assert (await store.find_standing()).restriction == before.restriction
    found = await store.find_link(link.id)
    assert found is not None
    assert (found.link, found.digest, found.is_void) == (added, DIGEST, False)
    assert found.holder == await store.find_holder(user.id)
    assert await store.list_links(10) == [added]
    plain = await store.add_link(make_link(), DIGEST)
    found = await store.find_link(plain.id)
    assert found is not None
    assert (found.link, found.holder) == (plain, None)


@in_reactor
async def test_none_is_found_where_none_is(store: IdentityStore) -> None:
    await store.add_user(make_user())
    before = await store.find_standing()
    unknown = LinkId(make_link_secret().id)
    assert await store.find_link(NO_LINK) is None
    assert await store.find_link(unknown) is None
    assert await store.list_links(10) == []
    assert not await store.count_use(unknown, FIRST, BEGINNING, begins=True)
    await store.note_link_uses({unknown: LinkUse(count=1, last=BEGINNING)})
    assert await store.remove_ended_links(2**60, 10) == 0
    for change in (store.replace_link(make_link(id=unknown)), store.revoke_link(unknown, BEGINNING)):
        with refusing("link_not_found", Kind.NOT_FOUND):
            await change
    assert await store.find_standing() == before


@in_reactor
async def test_its_maker_and_their_key_have_to_be_there(store: IdentityStore) -> None:
    with refusing("user_not_found", Kind.NOT_FOUND):
        await store.add_link(make_user_link(make_user()), DIGEST)
    with refusing("key_ended", Kind.CONFLICT):
        await store.add_link(make_link(made_by=make_key().id), DIGEST)
    key = await store.add_key(make_program_key(expires_at=BEGINNING + 5), DIGEST)
    await store.add_link(make_link(maker="program:camera", made_by=key.id, created_at=BEGINNING + 4), DIGEST)
    with refusing("key_ended", Kind.CONFLICT):
        await store.add_link(make_link(maker="program:camera", made_by=key.id, created_at=BEGINNING + 5), DIGEST)


@in_reactor
async def test_there_are_not_too_many(store: IdentityStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MAX_MAKER_LINKS", 2)
    monkeypatch.setattr(bounds, "MAX_LINKS", 3)
    user = await store.add_user(make_user())
    for _ in range(2):
        await store.add_link(make_user_link(user), DIGEST)
    with refusing("too_many_entries", Kind.CONFLICT):
        await store.add_link(make_user_link(user), DIGEST)
    await store.add_link(make_link(), DIGEST)
    with refusing("too_many_entries", Kind.CONFLICT):
        await store.add_link(make_link(), DIGEST)


@in_reactor
async def test_pages_by_their_ids(store: IdentityStore) -> None:
    links = [await store.add_link(make_link(), DIGEST) for _ in range(5)]
    ordered = sorted(links, key=lambda each: each.id)
    assert await store.list_links(3) == ordered[:3]
    assert await store.list_links(3, after=ordered[2].id) == ordered[3:]


@in_reactor
async def test_what_was_read_is_replaced_and_nothing_else(store: IdentityStore) -> None:
    added = await store.add_link(make_link(), DIGEST)
    await store.count_use(added.id, FIRST, BEGINNING, begins=True)
    wanted = evolve(added, label="new", password=Secret("kept"), most_uses=4, expires_at=BEGINNING + 7)
    before = await store.find_standing()
    replaced = await store.replace_link(evolve(wanted, role=Role.UPLOADER, target=9, maker="bert", uses=0))
    assert replaced == evolve(wanted, revision=replaced.revision, uses=1, last_used=BEGINNING)
    assert replaced.revision > before.revision
    assert (await store.find_standing()).restriction != before.restriction
    assert await store.list_links(10) == [replaced]
    with refusing("changed_meanwhile", Kind.CONFLICT):
        await store.replace_link(wanted)


@in_reactor
async def test_it_is_revoked_once(store: IdentityStore) -> None:
    added = await store.add_link(make_link(expires_at=BEGINNING + 5), DIGEST)
    assert await store.revoke_link(added.id, BEGINNING + 3)
    after = await store.find_standing()
    assert after.restriction is not None
    assert not await store.revoke_link(added.id, BEGINNING + 4)
    assert await store.find_standing() == after
    assert await revoked(store, added.id) == BEGINNING + 3


@in_reactor
async def test_with_a_key_end_the_links_that_were_made_by_it_and_its_descendants(store: IdentityStore) -> None:
    user = await store.add_user(make_user())
    key = await store.add_key(make_user_key(user), DIGEST)
    second = await store.add_key(make_user_key(user, made_by=key.id), DIGEST)
    other = await store.add_key(make_user_key(user), DIGEST)
    mine, below, others, none = [
        await store.add_link(make_user_link(user, made_by=by), DIGEST) for by in (key.id, second.id, other.id, None)
    ]
    await store.revoke_link(mine.id, BEGINNING + 1)
    assert await store.revoke_keys(key.id, BEGINNING + 2, descendants=False) == 1
    assert await revoked(store, below.id) is None
    # The key is so by now, the other one and its link are not.
    assert await store.revoke_keys(key.id, BEGINNING + 3, descendants=True) == 1
    assert [await revoked(store, each.id) for each in (mine, below, others, none)] == [
        BEGINNING + 1,
        BEGINNING + 3,
        None,
        None,
    ]
    found = await store.find_link(below.id)
    assert found is not None
    assert found.link.revision == (await store.find_standing()).revision
    assert found.link.ended_at == BEGINNING + 3
    after = await store.find_standing()
    assert await store.revoke_keys(key.id, BEGINNING + 4, descendants=True) == 0
    assert await store.find_standing() == after


@in_reactor
async def test_a_link_alone_is_revoked_with_keys_that_are_so_already(store: IdentityStore) -> None:
    user = await store.add_user(make_user())
    key = await store.add_key(make_user_key(user), DIGEST)
    link = await store.add_link(make_user_link(user, made_by=key.id), DIGEST)
    await store.revoke_keys(key.id, BEGINNING + 1, descendants=False)
    before = await store.find_standing()
    assert await store.revoke_keys(key.id, BEGINNING + 2, descendants=True) == 0
    assert await revoked(store, link.id) == BEGINNING + 2
    assert (await store.find_standing()).restriction != before.restriction


@in_reactor
async def test_they_go_with_their_user(store: IdentityStore) -> None:
    anna, bert = await store.add_user(make_user("anna")), await store.add_user(make_user("bert"))
    mine, other = [await store.add_link(make_user_link(each, most_uses=2), DIGEST) for each in (anna, bert)]
    for each in (mine, other):
        assert await store.count_use(each.id, FIRST, BEGINNING, begins=True)
    await store.remove_user(anna.id)
    assert await store.find_link(mine.id) is None
    assert [each.id for each in await store.list_links(10)] == [other.id]


@in_reactor
async def test_uses_are_counted_up_to_the_limit(store: IdentityStore) -> None:
    added = await store.add_link(make_link(most_uses=2), DIGEST)
    before = await store.find_standing()
    assert await store.count_use(added.id, FIRST, BEGINNING + 1, begins=True)
    assert await store.count_use(added.id, FIRST, BEGINNING + 2, begins=True)
    assert not await store.count_use(added.id, FIRST, BEGINNING + 3, begins=True)
    assert not await store.count_use(added.id, SECOND, BEGINNING + 3, begins=False)
    found = await store.find_link(added.id)
    assert found is not None
    assert found.link == evolve(added, uses=2, last_used=BEGINNING + 2)
    assert found.link.is_used_up
    assert await store.find_standing() == before


@in_reactor
async def test_who_goes_on_with_one_begins_no_other(store: IdentityStore) -> None:
    added = await store.add_link(make_link(most_uses=2), DIGEST)
    assert await store.count_use(added.id, FIRST, BEGINNING, begins=True)
    day = bounds.PART_SECONDS * SECONDS
    assert await store.count_use(added.id, FIRST, BEGINNING + day - 1, begins=False)
    assert await count_uses(store, added.id) == 1
    # It was too long ago.
    assert await store.count_use(added.id, FIRST, BEGINNING + day, begins=False)
    assert await count_uses(store, added.id) == 2
    assert await store.count_use(added.id, FIRST, BEGINNING + day + 1, begins=False)
    assert not await store.count_use(added.id, SECOND, BEGINNING + day + 1, begins=False)
    other = await store.add_link(make_link(most_uses=1), DIGEST)
    assert await store.count_use(other.id, SECOND, BEGINNING + day, begins=False)
    assert await count_uses(store, other.id) == 1


@in_reactor
async def test_one_is_gone_on_with_so_often_and_no_more(store: IdentityStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MAX_PARTS", 3)
    added = await store.add_link(make_link(most_uses=2), DIGEST)
    assert await store.count_use(added.id, FIRST, BEGINNING, begins=True)
    for _ in range(3):
        assert await store.count_use(added.id, FIRST, BEGINNING, begins=False)
    assert await count_uses(store, added.id) == 1
    assert await store.count_use(added.id, FIRST, BEGINNING, begins=False)
    assert await count_uses(store, added.id) == 2


@in_reactor
async def test_uses_without_a_limit_are_noted_together(store: IdentityStore) -> None:
    added = await store.add_link(make_link(), DIGEST)
    before = await store.find_standing()
    await store.note_link_uses({})
    await store.note_link_uses({added.id: LinkUse(count=3, last=BEGINNING + 5)})
    await store.note_link_uses({added.id: LinkUse(count=1, last=BEGINNING + 4)})
    found = await store.find_link(added.id)
    assert found is not None
    assert found.link == evolve(added, uses=4, last_used=BEGINNING + 5)
    assert await store.find_standing() == before


@in_reactor
async def test_those_that_have_ended_are_removed_with_their_parts(store: IdentityStore) -> None:
    ends = [await store.add_link(make_link(expires_at=BEGINNING + at, most_uses=9), DIGEST) for at in (3, 1, 2)]
    stays = await store.add_link(make_link(), DIGEST)
    for each in ends:
        assert await store.count_use(each.id, FIRST, BEGINNING, begins=True)
    assert await store.remove_ended_links(BEGINNING + 1, 10) == 0
    assert await store.remove_ended_links(BEGINNING + 3, 1) == 1
    assert {each.id for each in await store.list_links(10)} == {ends[0].id, ends[2].id, stays.id}
    assert await store.remove_ended_links(BEGINNING + 9, 10) == 2
    assert [each.id for each in await store.list_links(10)] == [stays.id]


@in_reactor
async def test_all_before_are_void(store: IdentityStore) -> None:
    former = await store.add_link(make_link(), DIGEST)
    await store.void_credentials()
    later = await store.add_link(make_link(), DIGEST)
    voids = [await store.find_link(each.id) for each in (former, later)]
    assert [None if each is None else each.is_void for each in voids] == [True, False]
    assert NEVER < former.made < later.made
