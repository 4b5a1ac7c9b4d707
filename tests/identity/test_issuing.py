"""Use-cases of keys: nobody gets by a key what they have not themselves, and nobody has another one's keys."""

from __future__ import annotations

import pytest
from attrs import evolve

from cloudsvc.core.actors import OWNER, Actor, Role
from cloudsvc.core.errors import Kind
from cloudsvc.identity.issuing import KeyFields
from cloudsvc.identity.keys import LATEST_END
from tests.support.accounts import SECOND, Office
from tests.support.coroutines import finish
from tests.support.identity_stores import grant, refusing

DAY = 86_400 * SECOND


@pytest.fixture
def office() -> Office:
    office = Office()
    for path in ("photos", "photos/sea", "work"):
        office.folders.make(path)
    finish(office.add_user("anna", ("photos", Role.EDITOR)))
    finish(office.add_user("bert", ("work", Role.VIEWER)))
    finish(office.add_user("boss", ("", Role.MANAGER), scopes=("*",)))
    return office


@pytest.fixture
def anna(office: Office) -> Actor:
    return finish(office.act("anna"))


@pytest.fixture
def boss(office: Office) -> Actor:
    return finish(office.act("boss"))


def issue(office: Office, actor: Actor, **fields: object) -> object:
    return finish(office.issuer.issue(actor, KeyFields(**fields)))  # type: ignore[arg-type]  # they are of its fields


def test_a_key_for_oneself(office: Office, anna: Actor) -> None:
    issued = finish(
        office.issuer.issue(
            anna,
            KeyFields(
                label=" telephone ",
                roles=(("photos/sea", Role.VIEWER),),
                scopes=("files:read",),
                rate="10/minute",
                expires_at=office.now + DAY,
            ),
        )
    )
    key = issued.key
    assert (key.label, key.maker, key.scopes, key.rate) == ("telephone", "anna", {"files:read"}, "10/minute")
    assert (key.created_at, key.expires_at, key.revoked_at) == (office.now, office.now + DAY, None)
    assert finish(office.issuer.find_key(anna, key.id)) == key
    assert key in finish(office.issuer.list_keys(anna, 10))


@pytest.mark.parametrize(
    ("fields", "code", "kind"),
    [
        ({"roles": (("photos", Role.MANAGER),)}, "grant_too_wide", Kind.FORBIDDEN),
        ({"roles": (("", Role.EDITOR),)}, "folder_not_found", Kind.NOT_FOUND),
        ({"roles": (("work", Role.VIEWER),)}, "folder_not_found", Kind.NOT_FOUND),
        ({"roles": (("photos/none", Role.VIEWER),)}, "folder_not_found", Kind.NOT_FOUND),
        ({"roles": (("photos", Role.VIEWER),) * 81}, "too_many_entries", Kind.CONFLICT),
        ({"scopes": ("*",)}, "scope_too_wide", Kind.FORBIDDEN),
        ({"scopes": ("notes:read",)}, "scope_too_wide", Kind.FORBIDDEN),
        ({"scopes": ("Files",)}, "invalid_scope", Kind.INVALID),
        ({"scopes": tuple(f"s{number}" for number in range(51))}, "too_many_entries", Kind.CONFLICT),
        ({"rate": "often"}, "invalid_rate", Kind.INVALID),
        ({"rate": "1/minute" + " " * 60}, "invalid_rate", Kind.INVALID),
        ({"expires_at": 1}, "invalid_expiry", Kind.INVALID),
        ({"expires_at": LATEST_END + 1}, "invalid_expiry", Kind.INVALID),
        ({"label": "a\nb"}, "invalid_display_name", Kind.INVALID),
    ],
)
def test_what_a_key_cannot_be(office: Office, anna: Actor, fields: dict[str, object], code: str, kind: Kind) -> None:
    before = finish(office.store.find_standing())
    with refusing(code, kind):
        issue(office, anna, **fields)
    assert finish(office.store.find_standing()) == before


def test_a_narrow_key_makes_no_wide_one(office: Office, anna: Actor) -> None:
    narrow = evolve(anna, grants=(grant(Role.VIEWER, office.folders.chains["photos/sea"][-1]),))
    wide = finish(office.issue("anna", ("photos", Role.EDITOR)))
    with refusing("grant_too_wide", Kind.FORBIDDEN):
        issue(office, narrow)
    for steal in (
        lambda: office.issuer.rotate(narrow, wide.key.id, 60),
        lambda: office.issuer.edit_key(narrow, wide.key.id, KeyFields(label="mine")),
    ):
        with refusing("grant_too_wide", Kind.FORBIDDEN):
            finish(steal())
    everything = finish(office.issue("anna"))
    with refusing("grant_too_wide", Kind.FORBIDDEN):
        finish(office.issuer.rotate(narrow, everything.key.id, 60))
    unscoped = evolve(anna, scopes=frozenset({"accounts:write"}))
    with refusing("scope_too_wide", Kind.FORBIDDEN):
        finish(office.issuer.rotate(unscoped, everything.key.id, 60))


def test_who_manages_everything_may_not_get_more_scopes_by_a_key(office: Office, boss: Actor) -> None:
    everything = finish(office.issue("boss", scopes=("*",)))
    narrow = evolve(boss, scopes=frozenset({"accounts:write"}))
    with refusing("scope_too_wide", Kind.FORBIDDEN):
        finish(office.issuer.rotate(narrow, everything.key.id, 60))
    assert finish(office.issuer.issue(narrow, KeyFields())).key.scopes == frozenset()


def test_the_keys_of_others_are_not_there(office: Office, anna: Actor) -> None:
    others = finish(office.issue("bert")).key
    for ask in (
        lambda: office.issuer.find_key(anna, others.id),
        lambda: office.issuer.revoke(anna, others.id),
        lambda: office.issuer.rotate(anna, others.id, 60),
        lambda: office.issuer.edit_key(anna, others.id, KeyFields(label="mine")),
        lambda: office.issuer.find_key(anna, "nothing"),
        lambda: office.issuer.find_key(anna, "0" * 16),
    ):
        with refusing("key_not_found", Kind.NOT_FOUND):
            finish(ask())
    for name in ("bert", "nobody-at-all"):
        with refusing("user_not_found", Kind.NOT_FOUND):
            finish(office.issuer.list_keys(anna, 10, user=name))
        with refusing("user_not_found", Kind.NOT_FOUND):
            finish(office.issuer.issue(anna, KeyFields(), user=name))
    assert others not in finish(office.issuer.list_keys(anna, 10))


def test_only_managers_make_keys_of_programs(office: Office, anna: Actor, boss: Actor) -> None:
    asked = KeyFields(roles=(("photos", Role.VIEWER),))
    with refusing("managers_only", Kind.FORBIDDEN):
        finish(office.issuer.issue(anna, asked, program="camera"))
    key = finish(office.issuer.issue(boss, asked, program="Camera")).key
    assert (str(key.program), key.maker, key.holder) == ("camera", "boss", None)
    with refusing("grants_required", Kind.INVALID):
        finish(office.issuer.issue(boss, KeyFields(), program="camera"))
    with refusing("holder_required", Kind.INVALID):
        finish(office.issuer.issue(boss, asked, program="camera", user="anna"))
    with refusing("holder_required", Kind.INVALID):
        finish(office.issuer.issue(OWNER, asked))


def test_a_manager_has_all_keys(office: Office, anna: Actor, boss: Actor) -> None:
    own = finish(office.issuer.issue(anna, KeyFields())).key
    given = finish(office.issuer.issue(boss, KeyFields(), user="anna")).key
    listed = finish(office.issuer.list_keys(boss, 100))
    assert {own.id, given.id} <= {key.id for key in listed}
    assert [key.id for key in listed] == sorted(key.id for key in listed)
    of_anna = finish(office.issuer.list_keys(boss, 100, user="anna"))
    assert {key.holder for key in of_anna} == {own.holder}
    after = finish(office.issuer.list_keys(boss, 100, after=of_anna[0].id, user="anna"))
    assert after == of_anna[1:]


def test_a_program_has_no_keys_of_its_own(office: Office) -> None:
    issued = finish(office.issuer.issue(OWNER, KeyFields(roles=()), program="camera"))
    program = finish(office.resolve(issued))
    assert program is not None
    assert finish(office.issuer.list_keys(program, 10)) == []
    with refusing("holder_required", Kind.INVALID):
        finish(office.issuer.issue(program, KeyFields()))


def test_revoking_is_for_good_and_told_once(office: Office, anna: Actor) -> None:
    issued = finish(office.issuer.issue(anna, KeyFields()))
    settled = office.settled
    revoked = finish(office.issuer.revoke(anna, issued.key.id))
    assert revoked.revoked_at == office.now
    assert office.settled == settled + 1
    office.now += 5
    assert finish(office.issuer.revoke(anna, issued.key.id)) == revoked
    for again in (
        lambda: office.issuer.rotate(anna, issued.key.id, 60),
        lambda: office.issuer.edit_key(anna, issued.key.id, KeyFields(expires_at=0)),
    ):
        with refusing("key_ended", Kind.CONFLICT):
            finish(again())
    assert finish(office.resolve(issued)) is None


def test_a_rotation_overlaps(office: Office, anna: Actor) -> None:
    former = finish(office.issuer.issue(anna, KeyFields(label="a", rate="5/minute", expires_at=office.now + 9 * DAY)))
    office.now += DAY
    later = finish(office.issuer.rotate(anna, former.key.id, 60))
    assert (later.key.label, later.key.rate, later.key.scopes) == ("a", "5/minute", former.key.scopes)
    assert later.key.expires_at == office.now + 9 * DAY
    assert later.made.id != former.made.id
    office.now += 59 * SECOND
    assert finish(office.resolve(former)) == finish(office.resolve(later))
    assert finish(office.resolve(later)) is not None
    office.now += SECOND
    assert finish(office.resolve(former)) is None
    assert finish(office.resolve(later)) is not None


def test_a_rotation_prolongs_nothing(office: Office, anna: Actor) -> None:
    former = finish(office.issuer.issue(anna, KeyFields(expires_at=office.now + SECOND)))
    finish(office.issuer.rotate(anna, former.key.id, 60))
    assert finish(office.issuer.find_key(anna, former.key.id)).expires_at == office.now + SECOND
    forever = finish(office.issuer.issue(anna, KeyFields()))
    assert finish(office.issuer.rotate(anna, forever.key.id, 0)).key.expires_at is None
    assert finish(office.resolve(forever)) is None
    with refusing("invalid_overlap", Kind.INVALID):
        finish(office.issuer.rotate(anna, forever.key.id, 31 * 86_400))


def test_a_key_is_changed(office: Office, anna: Actor) -> None:
    issued = finish(office.issuer.issue(anna, KeyFields(label="a", rate="5/minute", expires_at=office.now + DAY)))
    edited = finish(office.issuer.edit_key(anna, issued.key.id, KeyFields(rate="", expires_at=0)))
    assert (edited.label, edited.rate, edited.expires_at, edited.grants) == ("a", None, None, None)
    narrowed = KeyFields(roles=(("photos/sea", Role.VIEWER),), scopes=())
    edited = finish(office.issuer.edit_key(anna, issued.key.id, narrowed))
    actor = finish(office.resolve(issued))
    assert actor is not None
    assert (actor.grants, actor.scopes) == (edited.grants, frozenset())


def test_a_key_that_lasts_as_long_as_can_be_lasts_no_longer_after_a_rotation(office: Office, anna: Actor) -> None:
    """Or else nobody could list it any more: its end would be no date."""
    former = finish(office.issuer.issue(anna, KeyFields(expires_at=LATEST_END)))
    office.now += DAY
    assert finish(office.issuer.rotate(anna, former.key.id, 0)).key.expires_at == LATEST_END
