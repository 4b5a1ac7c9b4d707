"""Contract of stores of identity: second factors, and sign-ins that wait for one."""

from __future__ import annotations

import hashlib
import secrets

from attrs import evolve

from cloudsvc.core.errors import Kind
from cloudsvc.core.secrets import Secret
from cloudsvc.identity.bounds import MAX_USER_PENDING
from cloudsvc.identity.factors import NO_PENDING, FactorKind, Factors, Pending, Totp, make_pending
from cloudsvc.identity.revisions import NEVER
from cloudsvc.identity.sessions import SessionId
from cloudsvc.identity.store import IdentityStore, NewPassword
from cloudsvc.identity.users import User
from tests.support.identity_stores import BEGINNING, make_user, make_user_session, refusing
from tests.support.reactors import in_reactor

DIGEST = bytes(range(32))
SECRET = Secret("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
TOTP = Totp(secret=SECRET, created_at=BEGINNING)
CODES = [hashlib.sha256(bytes([number])).digest() for number in range(3)]


async def add_session(store: IdentityStore, user: User) -> SessionId:
    return (await store.add_session(make_user_session(user), DIGEST)).id


async def find(store: IdentityStore, user: User) -> User:
    found = await store.find_user(user.name)
    assert found is not None
    return found


async def enrol(store: IdentityStore, user: User, step: int = 7) -> User:
    """``user`` with a factor that counts."""
    await store.propose_totp(user.id, TOTP)
    await store.confirm_totp(user.id, SECRET, step, CODES)
    return await find(store, user)


def wait_for(user: User, *, expires_at: int = BEGINNING) -> Pending:
    return Pending(id=make_pending().id, user=user.id, password_set=user.password_set, expires_at=expires_at)


@in_reactor
async def test_a_secret_counts_once_it_is_confirmed(store: IdentityStore) -> None:
    user = await store.add_user(make_user())
    assert await store.find_factors(user.id) == Factors()
    before = await store.find_standing()
    await store.propose_totp(user.id, evolve(TOTP, secret=Secret("another")))
    await store.propose_totp(user.id, TOTP)
    assert await store.find_factors(user.id) == Factors(totp=TOTP)
    assert (await store.find_factors(user.id)).kinds == ()
    assert not await store.use_totp(user.id, 100)
    assert await find(store, user) == user
    assert await store.find_standing() == before
    with refusing("changed_meanwhile", Kind.CONFLICT):
        await store.confirm_totp(user.id, Secret("another"), 7, CODES)
    await store.confirm_totp(user.id, SECRET, 7, CODES)
    found = await store.find_factors(user.id)
    assert found == Factors(totp=evolve(TOTP, is_confirmed=True, last_step=7), recovery_codes=3)
    assert found.kinds == (FactorKind.TOTP, FactorKind.RECOVERY_CODE)
    # Who is not asked for it any more would be told less by an older store: so it restricts.
    standing = await store.find_standing()
    assert standing.restriction is not None
    assert standing.restriction.revision == standing.revision == before.revision + 1
    assert (await find(store, user)).factors_set == standing.revision
    assert await find(store, user) == evolve(user, factors_set=standing.revision)
    with refusing("changed_meanwhile", Kind.CONFLICT):
        await store.confirm_totp(user.id, SECRET, 8, CODES)
    with refusing("totp_exists", Kind.CONFLICT):
        await store.propose_totp(user.id, TOTP)


@in_reactor
async def test_only_who_is_there_has_factors(store: IdentityStore) -> None:
    nobody = make_user()
    for refused in (store.propose_totp(nobody.id, TOTP), store.add_pending(wait_for(nobody), DIGEST)):
        with refusing("user_not_found", Kind.NOT_FOUND):
            await refused
    for refused in (store.remove_totp(nobody.id), store.replace_recovery_codes(nobody.id, CODES)):
        with refusing("factor_not_found", Kind.NOT_FOUND):
            await refused
    assert not await store.reset_factors(nobody.id)
    assert not await store.use_totp(nobody.id, 1)
    assert not await store.use_recovery_code(nobody.id, CODES[0])
    assert await store.find_factors(nobody.id) == Factors()
    assert (await store.find_standing()).revision == NEVER


@in_reactor
async def test_no_code_is_good_twice(store: IdentityStore) -> None:
    user = await enrol(store, await store.add_user(make_user()), step=7)
    before = await store.find_standing()
    assert [await store.use_totp(user.id, step) for step in (6, 7, 8, 8, 7, 10, 9)] == [
        *(False, False, True, False, False, True, False)
    ]
    assert await store.find_standing() == before
    assert await store.use_recovery_code(user.id, CODES[1])
    after = await store.find_standing()
    assert after.restriction is not None
    assert after.restriction.revision == before.revision + 1
    assert not await store.use_recovery_code(user.id, CODES[1])
    assert not await store.use_recovery_code(user.id, bytes(32))
    assert (await store.find_factors(user.id)).recovery_codes == 2
    assert await store.find_standing() == after
    assert await find(store, user) == user


@in_reactor
async def test_recovery_codes_are_those_of_their_user_and_are_replaced(store: IdentityStore) -> None:
    anna = await enrol(store, await store.add_user(make_user("anna")))
    bert = await store.add_user(make_user("bert"))
    assert not await store.use_recovery_code(bert.id, CODES[0])
    with refusing("factor_not_found", Kind.NOT_FOUND):
        await store.replace_recovery_codes(bert.id, CODES)
    await enrol(store, bert)
    new = secrets.token_bytes(32)
    await store.replace_recovery_codes(anna.id, [new, CODES[2]])
    assert [await store.use_recovery_code(anna.id, each) for each in (CODES[0], CODES[2], new)] == [False, True, True]
    assert (await store.find_factors(bert.id)).recovery_codes == 3


@in_reactor
async def test_when_factors_change_other_sessions_end_and_nothing_waits(store: IdentityStore) -> None:
    user, other = await store.add_user(make_user("anna"), Secret("hash")), await store.add_user(make_user("bert"))
    here, there, theirs = [await add_session(store, each) for each in (user, user, other)]
    waiting = wait_for(user)
    await store.add_pending(waiting, DIGEST)
    await store.propose_totp(user.id, TOTP)
    assert len(await store.list_sessions(user.id)) == 2
    await store.confirm_totp(user.id, SECRET, 7, CODES, keeps=here)
    assert [each.id for each in await store.list_sessions(user.id)] == [here]
    assert await store.find_session(there) is None
    assert await store.try_pending(waiting.id, DIGEST) is None
    await add_session(store, user)
    await store.remove_totp(user.id, keeps=here)
    assert [each.id for each in await store.list_sessions(user.id)] == [here]
    assert await store.find_session(theirs) is not None
    assert await store.find_factors(user.id) == Factors()
    assert await find(store, user) == user
    await enrol(store, user)
    await add_session(store, user)
    assert await store.reset_factors(user.id)
    assert await store.list_sessions(user.id) == []
    assert await find(store, user) == user
    standing = await store.find_standing()
    assert not await store.reset_factors(user.id)
    assert await store.find_standing() == standing


@in_reactor
async def test_what_is_not_confirmed_is_removed_without_a_trace(store: IdentityStore) -> None:
    user = await store.add_user(make_user())
    await add_session(store, user)
    before = await store.find_standing()
    await store.propose_totp(user.id, TOTP)
    await store.remove_totp(user.id)
    await store.propose_totp(user.id, TOTP)
    assert await store.reset_factors(user.id)
    assert await store.find_factors(user.id) == Factors()
    assert await store.find_standing() == before
    assert len(await store.list_sessions(user.id)) == 1


@in_reactor
async def test_no_session_begins_on_what_the_factors_were(store: IdentityStore) -> None:
    user = await store.add_user(make_user(), Secret("hash"))
    enrolled = await enrol(store, user)
    with refusing("changed_meanwhile", Kind.CONFLICT):
        await store.add_session(
            make_user_session(user), DIGEST, password_set=user.password_set, factors_set=user.factors_set
        )
    await store.add_session(
        make_user_session(user), DIGEST, password_set=user.password_set, factors_set=enrolled.factors_set
    )
    await store.remove_totp(user.id)
    with refusing("changed_meanwhile", Kind.CONFLICT):
        await store.add_session(make_user_session(user), DIGEST, factors_set=enrolled.factors_set)
    await store.add_session(make_user_session(user), DIGEST, factors_set=NEVER)
    await store.add_session(make_user_session(user), DIGEST)


@in_reactor
async def test_factors_stay_when_their_user_changes_and_go_with_them(store: IdentityStore) -> None:
    user = await enrol(store, await store.add_user(make_user(), Secret("hash")))
    await store.add_pending(wait_for(user), DIGEST)
    changed = await store.replace_user(evolve(user, display_name="Anna", factors_set=NEVER), NewPassword(hash=None))
    assert changed.factors_set == user.factors_set
    assert (await find(store, user)).factors_set == user.factors_set
    login = await store.find_login(user.name)
    assert login is not None
    assert login.holder.user.factors_set == user.factors_set
    await store.remove_user(user.id)
    assert await store.find_factors(user.id) == Factors()


@in_reactor
async def test_of_what_is_void_recovery_codes_are_no_good_and_the_rest_goes_on_to_be_asked_for(
    store: IdentityStore,
) -> None:
    user = await enrol(store, await store.add_user(make_user(), Secret("hash")))
    await store.void_credentials()
    assert not await store.use_recovery_code(user.id, CODES[0])
    assert (await store.find_factors(user.id)).kinds == (FactorKind.TOTP,)
    assert (await find(store, user)).factors_set == user.factors_set
    assert await store.use_totp(user.id, 8)
    await store.replace_recovery_codes(user.id, CODES)
    assert await store.use_recovery_code(user.id, CODES[0])


@in_reactor
async def test_a_sign_in_that_waits_is_found_by_its_secret_and_counted(store: IdentityStore) -> None:
    user = await enrol(store, await store.add_user(make_user(), Secret("hash")))
    waiting, before = wait_for(user), await store.find_standing()
    await store.add_pending(waiting, DIGEST)
    assert await store.try_pending(waiting.id, bytes(32)) is None
    assert await store.try_pending(NO_PENDING, DIGEST) is None
    for tries in (1, 2):
        found = await store.try_pending(waiting.id, DIGEST)
        assert found is not None
        assert (found.pending, found.tries, found.is_void) == (waiting, tries, False)
        assert found.hash == Secret("hash")
        assert found.holder == await store.find_holder(user.id)
    assert await store.find_standing() == before
    await store.void_credentials()
    found = await store.try_pending(waiting.id, DIGEST)
    assert found is not None
    assert found.is_void
    assert await store.end_pending(waiting.id)
    assert not await store.end_pending(waiting.id)
    assert await store.try_pending(waiting.id, DIGEST) is None


@in_reactor
async def test_few_wait_at_a_time_and_none_for_ever(store: IdentityStore) -> None:
    anna, bert = await store.add_user(make_user("anna")), await store.add_user(make_user("bert"))
    waiting = [wait_for(anna, expires_at=BEGINNING + number) for number in range(MAX_USER_PENDING + 2)]
    theirs = wait_for(bert, expires_at=BEGINNING)
    for each in (theirs, *waiting):
        await store.add_pending(each, DIGEST)
    found = [await store.try_pending(each.id, DIGEST) is not None for each in waiting]
    assert found == [False, False, *([True] * MAX_USER_PENDING)]
    assert await store.remove_expired_pending(BEGINNING + 4, 2) == 2
    assert await store.try_pending(theirs.id, DIGEST) is None
    assert await store.remove_expired_pending(BEGINNING + 4, 2) == 1
    assert await store.remove_expired_pending(BEGINNING + 4, 2) == 0
    assert await store.try_pending(waiting[4].id, DIGEST) is not None
