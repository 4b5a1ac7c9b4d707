"""Resolution of keys: whatever was granted, a key does what its holder may just then, and nothing else is a key."""

from __future__ import annotations

import pytest
from attrs import define, evolve

from cloudsvc.core.actors import OWNER, ROOT_FOLDER, Payer, Role
from cloudsvc.identity.bounds import MAX_NOTED
from cloudsvc.identity.directory import UserFields
from cloudsvc.identity.issuing import Issued, KeyFields
from cloudsvc.identity.key_format import KeyId, make_key
from cloudsvc.identity.keys import FoundKey
from cloudsvc.identity.resolving import Uses
from cloudsvc.storage.identity.memory import MemoryIdentity
from tests.support.accounts import SECOND, Office
from tests.support.coroutines import finish
from tests.support.identity_stores import BEGINNING, grant, make_program_key

HOUR = 3_600_000_000


@define(eq=False)
class CountingIdentity(MemoryIdentity):
    """
    A store that counts look-ups of keys.

    :ivar asked: how many there were.
    """

    asked: int = 0

    async def find_key(self, key: KeyId) -> FoundKey | None:
        self.asked += 1
        return await super().find_key(key)


@pytest.fixture
def office() -> Office:
    office = Office(store=CountingIdentity(), now=1_700_000_000 * SECOND)
    for path in ("photos", "photos/sea", "work"):
        office.folders.make(path)
    return office


def folder(office: Office, path: str) -> int:
    return office.folders.chains[path][-1]


def test_a_key_for_all_that_its_holder_may(office: Office) -> None:
    finish(office.add_user("anna", ("photos", Role.EDITOR)))
    actor = finish(office.resolve(finish(office.issue("anna"))))
    assert actor is not None
    assert (actor.name, actor.scopes) == ("anna", {"files:read", "files:write"})
    assert actor.grants == (grant(Role.EDITOR, folder(office, "photos")),)


def test_a_narrower_key(office: Office) -> None:
    finish(office.add_user("anna", ("photos", Role.EDITOR)))
    issued = finish(office.issue("anna", ("photos/sea", Role.VIEWER), scopes=("files:read",)))
    actor = finish(office.resolve(issued))
    assert actor is not None
    assert (actor.grants, actor.scopes) == ((grant(Role.VIEWER, folder(office, "photos/sea")),), {"files:read"})


@pytest.mark.parametrize("quota", [None, 0, 10])
def test_what_is_stored_by_a_key_counts_to_its_holder(office: Office, quota: int | None) -> None:
    finish(office.add_user("anna", ("photos", Role.EDITOR), quota=quota))
    for roles in ((), (("photos/sea", Role.UPLOADER),)):
        actor = finish(office.resolve(finish(office.issue("anna", *roles))))
        assert actor is not None
        assert actor.payer == Payer(name="anna", quota=quota)


def test_another_quota_makes_nobody_another_one(office: Office) -> None:
    """Or else whatever is under way would end with it."""
    finish(office.add_user("anna", ("photos", Role.EDITOR), quota=5))
    issued = finish(office.issue("anna"))
    before = finish(office.resolve(issued))
    finish(office.directory.edit_user(OWNER, "anna", UserFields(quota=10)))
    after = finish(office.resolve(issued))
    assert before is not None
    assert after is not None
    assert before == after
    assert after.payer == Payer(name="anna", quota=10)


def test_a_key_of_a_program_acts_on_its_own(office: Office) -> None:
    asked = KeyFields(roles=(("work", Role.UPLOADER),), scopes=("files:write",))
    issued = finish(office.issuer.issue(OWNER, asked, program="camera"))
    actor = finish(office.resolve(issued))
    assert actor is not None
    assert (actor.name, actor.scopes, actor.payer) == ("program:camera", {"files:write"}, None)
    assert actor.grants == (grant(Role.UPLOADER, folder(office, "work")),)


def test_what_is_taken_from_its_holder_is_taken_from_the_key(office: Office) -> None:
    finish(office.add_user("anna", ("photos", Role.EDITOR), scopes=("*",)))
    issued = finish(office.issue("anna", ("photos/sea", Role.EDITOR)))
    finish(office.directory.grant_role(OWNER, "anna", "photos", Role.VIEWER))
    finish(office.directory.edit_user(OWNER, "anna", UserFields(scopes=("files:read",))))
    actor = finish(office.resolve(issued))
    assert actor is not None
    assert (actor.grants, actor.scopes) == ((grant(Role.VIEWER, folder(office, "photos/sea")),), {"files:read"})
    finish(office.directory.withdraw_role(OWNER, "anna", folder(office, "photos")))
    actor = finish(office.resolve(issued))
    assert actor is not None
    assert actor.grants == ()


def test_a_folder_that_is_moved_out_of_what_its_holder_may_is_lost_to_the_key(office: Office) -> None:
    finish(office.add_user("anna", ("photos", Role.EDITOR)))
    issued = finish(office.issue("anna", ("photos/sea", Role.EDITOR)))
    office.folders.move("photos/sea", "work")
    actor = finish(office.resolve(issued))
    assert actor is not None
    assert actor.grants == ()


def test_a_group_gives_and_takes(office: Office) -> None:
    finish(office.directory.add_group(OWNER, "family"))
    finish(office.directory.grant_group_role(OWNER, "family", "work", Role.VIEWER))
    finish(office.add_user("anna", groups=("family",)))
    issued = finish(office.issue("anna"))
    actor = finish(office.resolve(issued))
    assert actor is not None
    assert actor.grants == (grant(Role.VIEWER, folder(office, "work")),)
    finish(office.directory.remove_group(OWNER, "family"))
    actor = finish(office.resolve(issued))
    assert actor is not None
    assert actor.grants == ()


def end(office: Office, issued: Issued, how: str) -> bytes:
    """Make a key good no more, or take one that never was."""
    text = issued.made.text.reveal().encode()
    if how == "revoked":
        finish(office.issuer.revoke(OWNER, issued.key.id))
    elif how == "expired":
        office.now += HOUR
    elif how == "disabled":
        finish(office.directory.edit_user(OWNER, "anna", UserFields(disabled=True)))
    elif how == "removed":
        finish(office.directory.remove_user(OWNER, "anna"))
    elif how == "void":
        finish(office.store.void_credentials())
    elif how == "distrusted":
        office.is_trusted = False
    elif how == "wrong":
        return make_key().text.reveal().encode()
    elif how == "other secret":
        other = make_key()
        finish(office.store.add_key(make_program_key(id=issued.made.id + "x"), other.digest))
        return text[:20] + other.text.reveal().encode()[20:]
    elif how == "malformed":
        return text + b"a"
    else:
        return b"\xff" + how.encode()
    return text


@pytest.mark.parametrize(
    "how",
    [
        "revoked",
        "expired",
        "disabled",
        "removed",
        "void",
        "distrusted",
        "wrong",
        "other secret",
        "malformed",
        "foreign",
    ],
)
def test_whatever_is_wrong_with_a_key_it_is_nobodys_by_one_look_up(office: Office, how: str) -> None:
    finish(office.add_user("anna", ("photos", Role.EDITOR)))
    issued = finish(office.issue("anna", ("photos/sea", Role.EDITOR), expires_at=office.now + HOUR))
    assert finish(office.resolve(issued)) is not None
    shown = end(office, issued, how)
    assert isinstance(office.store, CountingIdentity)
    office.store.asked = office.folders.asked = 0
    assert finish(office.resolver.resolve(shown)) is None
    assert (office.store.asked, office.folders.asked) == (1, 0)


def test_who_is_enabled_again_has_their_keys_again(office: Office) -> None:
    finish(office.add_user("anna"))
    issued = finish(office.issue("anna"))
    for disabled in (True, False):
        finish(office.directory.edit_user(OWNER, "anna", UserFields(disabled=disabled)))
        assert (finish(office.resolve(issued)) is None) == disabled


def test_of_a_manager_nothing_has_to_be_located(office: Office) -> None:
    finish(office.add_user("anna", ("", Role.MANAGER)))
    issued = finish(office.issue("anna", ("photos/sea", Role.VIEWER)))
    office.folders.asked = 0
    assert finish(office.resolve(issued)) is not None
    assert office.folders.asked == 0
    assert folder(office, "") == ROOT_FOLDER


def test_uses_are_noted_once_an_hour_and_bounded() -> None:
    uses, key = Uses(), make_program_key()
    uses.note(key, BEGINNING + 5 * HOUR)
    uses.note(key, BEGINNING + 5 * HOUR + 1)
    hour = (BEGINNING + 5 * HOUR) // HOUR * HOUR
    noted = uses.find_noted()
    assert noted == {key.id: hour}
    # What is used while that is written down is noted apart from it.
    uses.note(key, BEGINNING + 6 * HOUR)
    uses.forget(noted)
    assert uses.find_noted() == {key.id: hour + HOUR}
    uses.forget(uses.find_noted())
    uses.note(evolve(key, last_used=hour), BEGINNING + 5 * HOUR + 2)
    assert uses.find_noted() == {}
    for _ in range(MAX_NOTED + 5):
        uses.note(make_program_key(), BEGINNING)
    assert len(uses.find_noted()) == MAX_NOTED


def test_many_keys_are_resolved_again_at_once(office: Office) -> None:
    """As each of them would be, by one question about the folders."""
    finish(office.add_user("anna", ("photos", Role.EDITOR)))
    finish(office.add_user("bert", ("work", Role.VIEWER)))
    kept = [finish(office.issue("anna", ("photos/sea", Role.VIEWER), scopes=("files:read",))) for _ in range(20)]
    kept += [finish(office.issue("bert")), finish(office.issuer.issue(OWNER, KeyFields(roles=()), program="camera"))]
    revoked = finish(office.issue("anna"))
    finish(office.issuer.revoke(OWNER, revoked.key.id))
    asked = office.folders.asked
    found = finish(office.resolver.find_some_again([*(each.key.id for each in kept), revoked.key.id, make_key().id]))
    assert office.folders.asked == asked + 1
    assert {key: each.actor for key, each in found.items()} == {
        each.key.id: finish(office.resolve(each)) for each in kept
    }
    assert {each.actor.key for each in found.values()} == found.keys()
