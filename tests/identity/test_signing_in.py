"""Signing in and out: who gets a session, what it may do, and what ends it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from argon2 import PasswordHasher

from cloudsvc.access.throttling.passwords import DEVICE_RATE, NAME_RATE
from cloudsvc.core.actors import OWNER, Actor, Payer, Role
from cloudsvc.core.errors import CloudError, Kind
from cloudsvc.core.secrets import Secret
from cloudsvc.identity.bounds import SEEN_SECONDS, SESSION_IDLE_SECONDS, SESSION_SECONDS
from cloudsvc.identity.directory import UserFields
from cloudsvc.identity.issuing import KeyFields
from cloudsvc.identity.names import parse_account_name
from cloudsvc.identity.session_resolving import ResolvedSession
from cloudsvc.identity.sessions import make_session
from cloudsvc.identity.signing_in import Begun
from cloudsvc.identity.store import NewPassword
from tests.support.accounts import SECOND, Office
from tests.support.coroutines import finish
from tests.support.identity_stores import grant, refusing

PASSWORD = "correct horse battery"  # of nobody but tests
OTHER = "another horse battery"
IDLE = SESSION_IDLE_SECONDS * 1_000_000
SEEN = SEEN_SECONDS * 1_000_000


@pytest.fixture
def office() -> Office:
    office = Office()
    for path in ("photos", "work"):
        office.folders.make(path)
    finish(office.add_user("anna", ("photos", Role.EDITOR), ("work", Role.VIEWER), password=PASSWORD))
    finish(office.add_user("boss", ("", Role.MANAGER), scopes=("*",)))
    return office


def sign_in(office: Office, name: str = "anna", password: str = PASSWORD) -> Begun:
    return finish(
        office.signing_in.begin(
            finish(office.signing_in.prove_password(name, Secret(password), client="here")), "browser"
        )
    )


def resolve(office: Office, begun: Begun) -> ResolvedSession | None:
    return finish(office.session_resolver.resolve(begun.text.reveal().encode()))


def act(office: Office, begun: Begun) -> Actor:
    found = resolve(office, begun)
    assert found is not None
    return found.actor


def is_let_in(office: Office, begun: Begun) -> bool:
    again = finish(office.session_resolver.find_again(begun.session.id))
    found = resolve(office, begun)
    assert (again is None) == (found is None)
    return found is not None


def test_a_session_may_what_its_user_may(office: Office) -> None:
    begun = sign_in(office, "ANNA")
    user = finish(office.directory.find_user(OWNER, "anna"))
    assert act(office, begun) == Actor(name="anna", scopes=user.scopes, grants=user.grants)
    finish(office.directory.withdraw_role(OWNER, "anna", office.folders.chains["work"][-1]))
    assert act(office, begun).grants == (grant(Role.EDITOR, office.folders.chains["photos"][-1]),)
    assert begun.text.reveal() not in repr(begun)


def test_what_is_stored_in_a_session_counts_to_its_user(office: Office) -> None:
    begun = sign_in(office)
    assert act(office, begun).payer == Payer(name="anna")
    finish(office.directory.edit_user(OWNER, "anna", UserFields(quota=5)))
    assert act(office, begun).payer == Payer(name="anna", quota=5)


def test_a_wrong_secret_is_nobody(office: Office) -> None:
    begun = sign_in(office)
    for shown in (b"", begun.text.reveal()[:-1].encode() + b"g", make_session().text.reveal().encode()):
        assert finish(office.session_resolver.resolve(shown)) is None
    forged = begun.text.reveal()[:-64] + "0" * 64
    assert finish(office.session_resolver.resolve(forged.encode())) is None


@pytest.mark.parametrize(
    ("name", "password"), [("anna", OTHER), ("bert", PASSWORD), ("not a name", PASSWORD), ("boss", PASSWORD), ("", "")]
)
def test_what_is_wrong_nobody_is_told(office: Office, name: str, password: str) -> None:
    with refusing("wrong_password", Kind.FORBIDDEN):
        sign_in(office, name, password)


DENIED: dict[str, Callable[[Office], object]] = {
    "disabled": lambda office: finish(office.directory.edit_user(OWNER, "anna", UserFields(disabled=True))),
    "void": lambda office: finish(office.store.void_credentials()),
    "not trusted": lambda office: setattr(office, "is_trusted", False),
    "removed": lambda office: finish(office.directory.remove_user(OWNER, "anna")),
    "another password": lambda office: finish(office.directory.edit_user(OWNER, "anna", UserFields(password=OTHER))),
    "no password": lambda office: finish(office.directory.edit_user(OWNER, "anna", UserFields(password=""))),
}


@pytest.mark.parametrize("deny", DENIED.values(), ids=DENIED.keys())
def test_what_takes_a_password_away_ends_sessions_too(office: Office, deny: Callable[[Office], object]) -> None:
    begun = sign_in(office)
    proof = finish(office.signing_in.prove_password("anna", Secret(PASSWORD), client="here"))
    assert is_let_in(office, begun)
    deny(office)
    assert not is_let_in(office, begun)
    with refusing("wrong_password", Kind.FORBIDDEN):
        sign_in(office)
    if office.is_trusted:
        # Who was proven before that gets none after it.
        with refusing("wrong_password", Kind.FORBIDDEN):
            finish(office.signing_in.begin(proof))


def test_idle_and_old_sessions_end(office: Office) -> None:
    begun = sign_in(office)
    idle = sign_in(office)
    start = office.now
    for _ in range(int(SESSION_SECONDS / SESSION_IDLE_SECONDS) * 2 - 1):
        office.now += IDLE // 2
        assert is_let_in(office, begun)
        noted = office.seen.find_noted()
        finish(office.store.note_seen(noted))
        office.seen.forget(noted)
        assert office.seen.find_noted() == {}
    assert not is_let_in(office, idle)
    office.now = start + SESSION_SECONDS * 1_000_000 - 1
    assert is_let_in(office, begun)
    office.now += 1
    assert not is_let_in(office, begun)


def test_who_was_seen_is_not_idle_before_it_is_written_down(office: Office) -> None:
    begun = sign_in(office)
    office.now = begun.session.expires_at - 1
    found = resolve(office, begun)
    assert found is not None
    assert found.until > office.now + IDLE - SEEN
    office.now += SEEN
    assert is_let_in(office, begun)
    assert len(office.seen.find_noted()) == 1


def test_a_session_of_a_key_does_no_more_than_the_key_and_ends_with_it(office: Office) -> None:
    issued = finish(
        office.issuer.issue(OWNER, KeyFields(roles=[("photos", Role.VIEWER)], scopes=("files:read",)), user="anna")
    )
    begun = finish(office.signing_in.begin(finish(office.signing_in.prove_key(issued.key.id))))
    found = resolve(office, begun)
    assert found is not None
    assert found.actor == finish(office.resolve(issued))
    assert found.actor.scopes == {"files:read"}
    assert found.actor.key == issued.key.id
    finish(office.issuer.revoke(OWNER, issued.key.id))
    assert not is_let_in(office, begun)


def test_many_sessions_are_resolved_again_at_once(office: Office) -> None:
    """As each of them would be, by one question about the folders."""
    kept = [sign_in(office) for _ in range(3)]
    keys = [finish(office.issue("anna", ("photos", Role.VIEWER), scopes=("files:read",))) for _ in range(3)]
    kept += [finish(office.signing_in.begin(finish(office.signing_in.prove_key(each.key.id)))) for each in keys]
    ended = kept.pop()
    finish(office.issuer.revoke(OWNER, keys[-1].key.id))
    ids = [each.session.id for each in (*kept, ended)]
    asked = office.folders.asked
    found = finish(office.session_resolver.find_some_again([*ids, make_session().id]))
    assert office.folders.asked == asked + 1
    assert dict(found) == {
        each.session.id: finish(office.session_resolver.find_again(each.session.id)) for each in kept
    }
    assert None not in found.values()


def test_a_key_with_a_rate_begins_no_session(office: Office) -> None:
    issued = finish(office.issue("anna", rate="5/minute"))
    with refusing("key_has_rate", Kind.FORBIDDEN):
        finish(office.signing_in.prove_key(issued.key.id))
    other = finish(office.issue("anna"))
    begun = finish(office.signing_in.begin(finish(office.signing_in.prove_key(other.key.id))))
    finish(office.issuer.edit_key(OWNER, other.key.id, KeyFields(rate="5/minute")))
    assert not is_let_in(office, begun)


def test_the_owner_and_programs_have_no_sessions(office: Office) -> None:
    issued = finish(office.issuer.issue(OWNER, KeyFields(roles=[("photos", Role.UPLOADER)]), program="camera"))
    with refusing("users_only", Kind.FORBIDDEN):
        finish(office.signing_in.prove_key(issued.key.id))
    with refusing("users_only", Kind.FORBIDDEN):
        finish(office.signing_in.list_sessions(OWNER))


def test_everybody_ends_their_own_and_managers_any(office: Office) -> None:
    first, second, third = sign_in(office), sign_in(office), sign_in(office)
    finish(office.add_user("bert", ("photos", Role.MANAGER)))
    anna, bert, boss = act(office, first), finish(office.act("bert")), finish(office.act("boss"))
    for ask in (
        lambda: office.signing_in.list_sessions(bert, "anna"),
        lambda: office.signing_in.end_session(bert, first.session.id, "anna"),
        lambda: office.signing_in.end_sessions(bert, "anna"),
    ):
        with refusing("user_not_found", Kind.NOT_FOUND):
            finish(ask())
    for session in (first.session.id, "no session"):
        with refusing("session_not_found", Kind.NOT_FOUND):
            finish(office.signing_in.end_session(bert, session))
    assert len(finish(office.signing_in.list_sessions(anna, "anna"))) == 3
    settled = office.settled
    finish(office.signing_in.end_session(anna, second.session.id))
    assert office.settled == settled + 1
    assert [is_let_in(office, each) for each in (first, second, third)] == [True, False, True]
    assert finish(office.signing_in.end_sessions(anna, keeps=first.session.id)) == 1
    assert [each.id for each in finish(office.signing_in.list_sessions(boss, "anna"))] == [first.session.id]
    assert finish(office.signing_in.end_sessions(boss, "anna")) == 1
    assert not is_let_in(office, first)


def test_whoever_changes_their_password_stays_and_others_go(office: Office) -> None:
    here, elsewhere = sign_in(office), sign_in(office)
    anna = act(office, here)
    with refusing("wrong_password", Kind.FORBIDDEN):
        finish(office.signing_in.change_password(anna, Secret(OTHER), OTHER))
    with refusing("invalid_password", Kind.INVALID):
        finish(office.signing_in.change_password(anna, Secret(PASSWORD), "short"))
    assert is_let_in(office, elsewhere)
    finish(office.signing_in.change_password(anna, Secret(PASSWORD), OTHER, keeps=here.session.id))
    assert [is_let_in(office, each) for each in (here, elsewhere)] == [True, False]
    sign_in(office, password=OTHER)


def test_an_outdated_hash_is_renewed(office: Office) -> None:
    text = "b\N{LATIN SMALL LETTER U WITH DIAERESIS}cher und horses"
    former = Secret(PasswordHasher(time_cost=1, memory_cost=1024).hash(text))
    name = parse_account_name("anna")
    user = finish(office.store.find_user(name))
    assert user is not None
    finish(office.store.replace_user(user, NewPassword(hash=former)))
    begun = sign_in(office, password="bu\N{COMBINING DIAERESIS}cher und horses")
    login = finish(office.store.find_login(name))
    assert login is not None
    assert login.hash != former
    assert is_let_in(office, begun)
    sign_in(office, password=text)


def try_password(office: Office, client: str, password: str, device: bytes = b"") -> str:
    """What comes of it: the code of the error, or nothing."""
    try:
        finish(office.signing_in.prove_password("anna", Secret(password), client=client, device=device))
    except CloudError as problem:
        return problem.code
    return ""


def test_guesses_of_others_keep_nobody_from_a_device_that_is_known(office: Office) -> None:
    proof = finish(office.signing_in.prove_password("anna", Secret(PASSWORD), client="home"))
    assert proof.device is not None
    device = proof.device.reveal().encode()
    for number in range(NAME_RATE.amount):
        with suppress(CloudError):
            finish(office.tries.admit(f"guesser-{number}", "anna", None))
    assert try_password(office, "guesser", PASSWORD) == "too_many_tries"
    assert try_password(office, "home", PASSWORD) == "too_many_tries"
    assert try_password(office, "home", PASSWORD, device[:-1] + b"x") == "too_many_tries"
    assert try_password(office, "home", OTHER, device) == "wrong_password"
    assert try_password(office, "anywhere", PASSWORD, device) == ""
    office.now += NAME_RATE.seconds * SECOND
    assert try_password(office, "home", PASSWORD) == ""


def test_who_is_let_in_guesses_no_former_password_either(office: Office) -> None:
    anna = act(office, sign_in(office))
    for _ in range(DEVICE_RATE.amount):
        with refusing("wrong_password", Kind.FORBIDDEN):
            finish(office.signing_in.change_password(anna, Secret("x"), OTHER))
    with refusing("too_many_tries", Kind.THROTTLED):
        finish(office.signing_in.change_password(anna, Secret(PASSWORD), OTHER))
    # Nor does that keep anybody from signing in.
    sign_in(office)
