"""Links: who makes, sees, changes and revokes them, and what they let do at each moment."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from cloudsvc.core.actors import OWNER, Actor, Grant, Role
from cloudsvc.core.errors import Kind
from cloudsvc.core.secrets import Secret
from cloudsvc.identity import bounds
from cloudsvc.identity.directory import UserFields
from cloudsvc.identity.issuing import KeyFields
from cloudsvc.identity.link_resolving import ResolvedLink
from cloudsvc.identity.linking import LinkFields, MadeLink
from cloudsvc.identity.visiting import UNLOCKED_SECONDS
from tests.support.accounts import SECOND, Office
from tests.support.coroutines import finish
from tests.support.identity_stores import refusing


@pytest.fixture
def office() -> Office:
    office = Office()
    for path in ("photos", "photos/sea", "photos/a.txt", "work", "work/b.txt"):
        office.folders.make(path)
    finish(office.add_user("anna", ("photos", Role.MANAGER)))
    finish(office.add_user("bert", ("photos", Role.VIEWER), ("work", Role.EDITOR)))
    return office


def make(office: Office, actor: Actor, path: str, role: Role = Role.VIEWER, **fields: object) -> MadeLink:
    return finish(office.linker.make(actor, path, role, LinkFields(**fields)))  # type: ignore[arg-type]  # as said


def resolve(office: Office, made: MadeLink) -> ResolvedLink | None:
    return finish(office.link_resolver.resolve(made.secret.reveal().encode()))


def names(links: Iterable[object]) -> set[str]:
    return {getattr(each, "id") for each in links}  # noqa: B009  # of whatever type


def test_what_it_lets_do(office: Office) -> None:
    anna = finish(office.act("anna"))
    made = make(office, anna, "photos/a.txt", label="for you")
    found = resolve(office, made)
    assert found is not None
    target = office.folders.chains["photos/a.txt"][-1]
    assert found.actor == Actor(
        name=f"link:{made.link.id}",
        scopes=frozenset({"files:read"}),
        grants=(Grant(role=Role.VIEWER, folder=target),),
    )
    assert (found.path, found.link.label, found.until) == ("photos/a.txt", "for you", None)
    # What is brought counts to whoever has made it.
    assert found.actor.payer is not None
    assert found.actor.payer.name == "anna"
    assert finish(office.link_resolver.find_some_again([made.link.id])) == {made.link.id: found}
    assert resolve(office, make(office, OWNER, "")) is not None


def test_what_is_no_secret_is_no_link(office: Office) -> None:
    made = make(office, OWNER, "work")
    other = make(office, OWNER, "work")
    text, wrong = made.secret.reveal(), other.secret.reveal()
    for shown in (text[:-1], wrong[:20] + text[20:], "", text + text):
        assert finish(office.link_resolver.resolve(shown.encode())) is None


@pytest.mark.parametrize(
    ("path", "role", "code"),
    [
        ("work", Role.UPLOADER, ""),
        ("photos", Role.VIEWER, ""),
        ("photos", Role.UPLOADER, "link_too_wide"),
        ("work/b.txt", Role.UPLOADER, "link_needs_folder"),
        ("", Role.VIEWER, "folder_not_found"),
        ("none", Role.VIEWER, "folder_not_found"),
    ],
)
def test_who_may_make_one(office: Office, path: str, role: Role, code: str) -> None:
    bert = finish(office.act("bert"))
    if not code:
        assert resolve(office, make(office, bert, path, role)) is not None
        return
    kinds = {"link_too_wide": Kind.FORBIDDEN, "link_needs_folder": Kind.CONFLICT, "folder_not_found": Kind.NOT_FOUND}
    with refusing(code, kinds[code]):
        make(office, bert, path, role)


def test_a_key_makes_none_that_is_wider_than_it(office: Office) -> None:
    wide = ("files:read", "accounts:write")
    ends = office.now + 100 * SECOND
    limited = finish(
        office.resolve(finish(office.issue("anna", ("photos/sea", Role.VIEWER), scopes=wide, expires_at=ends)))
    )
    assert limited is not None
    with refusing("folder_not_found", Kind.NOT_FOUND):
        make(office, limited, "photos")
    with refusing("link_too_wide", Kind.FORBIDDEN):
        make(office, limited, "photos/sea", Role.UPLOADER)
    with refusing("expiry_too_late", Kind.FORBIDDEN):
        make(office, limited, "photos/sea", expires_at=ends + 1)
    assert make(office, limited, "photos/sea").link.expires_at == ends
    rated = finish(office.resolve(finish(office.issue("anna", scopes=wide, rate="1/minute"))))
    assert rated is not None
    with refusing("rate_not_shared", Kind.FORBIDDEN):
        make(office, rated, "photos/sea")
    narrow = finish(office.resolve(finish(office.issue("anna", scopes=("accounts:write",)))))
    assert narrow is not None
    with refusing("link_too_wide", Kind.FORBIDDEN):
        make(office, narrow, "photos/sea")
    stranger = Actor(name="stranger", scopes=frozenset({"*"}), grants=OWNER.grants)
    with refusing("links_of_accounts", Kind.FORBIDDEN):
        make(office, stranger, "photos")


def test_it_does_no_more_than_its_maker_may_now(office: Office) -> None:
    anna, folder = finish(office.act("anna")), office.folders.chains["photos"][-1]
    made = make(office, anna, "photos")
    finish(office.directory.edit_user(OWNER, "anna", UserFields(disabled=True)))
    assert resolve(office, made) is None
    finish(office.directory.edit_user(OWNER, "anna", UserFields(disabled=False)))
    assert resolve(office, made) is not None
    finish(office.directory.edit_user(OWNER, "anna", UserFields(scopes=("accounts:read",))))
    assert resolve(office, made) is None
    finish(office.directory.edit_user(OWNER, "anna", UserFields(scopes=("files:read",))))
    finish(office.directory.withdraw_role(OWNER, "anna", folder))
    assert resolve(office, made) is None
    # Of what it is for they may see a part.
    finish(office.directory.grant_role(OWNER, "anna", "photos/sea", Role.EDITOR))
    found = resolve(office, made)
    assert found is not None
    assert found.actor.grants == (Grant(role=Role.VIEWER, folder=office.folders.chains["photos/sea"][-1]),)
    finish(office.directory.remove_user(OWNER, "anna"))
    assert resolve(office, made) is None


def test_to_bring_files_takes_the_right_on_the_folder_itself(office: Office) -> None:
    bert = finish(office.act("bert"))
    made = make(office, bert, "work", Role.UPLOADER)
    office.folders.make("work/in")
    finish(office.directory.withdraw_role(OWNER, "bert", office.folders.chains["work"][-1]))
    finish(office.directory.grant_role(OWNER, "bert", "work/in", Role.EDITOR))
    assert resolve(office, made) is None


def test_it_follows_and_sleeps(office: Office) -> None:
    made = make(office, OWNER, "photos/sea")
    office.folders.move("photos/sea", "work")
    found = resolve(office, made)
    assert found is not None
    assert found.path == "work/sea"
    office.folders.discard("work/sea")
    assert resolve(office, made) is None


def test_one_of_a_program_ends_with_its_key(office: Office) -> None:
    fields = KeyFields(roles=[("photos", Role.VIEWER)], scopes=("files:read", "accounts:write"))
    issued = finish(office.issuer.issue(OWNER, fields, program="camera"))
    program = finish(office.resolve(issued))
    assert program is not None
    made = make(office, program, "photos")
    found = resolve(office, made)
    assert found is not None
    assert found.actor.payer is None
    finish(office.issuer.revoke(OWNER, issued.key.id, descendants=False))
    assert resolve(office, made) is None


def test_with_a_key_of_a_user_it_is_revoked_as_keys_are(office: Office) -> None:
    scopes = ("files:read", "accounts:write")
    issued = finish(office.issue("anna", scopes=scopes))
    actor = finish(office.resolve(issued))
    assert actor is not None
    first, second = make(office, actor, "photos"), make(office, actor, "photos")
    assert first.link.made_by == issued.key.id
    finish(office.issuer.revoke(OWNER, issued.key.id, descendants=False))
    assert resolve(office, first) is not None
    finish(office.issuer.revoke(OWNER, issued.key.id))
    assert [resolve(office, each) for each in (first, second)] == [None, None]


def test_it_ends(office: Office) -> None:
    made = make(office, OWNER, "photos", expires_at=office.now + 5)
    office.now += 4
    assert resolve(office, made) is not None
    office.now += 1
    assert resolve(office, made) is None
    revoked = make(office, OWNER, "photos")
    settled = office.settled
    assert finish(office.linker.revoke(OWNER, revoked.link.id)).revoked_at == office.now
    assert office.settled == settled + 1
    assert resolve(office, revoked) is None
    void = make(office, OWNER, "photos")
    finish(office.store.void_credentials())
    assert resolve(office, void) is None
    untrusted = make(office, OWNER, "photos")
    office.is_trusted = False
    assert resolve(office, untrusted) is None


def test_who_knows_of_which(office: Office) -> None:
    anna, bert = finish(office.act("anna")), finish(office.act("bert"))
    annas, berts, works = make(office, anna, "photos/a.txt"), make(office, bert, "photos"), make(office, bert, "work")
    owners = make(office, OWNER, "photos/sea")
    for actor, path, known in (
        (OWNER, None, {annas, berts, works, owners}),
        (anna, None, {annas, berts, owners}),
        (bert, None, {berts, works}),
        (OWNER, "photos/sea", {owners}),
        (anna, "photos", {annas, berts, owners}),
        (bert, "photos", {berts}),
    ):
        found = finish(office.linker.list_links(actor, 10, path=path))
        assert names(found) == {each.link.id for each in known}
        assert [each.id for each in found] == sorted(each.id for each in found)
    first, second = finish(office.linker.list_links(bert, 10))
    assert finish(office.linker.list_links(bert, 1)) == [first]
    assert finish(office.linker.list_links(bert, 1, after=first.id)) == [second]
    with refusing("link_not_found", Kind.NOT_FOUND):
        finish(office.linker.find_link(anna, works.link.id))
    with refusing("link_not_found", Kind.NOT_FOUND):
        finish(office.linker.revoke(bert, owners.link.id))
    with refusing("link_too_wide", Kind.FORBIDDEN):
        finish(office.linker.edit_link(anna, berts.link.id, LinkFields(label="mine")))
    # Whoever manages the folder revokes it all the same.
    finish(office.linker.revoke(anna, berts.link.id))
    assert resolve(office, berts) is None
    with refusing("link_ended", Kind.CONFLICT):
        finish(office.linker.edit_link(bert, berts.link.id, LinkFields(label="mine")))


def test_lists_go_on_beyond_what_is_looked_through_at_a_time(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloudsvc.identity.linking._STEP", 2)
    bert = finish(office.act("bert"))
    made = sorted(make(office, bert, "work").link.id for _ in range(3))
    for _ in range(7):
        make(office, OWNER, "photos")
    assert [each.id for each in finish(office.linker.list_links(bert, 10))] == made


def test_what_is_said_of_it_is_changed_within_bounds(office: Office) -> None:
    made = make(office, OWNER, "photos", label="a", most_uses=3, expires_at=office.now + 9)
    fields = LinkFields(label="b", most_uses=0, expires_at=0)
    edited = finish(office.linker.edit_link(OWNER, made.link.id, fields))
    assert (edited.label, edited.most_uses, edited.expires_at) == ("b", None, None)
    for wrong, code in (
        (LinkFields(most_uses=bounds.MAX_LINK_USES + 1), "invalid_limit"),
        (LinkFields(expires_at=office.now), "invalid_expiry"),
        (LinkFields(password=Secret("short")), "invalid_password"),
        (LinkFields(label="x" * 200), "invalid_display_name"),
    ):
        with refusing(code, Kind.INVALID):
            finish(office.linker.edit_link(OWNER, made.link.id, wrong))


def test_a_password_opens_it_for_an_hour(office: Office) -> None:
    made = make(office, OWNER, "photos", password=Secret("swordfish"))
    assert "swordfish" not in str(made)
    link, visits = made.link, office.visits
    assert not visits.is_unlocked(link, None)
    with refusing("wrong_password", Kind.FORBIDDEN):
        finish(visits.unlock(link, Secret("swordfisH"), "client"))
    shown = finish(visits.unlock(link, Secret("swordfish"), "client")).reveal().encode()
    assert visits.is_unlocked(link, shown)
    other = make(office, OWNER, "photos", password=Secret("swordfish")).link
    until, _, code = shown.partition(b".")
    for wrong in (b"", b"x", shown + b"0", b"%d.%b" % (int(until) + 1, code)):
        assert not visits.is_unlocked(link, wrong)
    assert not visits.is_unlocked(other, shown)
    office.now += UNLOCKED_SECONDS * SECOND
    assert not visits.is_unlocked(link, shown)
    office.now -= 2 * SECOND
    assert visits.is_unlocked(link, shown)
    changed = finish(office.linker.edit_link(OWNER, link.id, LinkFields(password=Secret("another fish"))))
    assert not visits.is_unlocked(changed, shown)
    unlocked = finish(office.linker.edit_link(OWNER, link.id, LinkFields(password=Secret(""))))
    assert visits.is_unlocked(unlocked, None)


def test_tries_of_its_password_are_counted(office: Office) -> None:
    link = make(office, OWNER, "photos", password=Secret("swordfish")).link
    for _ in range(10):
        with refusing("wrong_password", Kind.FORBIDDEN):
            finish(office.visits.unlock(link, Secret("guess"), "client"))
    with refusing("too_many_tries", Kind.THROTTLED):
        finish(office.visits.unlock(link, Secret("swordfish"), "client"))
    assert finish(office.visits.unlock(link, Secret("swordfish"), "another"))


def test_uses_are_counted_and_noted(office: Office) -> None:
    limited, free = make(office, OWNER, "photos", most_uses=1).link, make(office, OWNER, "photos").link
    finish(office.visits.count(limited, "client", "version", begins=True))
    finish(office.visits.count(limited, "client", "version", begins=False))
    for client, what, begins in (("client", "version", True), ("other", "version", False), ("client", "x", False)):
        with refusing("link_not_found", Kind.NOT_FOUND):
            finish(office.visits.count(limited, client, what, begins=begins))
    found = finish(office.linker.find_link(OWNER, limited.id))
    assert found.uses == 1
    with refusing("link_not_found", Kind.NOT_FOUND):
        office.visits.check_usable(found)
    for begins in (True, False, True):
        finish(office.visits.count(free, "client", "version", begins=begins))
    taken = office.link_uses.take()
    assert {each: use.count for each, use in taken.items()} == {free.id: 2}
    assert office.link_uses.take() == {}
    # What could not be written down is so with what has come since.
    finish(office.visits.count(free, "client", "version", begins=True))
    office.link_uses.give_back(taken)
    assert {each: use.count for each, use in office.link_uses.take().items()} == {free.id: 3}
    office.link_uses.give_back(taken)
    assert office.link_uses.take() == taken
