"""Contract of stores of identity: passkeys, and challenges that were signed."""

from __future__ import annotations

import secrets

from attrs import evolve

from cloudsvc.core.errors import Kind
from cloudsvc.identity.bounds import MAX_USER_PASSKEYS
from cloudsvc.identity.challenges import Challenge
from cloudsvc.identity.factors import FactorKind, Factors
from cloudsvc.identity.passkeys import Passkey, make_passkey_id
from cloudsvc.identity.revisions import NEVER
from cloudsvc.identity.store import IdentityStore
from cloudsvc.identity.users import User
from tests.contracts.identity.test_factors import CODES, DIGEST, add_session, enrol, find, wait_for
from tests.support.identity_stores import BEGINNING, make_user, refusing
from tests.support.reactors import in_reactor


def make_passkey(user: User, **fields: object) -> Passkey:
    """A passkey of ``user`` that is to be added."""
    made = {"id": make_passkey_id(), "user": user.id, "credential": secrets.token_bytes(32), "created_at": BEGINNING}
    return Passkey(**{"host": "cloud.example", "public_key": b"key", **made, **fields})  # type: ignore[arg-type]  # as tests say


def sign(expires_at: int = BEGINNING) -> Challenge:
    content = secrets.token_bytes(56)
    return Challenge(content=content, digest=secrets.token_bytes(32), expires_at=expires_at)


@in_reactor
async def test_a_passkey_comes_back_as_it_was_added_and_is_a_factor(store: IdentityStore) -> None:
    user = await store.add_user(make_user())
    here, _ = await add_session(store, user), await add_session(store, user)
    waiting, before = wait_for(user), await store.find_standing()
    await store.add_pending(waiting, DIGEST)
    passkey = make_passkey(user, label="phone", sign_count=3, is_synced=True)
    added = await store.add_passkey(passkey, sign(), CODES, keeps=here)
    assert added == evolve(passkey, made=added.made)
    standing = await store.find_standing()
    assert standing.restriction is not None
    assert standing.restriction.revision == standing.revision == added.made == before.revision + 1
    assert await find(store, user) == evolve(user, factors_set=added.made)
    factors = await store.find_factors(user.id)
    assert factors == Factors(recovery_codes=3, passkeys=(added,))
    assert factors.kinds == (FactorKind.PASSKEY, FactorKind.RECOVERY_CODE)
    found = await store.find_passkey(passkey.credential)
    assert found is not None
    assert (found.passkey, found.holder, found.is_void) == (added, await store.find_holder(user.id), False)
    assert await store.find_passkey(bytes(32)) is None
    assert [each.id for each in await store.list_sessions(user.id)] == [here]
    assert await store.try_pending(waiting.id, DIGEST) is None
    await store.void_credentials()
    found = await store.find_passkey(passkey.credential)
    assert found is not None
    assert found.is_void


@in_reactor
async def test_nobody_has_what_another_one_has_and_none_have_many(store: IdentityStore) -> None:
    anna, bert = await store.add_user(make_user("anna")), await store.add_user(make_user("bert"))
    with refusing("user_not_found", Kind.NOT_FOUND):
        await store.add_passkey(make_passkey(make_user("carl")), sign())
    first = await store.add_passkey(make_passkey(anna), sign(), CODES)
    for user in (anna, bert):
        with refusing("passkey_exists", Kind.CONFLICT):
            await store.add_passkey(make_passkey(user, credential=first.credential), sign())
    for _ in range(MAX_USER_PASSKEYS - 1):
        await store.add_passkey(make_passkey(anna), sign())
    # Those that were there stay, as others were not told.
    assert (await store.find_factors(anna.id)).recovery_codes == 3
    standing = await store.find_standing()
    with refusing("too_many_entries", Kind.CONFLICT):
        await store.add_passkey(make_passkey(anna), sign())
    assert await store.find_standing() == standing
    await store.add_passkey(make_passkey(bert), sign())
    assert [each.id for each in (await store.find_factors(anna.id)).passkeys] == sorted(
        each.id for each in (await store.find_factors(anna.id)).passkeys
    )


@in_reactor
async def test_a_challenge_is_signed_once(store: IdentityStore) -> None:
    user = await store.add_user(make_user())
    challenge = sign()
    added = await store.add_passkey(make_passkey(user), challenge)
    with refusing("wrong_passkey", Kind.FORBIDDEN):
        await store.add_passkey(make_passkey(user), challenge)
    assert not await store.use_passkey(added, 1, BEGINNING, challenge)
    another, standing = sign(expires_at=BEGINNING + 1), await store.find_standing()
    assert await store.use_passkey(added, 0, BEGINNING, another)
    assert not await store.use_passkey(added, 0, BEGINNING, another)
    assert await store.remove_expired_challenges(BEGINNING + 1, 10) == 1
    assert not await store.use_passkey(added, 0, BEGINNING, another)
    assert await store.remove_expired_challenges(BEGINNING + 2, 10) == 1
    assert await store.remove_expired_challenges(BEGINNING + 2, 10) == 0
    assert await store.find_standing() == standing


@in_reactor
async def test_it_counts_on_from_what_was_found(store: IdentityStore) -> None:
    user = await store.add_user(make_user())
    added = await store.add_passkey(make_passkey(user, sign_count=3), sign())
    assert await store.use_passkey(added, 4, BEGINNING + 1, sign())
    found = await store.find_passkey(added.credential)
    assert found is not None
    assert found.passkey == evolve(added, sign_count=4, used_at=BEGINNING + 1)
    # Of two that were found at once, one comes first.
    assert not await store.use_passkey(added, 5, BEGINNING + 2, sign())
    assert await store.use_passkey(found.passkey, 5, BEGINNING + 2, sign())


@in_reactor
async def test_one_of_a_user_is_renamed_and_removed(store: IdentityStore) -> None:
    anna, bert = await store.add_user(make_user("anna")), await store.add_user(make_user("bert"))
    first, second = [await store.add_passkey(make_passkey(anna), sign(), CODES) for _ in range(2)]
    standing = await store.find_standing()
    for change in (
        store.rename_passkey(bert.id, first.id, "theirs"),
        store.remove_passkey(bert.id, first.id),
        store.rename_passkey(anna.id, make_passkey_id(), "none"),
        store.remove_passkey(anna.id, make_passkey_id()),
    ):
        with refusing("factor_not_found", Kind.NOT_FOUND):
            await change
    await store.rename_passkey(anna.id, first.id, "old")
    assert await store.find_standing() == standing
    found = await store.find_passkey(first.credential)
    assert found is not None
    assert found.passkey == evolve(first, label="old")
    here, _ = await add_session(store, anna), await add_session(store, anna)
    await store.remove_passkey(anna.id, first.id, keeps=here)
    after = await store.find_standing()
    assert after.restriction is not None
    assert after.restriction.revision == standing.revision + 3
    assert [each.id for each in await store.list_sessions(anna.id)] == [here]
    assert await store.find_factors(anna.id) == Factors(recovery_codes=3, passkeys=(second,))
    assert (await find(store, anna)).factors_set == after.revision
    await store.remove_passkey(anna.id, second.id)
    assert await store.find_factors(anna.id) == Factors()
    assert (await find(store, anna)).factors_set == NEVER


@in_reactor
async def test_who_loses_one_factor_is_asked_for_the_others(store: IdentityStore) -> None:
    user = await enrol(store, await store.add_user(make_user()))
    added = await store.add_passkey(make_passkey(user), sign())
    await store.remove_totp(user.id)
    assert await store.find_factors(user.id) == Factors(recovery_codes=3, passkeys=(added,))
    assert (await find(store, user)).factors_set > added.made
    await enrol(store, user)
    await store.remove_passkey(user.id, added.id)
    assert (await store.find_factors(user.id)).kinds == (FactorKind.TOTP, FactorKind.RECOVERY_CODE)
    await store.add_passkey(make_passkey(user), sign())
    assert await store.reset_factors(user.id)
    assert await store.find_factors(user.id) == Factors()
    added = await store.add_passkey(make_passkey(user), sign())
    await store.remove_user(user.id)
    assert await store.find_passkey(added.credential) is None


@in_reactor
async def test_the_seal_is_always_the_same_and_a_secret(store: IdentityStore) -> None:
    seal = await store.find_seal()
    assert len(seal) == 32
    assert len({*seal}) > 1
    await store.void_credentials()
    assert await store.find_seal() == seal
