"""Witness of the accounts: a store that is older than what was seen before opens nothing."""

from __future__ import annotations

from copy import deepcopy

from attrs import define

from cloudsvc.core.actors import Role
from cloudsvc.core.secrets import Secret
from cloudsvc.identity.revisions import NEVER, Restriction
from cloudsvc.identity.witness import Witness
from cloudsvc.storage.identity.memory import MemoryIdentity
from cloudsvc.storage.identity.memory_accounts import Accounts
from tests.support.coroutines import finish
from tests.support.identity_stores import grant, make_user


@define
class Note:
    """What is remembered, in memory."""

    kept: Restriction | None = None

    async def read(self) -> Restriction | None:
        return self.kept

    async def write(self, restriction: Restriction) -> None:
        self.kept = restriction


def open_witness(accounts: Accounts, note: Note) -> Witness:
    """As a server does that starts."""
    witness = Witness(store=MemoryIdentity(accounts), record=note)
    assert not witness.is_trusted
    finish(witness.start())
    return witness


def restrict(accounts: Accounts, witness: Witness | None = None) -> None:
    """Change something, and have it witnessed."""
    store = MemoryIdentity(accounts)
    [user] = finish(store.list_users(1)) or [finish(store.add_user(make_user()))]
    finish(store.replace_user(user))
    if witness is not None:
        finish(witness.settle())


def test_a_store_that_goes_on_is_trusted() -> None:
    accounts, note = Accounts(), Note()
    for _ in range(3):
        witness = open_witness(accounts, note)
        assert witness.is_trusted
        restrict(accounts, witness)
        assert note.kept == finish(MemoryIdentity(accounts).find_standing()).restriction


def test_an_older_one_is_not_however_much_happens_in_it() -> None:
    accounts, note = Accounts(), Note()
    restrict(accounts, open_witness(accounts, note))
    older = deepcopy(accounts)
    restrict(accounts, open_witness(accounts, note))
    seen = note.kept
    for _ in range(3):
        witness = open_witness(older, note)
        assert not witness.is_trusted
        restrict(older, witness)
        assert note.kept == seen
    assert open_witness(accounts, note).is_trusted


def test_one_that_was_killed_before_it_was_witnessed_is_trusted() -> None:
    accounts, note = Accounts(), Note()
    restrict(accounts, open_witness(accounts, note))
    restrict(accounts)
    assert open_witness(accounts, note).is_trusted
    assert note.kept == finish(MemoryIdentity(accounts).find_standing()).restriction


def test_after_a_lost_one_the_copy_of_it_is_not_trusted() -> None:
    accounts, note = Accounts(), Note()
    restrict(accounts, open_witness(accounts, note))
    assert open_witness(Accounts(), note).is_trusted
    assert not open_witness(accounts, note).is_trusted


def test_somebody_accepts_it() -> None:
    accounts, note = Accounts(), Note()
    restrict(accounts, open_witness(accounts, note))
    older = deepcopy(accounts)
    restrict(accounts, open_witness(accounts, note))
    witness = open_witness(older, note)
    standing = finish(witness.accept(void=False))
    assert standing.void_until == 0
    assert witness.is_trusted
    assert open_witness(older, note).is_trusted


def test_somebody_accepts_it_without_its_keys() -> None:
    accounts, note = Accounts(), Note()
    restrict(accounts, open_witness(accounts, note))
    standing = finish(open_witness(accounts, note).accept(void=True))
    assert standing.void_until == standing.revision
    assert open_witness(accounts, note).is_trusted


def test_what_was_never_restricted_can_be_accepted() -> None:
    accounts, note = Accounts(), Note()
    restrict(accounts, open_witness(accounts, note))
    other = Accounts()
    finish(MemoryIdentity(other).add_user(make_user()))
    witness = open_witness(other, note)
    assert not witness.is_trusted
    finish(witness.accept(void=False))
    assert open_witness(other, note).is_trusted


def switch_off(accounts: Accounts, note: Note) -> None:
    """Somebody manages the accounts, and the owner's token is switched off."""
    store = MemoryIdentity(accounts)
    finish(store.add_user(make_user("boss", grants=(grant(Role.MANAGER, 1),)), Secret("hash")))
    finish(store.switch_owner(refused=True))
    assert open_witness(accounts, note).refuses_owner


def test_an_older_store_does_not_switch_the_owner_s_token_on() -> None:
    accounts, note = Accounts(), Note()
    restrict(accounts, open_witness(accounts, note))
    older = deepcopy(accounts)
    switch_off(accounts, note)
    witness = open_witness(older, note)
    assert (witness.is_trusted, witness.refuses_owner) == (False, True)
    finish(witness.accept(void=False))
    assert (witness.is_trusted, witness.refuses_owner) == (True, False)


def test_one_in_which_it_is_off_does_not_switch_it_on_where_it_is_not_known() -> None:
    accounts, note = Accounts(), Note()
    switch_off(accounts, note)
    note.kept = Restriction(revision=NEVER, mark="")
    witness = open_witness(accounts, note)
    assert (witness.is_trusted, witness.refuses_owner) == (False, True)


def test_without_any_accounts_there_is_the_owner() -> None:
    accounts, note = Accounts(), Note()
    switch_off(accounts, note)
    witness = open_witness(Accounts(), note)
    assert (witness.is_trusted, witness.refuses_owner) == (True, False)
    assert note.kept is not None
    assert not note.kept.refuses_owner
