"""Use-cases of users and groups: who manages them, and that nobody else learns who there is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from attrs import define, evolve, field

from cloudsvc.core.actors import OWNER, Actor, Role
from cloudsvc.core.errors import Kind
from cloudsvc.core.secrets import Secret
from cloudsvc.identity.directory import UserFields
from cloudsvc.identity.groups import GroupId
from cloudsvc.identity.names import AccountName, parse_account_name
from cloudsvc.identity.revisions import NEVER
from cloudsvc.identity.users import User
from cloudsvc.storage.identity.memory import MemoryIdentity
from tests.support.accounts import Office
from tests.support.coroutines import finish
from tests.support.identity_stores import BEGINNING, grant, refusing


@pytest.fixture
def office() -> Office:
    office = Office()
    for path in ("photos", "photos/sea", "work"):
        office.folders.make(path)
    finish(office.add_user("anna", ("photos", Role.MANAGER)))
    finish(office.add_user("bert", ("photos", Role.EDITOR)))
    finish(office.add_user("boss", ("", Role.MANAGER), scopes=("*",)))
    return office


@pytest.fixture
def anna(office: Office) -> Actor:
    return finish(office.act("anna"))


@pytest.fixture
def bert(office: Office) -> Actor:
    return finish(office.act("bert"))


def folder(office: Office, path: str) -> int:
    return office.folders.chains[path][-1]


def test_a_user_is_what_was_said(office: Office) -> None:
    finish(office.directory.add_group(OWNER, "family"))
    user = finish(
        office.directory.add_user(
            OWNER,
            "Cleo",
            UserFields(display_name="Cleo C.", quota=5, groups=("family",), disabled=True, scopes=("files:read",)),
        )
    )
    assert (str(user.name), user.display_name, user.quota, user.is_disabled) == ("cleo", "Cleo C.", 5, True)
    assert (len(user.groups), user.scopes, user.password_set) == (1, {"files:read"}, NEVER)
    edited = finish(office.directory.edit_user(OWNER, "cleo", UserFields(quota=-1, groups=(), disabled=False)))
    assert (edited.quota, edited.groups, edited.is_disabled, edited.display_name) == (None, (), False, "Cleo C.")
    finish(office.directory.remove_user(OWNER, "cleo"))
    with refusing("name_taken", Kind.CONFLICT):
        finish(office.directory.add_user(OWNER, "cleo", UserFields()))


def test_passwords_come_and_go(office: Office) -> None:
    name = parse_account_name("anna")
    finish(office.directory.edit_user(OWNER, "anna", UserFields(password="correct horse")))
    login = finish(office.store.find_login(name))
    assert login is not None
    assert login.hash is not None
    assert login.hash.reveal().startswith("$argon2id$")
    finish(office.directory.edit_user(OWNER, "anna", UserFields(password="")))
    login = finish(office.store.find_login(name))
    assert login is not None
    assert login.hash is None


@pytest.mark.parametrize(
    ("fields", "code", "kind"),
    [
        ({"quota": -2}, "invalid_quota", Kind.INVALID),
        ({"quota": 2**63}, "invalid_quota", Kind.INVALID),
        ({"groups": ("none",)}, "group_not_found", Kind.NOT_FOUND),
        ({"groups": tuple(f"g{number}" for number in range(17))}, "too_many_entries", Kind.CONFLICT),
        ({"scopes": ("Files",)}, "invalid_scope", Kind.INVALID),
        ({"password": "short"}, "invalid_password", Kind.INVALID),
        ({"display_name": "a\nb"}, "invalid_display_name", Kind.INVALID),
    ],
)
def test_what_a_user_cannot_be(office: Office, fields: dict[str, object], code: str, kind: Kind) -> None:
    before = finish(office.store.find_standing())
    asked = UserFields(**fields)  # type: ignore[arg-type]  # they are of its fields
    with refusing(code, kind):
        finish(office.directory.add_user(OWNER, "cleo", asked))
    with refusing(code, kind):
        finish(office.directory.edit_user(OWNER, "anna", asked))
    assert finish(office.store.find_standing()) == before


def list_managing(office: Office, actor: Actor) -> list[Callable[[], Awaitable[object]]]:
    """All that only a manager may do."""
    directory = office.directory
    return [
        lambda: directory.add_user(actor, "cleo", UserFields()),
        lambda: directory.list_users(actor, 10),
        lambda: directory.edit_user(actor, "anna", UserFields()),
        lambda: directory.edit_user(actor, "nobody-at-all", UserFields()),
        lambda: directory.remove_user(actor, "bert"),
        lambda: directory.remove_user(actor, "nobody-at-all"),
        lambda: directory.add_group(actor, "family"),
        lambda: directory.find_group(actor, "family"),
        lambda: directory.list_groups(actor, 10),
        lambda: directory.remove_group(actor, "family"),
        lambda: directory.grant_group_role(actor, "family", "photos", Role.VIEWER),
        lambda: directory.withdraw_group_role(actor, "family", folder(office, "photos")),
    ]


def test_what_only_managers_do(office: Office, anna: Actor) -> None:
    before = finish(office.store.find_standing())
    for ask in list_managing(office, anna):
        with refusing("managers_only", Kind.FORBIDDEN):
            finish(ask())  # type: ignore[arg-type]  # coroutines
    assert finish(office.store.find_standing()) == before


def test_a_user_who_manages_everything_is_a_manager(office: Office) -> None:
    boss = finish(office.act("boss"))
    finish(office.directory.add_group(boss, "family"))
    finish(office.directory.grant_group_role(boss, "family", "work", Role.VIEWER))
    group = finish(office.directory.find_group(boss, "family"))
    assert group.grants == (grant(Role.VIEWER, folder(office, "work")),)
    assert finish(office.directory.list_groups(boss, 10)) == [group]
    group = finish(office.directory.withdraw_group_role(boss, "family", folder(office, "work")))
    assert group.grants == ()
    assert [str(user.name) for user in finish(office.directory.list_users(boss, 2, after="anna"))] == ["bert", "boss"]


def test_to_others_there_is_nobody_but_themselves(office: Office, anna: Actor) -> None:
    assert str(finish(office.directory.find_user(anna, "anna")).name) == "anna"
    for name in ("bert", "nobody-at-all"):
        with refusing("user_not_found", Kind.NOT_FOUND):
            finish(office.directory.find_user(anna, name))


def test_a_narrow_key_of_a_manager_signs_in_as_nobody(office: Office) -> None:
    """A password is a way to all scopes of its user."""
    narrow = evolve(finish(office.act("boss")), scopes=frozenset({"accounts:write"}))
    with refusing("scope_too_wide", Kind.FORBIDDEN):
        finish(office.directory.edit_user(narrow, "boss", UserFields(password="correct horse")))
    with refusing("scope_too_wide", Kind.FORBIDDEN):
        finish(office.directory.edit_user(narrow, "anna", UserFields(scopes=("*",))))
    assert finish(office.directory.add_user(narrow, "cleo", UserFields())).scopes == {"accounts:write"}


@define(eq=False)
class Dissolving(MemoryIdentity):
    """A store in which a group is removed just after somebody who is in it was read."""

    dissolved: list[GroupId] = field(factory=list)

    async def find_user(self, name: AccountName) -> User | None:
        found = await super().find_user(name)
        while self.dissolved:
            await self.remove_group(self.dissolved.pop())
        return found


def test_a_group_that_is_removed_meanwhile_is_in_the_way_of_nobody() -> None:
    store = Dissolving()
    office = Office(store=store)
    for name in ("family", "friends"):
        finish(office.directory.add_group(OWNER, name))
    finish(office.add_user("anna", groups=("family", "friends")))
    store.dissolved.append(finish(office.directory.find_group(OWNER, "family")).id)
    edited = finish(office.directory.edit_user(OWNER, "anna", UserFields(quota=5)))
    assert edited.groups == (finish(office.directory.find_group(OWNER, "friends")).id,)
    store.dissolved.append(edited.groups[0])
    assert finish(office.directory.grant_role(OWNER, "anna", "", Role.VIEWER)).user.groups == ()
    with refusing("group_not_found", Kind.NOT_FOUND):
        finish(office.directory.edit_user(OWNER, "anna", UserFields(groups=("family",))))


@pytest.mark.parametrize("limit", [{"rate": "10/minute"}, {"expires_at": BEGINNING + 1}])
def test_a_limited_key_of_a_manager_sets_no_password(office: Office, limit: dict[str, object]) -> None:
    """A password never ends, and has no rate."""
    limited = finish(office.resolve(finish(office.issue("boss", scopes=("*",), **limit))))
    assert limited is not None
    for sets in (
        lambda: office.directory.edit_user(limited, "boss", UserFields(password="correct horse")),
        lambda: office.directory.add_user(limited, "cleo", UserFields(password="correct horse")),
    ):
        with refusing("password_too_wide", Kind.FORBIDDEN):
            finish(sets())
    assert finish(office.directory.edit_user(limited, "boss", UserFields(password=""))).password_set == NEVER
    boss = finish(office.act("boss"))
    assert finish(office.directory.edit_user(boss, "boss", UserFields(password="correct horse"))).password_set


def test_who_manages_a_folder_shares_it(office: Office, anna: Actor) -> None:
    shared = finish(office.directory.grant_role(anna, "bert", "photos/sea", Role.MANAGER)).user
    assert shared.grants == (
        grant(Role.EDITOR, folder(office, "photos")),
        grant(Role.MANAGER, folder(office, "photos/sea")),
    )
    narrowed = finish(office.directory.grant_role(anna, "bert", "photos/sea", Role.VIEWER)).user
    assert narrowed.grants[1] == grant(Role.VIEWER, folder(office, "photos/sea"))
    left = finish(office.directory.withdraw_role(anna, "bert", folder(office, "photos")))
    assert left.grants == narrowed.grants[1:]
    assert finish(office.directory.withdraw_role(anna, "bert", folder(office, "photos"))) == left
    with refusing("user_not_found", Kind.NOT_FOUND):
        finish(office.directory.grant_role(anna, "nobody-at-all", "photos", Role.VIEWER))


def test_who_does_not_manage_a_folder_shares_nothing(office: Office, anna: Actor, bert: Actor) -> None:
    before = finish(office.store.find_standing())
    with refusing("forbidden", Kind.FORBIDDEN):
        finish(office.directory.grant_role(bert, "anna", "photos", Role.VIEWER))
    with refusing("forbidden", Kind.FORBIDDEN):
        finish(office.directory.withdraw_role(bert, "anna", folder(office, "photos")))
    with refusing("forbidden", Kind.FORBIDDEN):
        finish(office.directory.withdraw_role(anna, "bert", folder(office, "work")))
    for path in ("work", "none", ""):
        with refusing("folder_not_found", Kind.NOT_FOUND):
            finish(office.directory.grant_role(anna, "bert", path, Role.VIEWER))
    assert finish(office.store.find_standing()) == before


def test_roles_are_bounded(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloudsvc.identity.bounds.MAX_USER_GRANTS", 1)
    finish(office.directory.grant_role(OWNER, "anna", "photos", Role.VIEWER))
    with refusing("too_many_entries", Kind.CONFLICT):
        finish(office.directory.grant_role(OWNER, "anna", "work", Role.VIEWER))


def test_profiles(office: Office, anna: Actor) -> None:
    group = finish(office.directory.add_group(OWNER, "family"))
    user = finish(office.directory.edit_user(OWNER, "anna", UserFields(groups=("family",))))
    profile = finish(office.directory.find_profile(anna))
    assert (profile.actor, profile.user, profile.groups) == (anna, user, [group])
    profile = finish(office.directory.find_profile(OWNER))
    assert (profile.user, profile.groups) == (None, [])


class Overtaken(MemoryIdentity):
    """A store in which somebody else is always a little faster, for a while."""

    faster: int = 3

    async def find_user(self, name: object) -> User | None:
        found = await super().find_user(name)  # type: ignore[arg-type]  # it is one
        if found is not None and self.faster:
            self.faster -= 1
            await self.replace_user(evolve(found, display_name=f"{found.display_name}+"))
        return found


def test_what_others_do_meanwhile_is_kept() -> None:
    office = Office(store=Overtaken())
    office.folders.make("photos")
    finish(office.directory.add_user(OWNER, "anna", UserFields()))
    user = finish(office.directory.grant_role(OWNER, "anna", "photos", Role.VIEWER)).user
    assert (user.display_name, len(user.grants)) == ("+++", 1)
    assert isinstance(office.store, Overtaken)
    office.store.faster = 99
    with refusing("changed_meanwhile", Kind.CONFLICT):
        finish(office.directory.grant_role(OWNER, "anna", "photos", Role.EDITOR))


def test_every_change_is_settled(office: Office) -> None:
    before = office.settled
    finish(office.directory.edit_user(OWNER, "anna", UserFields(disabled=True)))
    finish(office.directory.remove_user(OWNER, "bert"))
    assert office.settled == before + 2


def test_hashes_are_not_printed(office: Office) -> None:
    assert "horse" not in repr(UserFields(password="correct horse"))
    finish(office.directory.edit_user(OWNER, "anna", UserFields(password="correct horse")))
    assert "argon2id" not in repr(finish(office.store.find_login(parse_account_name("anna"))))
    assert "argon2id" not in repr(Secret("$argon2id$"))
