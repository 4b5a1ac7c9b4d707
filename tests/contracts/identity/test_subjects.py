"""Contract of stores of identity: subjects, which are users as providers know them."""

from __future__ import annotations

from attrs import evolve

from cloudsvc.core.actors import Role
from cloudsvc.core.errors import Kind
from cloudsvc.identity.bounds import MAX_USER_SUBJECTS
from cloudsvc.identity.revisions import NEVER
from cloudsvc.identity.store import IdentityStore
from cloudsvc.identity.subjects import make_subject_id
from tests.support.identity_stores import grant, make_group, make_subject, make_user, make_user_session, refusing
from tests.support.reactors import in_reactor

DIGEST = bytes(range(32))


@in_reactor
async def test_a_subject_comes_back_as_it_was_added(store: IdentityStore) -> None:
    group = await store.add_group(make_group("family", grant(Role.VIEWER, 5)))
    user = await store.add_user(make_user(groups=(group.id,), grants=(grant(Role.EDITOR, 6),)))
    before = await store.find_standing()
    added = await store.add_subject(make_subject(user, "ämil"))
    assert added.made == before.revision + 1
    found = await store.find_subject(added.issuer, "ämil")
    assert found is not None
    assert (found.subject, found.is_void) == (added, False)
    assert found.holder == await store.find_holder(user.id)
    assert await store.list_subjects(user.id) == [added]
    # Something new takes nothing from anybody.
    assert (await store.find_standing()).restriction == before.restriction


@in_reactor
async def test_the_pair_is_what_counts(store: IdentityStore) -> None:
    anna, bert = await store.add_user(make_user("anna")), await store.add_user(make_user("bert"))
    first = await store.add_subject(make_subject(anna, "Same"))
    for name, issuer in (("same", first.issuer), ("Same", "https://other.example"), ("Same ", first.issuer)):
        assert await store.find_subject(issuer, name) is None
        await store.add_subject(make_subject(bert, name, issuer=issuer))
    found = await store.find_subject(first.issuer, "Same")
    assert found is not None
    assert found.holder.user.id == anna.id
    assert len(await store.list_subjects(bert.id)) == 3


@in_reactor
async def test_nobody_takes_what_is_somebody_s(store: IdentityStore) -> None:
    anna, bert = await store.add_user(make_user("anna")), await store.add_user(make_user("bert"))
    await store.add_subject(make_subject(anna))
    before = await store.find_standing()
    for user in (anna, bert):
        with refusing("subject_taken", Kind.CONFLICT):
            await store.add_subject(make_subject(user))
    with refusing("subject_taken", Kind.CONFLICT):
        await store.add_user_of((cleo := make_user("cleo")), make_subject(cleo))
    assert await store.find_user(cleo.name) is None
    assert await store.find_standing() == before
    # Of what was refused, nothing is left: the name may still be given.
    await store.add_user(make_user("cleo"))


@in_reactor
async def test_only_who_is_there_and_enabled_gets_one(store: IdentityStore) -> None:
    with refusing("user_not_found", Kind.NOT_FOUND):
        await store.add_subject(make_subject(make_user()))
    user = await store.add_user(make_user())
    await store.replace_user(evolve(user, is_disabled=True))
    with refusing("user_disabled", Kind.CONFLICT):
        await store.add_subject(make_subject(user))


@in_reactor
async def test_a_user_is_added_with_their_subject_or_not_at_all(store: IdentityStore) -> None:
    user = make_user("anna")
    added = await store.add_user_of(user, make_subject(user))
    assert added == evolve(user, revision=added.revision)
    assert added.revision > NEVER
    [subject] = await store.list_subjects(user.id)
    assert subject.made == added.revision == (await store.find_standing()).revision
    again = make_user("anna")
    with refusing("name_taken", Kind.CONFLICT):
        await store.add_user_of(again, make_subject(again, "another"))
    assert await store.find_subject(subject.issuer, "another") is None


@in_reactor
async def test_there_are_so_many_of_one_user(store: IdentityStore) -> None:
    user = await store.add_user(make_user())
    for number in range(MAX_USER_SUBJECTS):
        await store.add_subject(make_subject(user, str(number)))
    with refusing("too_many_entries", Kind.CONFLICT):
        await store.add_subject(make_subject(user, "one more"))


@in_reactor
async def test_removing_one_ends_the_sessions_that_were_begun_by_it(store: IdentityStore) -> None:
    anna, bert = await store.add_user(make_user("anna")), await store.add_user(make_user("bert"))
    first, second = [await store.add_subject(make_subject(anna, name)) for name in ("1", "2")]
    by_first = await store.add_session(make_user_session(anna, subject=first.id), DIGEST)
    others = [
        await store.add_session(make_user_session(anna, subject=second.id), DIGEST),
        await store.add_session(make_user_session(anna), DIGEST),
    ]
    assert by_first.subject == first.id
    before = await store.find_standing()
    for user, subject in ((bert.id, first.id), (anna.id, make_subject_id())):
        with refusing("subject_not_found", Kind.NOT_FOUND):
            await store.remove_subject(user, subject)
    assert await store.find_standing() == before
    await store.remove_subject(anna.id, first.id)
    assert {each.id for each in await store.list_sessions(anna.id)} == {each.id for each in others}
    assert await store.list_subjects(anna.id) == [second]
    standing = await store.find_standing()
    assert standing.restriction is not None
    assert standing.restriction.revision == standing.revision == before.revision + 1


@in_reactor
async def test_no_session_begins_by_what_is_not_theirs_any_more(store: IdentityStore) -> None:
    anna, bert = await store.add_user(make_user("anna")), await store.add_user(make_user("bert"))
    subject = await store.add_subject(make_subject(anna))
    with refusing("changed_meanwhile", Kind.CONFLICT):
        await store.add_session(make_user_session(bert, subject=subject.id), DIGEST)
    await store.void_credentials()
    with refusing("changed_meanwhile", Kind.CONFLICT):
        await store.add_session(make_user_session(anna, subject=subject.id), DIGEST)
    await store.remove_subject(anna.id, subject.id)
    with refusing("changed_meanwhile", Kind.CONFLICT):
        await store.add_session(make_user_session(anna, subject=subject.id), DIGEST)
    assert await store.list_sessions(anna.id) == []


@in_reactor
async def test_what_was_declared_void_is_linked_anew(store: IdentityStore) -> None:
    anna, bert = await store.add_user(make_user("anna")), await store.add_user(make_user("bert"))
    former = await store.add_subject(make_subject(anna))
    await store.void_credentials()
    found = await store.find_subject(former.issuer, former.name)
    assert found is not None
    assert found.is_void
    added = await store.add_subject(make_subject(bert))
    assert await store.list_subjects(anna.id) == []
    assert await store.list_subjects(bert.id) == [added]
    found = await store.find_subject(former.issuer, former.name)
    assert found is not None
    assert not found.is_void


@in_reactor
async def test_with_a_user_go_their_subjects(store: IdentityStore) -> None:
    anna, bert = await store.add_user(make_user("anna")), await store.add_user(make_user("bert"))
    subject = await store.add_subject(make_subject(anna))
    await store.add_session(make_user_session(anna, subject=subject.id), DIGEST)
    await store.remove_user(anna.id)
    assert await store.find_subject(subject.issuer, subject.name) is None
    await store.add_subject(make_subject(bert))
