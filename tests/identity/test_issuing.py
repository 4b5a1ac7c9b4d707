"""Use-cases of keys: nobody gets by a key what they have not themselves, and nobody has another one's keys."""

from __future__ import annotations

import pytest
from attrs import evolve

from cloudsvc.core.actors import OWNER, Actor, Role
from cloudsvc.core.errors import Kind
from cloudsvc.identity.issuing import KeyFields
from cloudsvc.identity.key_limits import is_within_rate
from cloudsvc.identity.keys import LATEST_END, Key
from cloudsvc.identity.linking import LinkFields
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
    assert (revoked.key.revoked_at, revoked.others) == (office.now, 0)
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


def limited(office: Office, **fields: object) -> tuple[Actor, Key]:
    """Anna, by a key that ends in a day or has a rate, and that key."""
    asked = {"scopes": ("files:read", "accounts:read", "accounts:write"), **fields}
    issued = finish(office.issue("anna", **asked))
    actor = finish(office.resolve(issued))
    assert actor is not None
    return actor, issued.key


def test_a_key_that_ends_makes_none_that_ends_later(office: Office) -> None:
    ends = office.now + DAY
    actor, key = limited(office, expires_at=ends)
    made = finish(office.issuer.issue(actor, KeyFields())).key
    assert (made.expires_at, made.made_by) == (ends, key.id)
    earlier = finish(office.issuer.issue(actor, KeyFields(expires_at=ends - 1))).key
    assert earlier.expires_at == ends - 1
    for wide in (0, ends + 1):
        with refusing("expiry_too_late", Kind.FORBIDDEN):
            issue(office, actor, expires_at=wide)
        for each in (key, made):
            with refusing("expiry_too_late", Kind.FORBIDDEN):
                finish(office.issuer.edit_key(actor, each.id, KeyFields(expires_at=wide)))
    forever = finish(office.issue("anna", scopes=("files:read",))).key
    for steal in (
        lambda: office.issuer.rotate(actor, forever.id, 60),
        lambda: office.issuer.edit_key(actor, forever.id, KeyFields(label="mine")),
    ):
        with refusing("expiry_too_late", Kind.FORBIDDEN):
            finish(steal())


def test_a_rotation_by_a_key_lasts_no_longer_than_that(office: Office) -> None:
    ends = office.now + DAY
    actor, key = limited(office, expires_at=ends)
    other = finish(office.issue("anna", scopes=("files:read",), expires_at=ends)).key
    office.now += DAY // 2
    for each in (other, key):
        rotated = finish(office.issuer.rotate(actor, each.id, 60)).key
        assert (rotated.expires_at, rotated.made_by) == (ends, key.id)


def test_a_key_with_a_rate_makes_no_others(office: Office) -> None:
    actor, key = limited(office, rate="10/minute")
    other = finish(office.issue("anna", scopes=("files:read",), rate="1/minute")).key
    for share in (
        lambda: office.issuer.issue(actor, KeyFields()),
        lambda: office.issuer.issue(actor, KeyFields(rate="1/minute")),
        lambda: office.issuer.rotate(actor, other.id, 0),
        lambda: office.issuer.rotate(actor, key.id, 60),
    ):
        with refusing("rate_not_shared", Kind.FORBIDDEN):
            finish(share())
    for wide in ("", "11/minute", "10/second", "100/hour"):
        for each in (key, other):
            with refusing("rate_too_fast", Kind.FORBIDDEN):
                finish(office.issuer.edit_key(actor, each.id, KeyFields(rate=wide)))
    assert finish(office.issuer.edit_key(actor, key.id, KeyFields(rate="5/minute"))).rate == "5/minute"
    rotated = finish(office.issuer.rotate(actor, key.id, 0)).key
    assert rotated.rate == "5/minute"


def test_a_key_changes_nothing_of_itself_but_to_narrow_it(office: Office) -> None:
    actor, key = limited(office, label="given")
    with refusing("own_key", Kind.FORBIDDEN):
        finish(office.issuer.edit_key(actor, key.id, KeyFields(label="mine")))
    narrow = KeyFields(roles=(("photos/sea", Role.VIEWER),), expires_at=office.now + DAY)
    assert finish(office.issuer.edit_key(actor, key.id, narrow)).expires_at == office.now + DAY
    # What it may do is asked anew, however it was when the request began.
    with refusing("expiry_too_late", Kind.FORBIDDEN):
        finish(office.issuer.edit_key(actor, key.id, KeyFields(expires_at=0)))
    with refusing("expiry_too_late", Kind.FORBIDDEN):
        issue(office, actor, expires_at=0)


def test_a_key_that_was_revoked_meanwhile_makes_no_others(office: Office) -> None:
    actor, key = limited(office)
    finish(office.issuer.revoke(OWNER, key.id))
    for ask in (
        lambda: office.issuer.issue(actor, KeyFields()),
        lambda: office.issuer.rotate(actor, key.id, 0),
    ):
        with refusing("key_ended", Kind.CONFLICT):
            finish(ask())


def test_what_was_made_by_a_key_ends_with_it(office: Office, anna: Actor) -> None:
    actor, key = limited(office)
    child = finish(office.issuer.issue(actor, KeyFields(scopes=("accounts:write",))))
    second = finish(office.resolve(child))
    assert second is not None
    grandchild = finish(office.issuer.issue(second, KeyFields()))
    successor = finish(office.issuer.rotate(actor, key.id, 60))
    others = finish(office.issuer.list_keys(anna, 10, made_by=key.id))
    assert {each.id for each in others} == {each.key.id for each in (child, grandchild, successor)}
    assert finish(office.issuer.list_keys(OWNER, 10, made_by="none")) == []
    # Also after it has ended by itself.
    office.now += 60 * SECOND
    assert finish(office.issuer.revoke(anna, key.id, descendants=False)).others == 0
    assert finish(office.resolve(grandchild)) is not None
    settled = office.settled
    assert finish(office.issuer.revoke(anna, key.id)).others == 3
    assert office.settled == settled + 1
    assert [finish(office.resolve(each)) for each in (child, grandchild, successor)] == [None] * 3
    assert finish(office.resolve(finish(office.issuer.issue(anna, KeyFields())))) is not None
    assert finish(office.issuer.revoke(anna, key.id)).others == 0


def test_links_that_end_after_their_key_have_ended_when_it_is_said(office: Office) -> None:
    finish(office.add_user("carl", ("", Role.VIEWER)))
    issued = finish(office.issue("carl"))
    carl = finish(office.resolve(issued))
    assert carl is not None
    made = finish(office.linker.make(carl, "", Role.VIEWER, LinkFields()))
    finish(office.issuer.revoke(OWNER, issued.key.id, descendants=False))
    assert finish(office.linker.find_link(OWNER, made.link.id)).revoked_at is None
    settled = office.settled
    assert finish(office.issuer.revoke(OWNER, issued.key.id)).others == 0
    assert office.settled == settled + 1
    assert finish(office.linker.find_link(OWNER, made.link.id)).revoked_at is not None


@pytest.mark.parametrize(
    ("rate", "most", "is_within"),
    [
        (None, None, True),
        (None, "1/day", False),
        ("1/day", None, True),
        ("10/minute", "10/minute", True),
        ("10/minute", "600/hour", True),
        ("600/hour", "10/minute", False),
        ("1/second", "10/minute", False),
        ("1/hour", "10/minute", True),
    ],
)
def test_rates_that_let_through_no_more(rate: str | None, most: str | None, *, is_within: bool) -> None:
    assert is_within_rate(rate, most) is is_within
