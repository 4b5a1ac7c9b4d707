"""Second factors: who has one is asked for it, each code is good once, and who does not have it stays out."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import pyotp
import pytest

from cloudsvc.access.throttling.passwords import CODE_RATE
from cloudsvc.core.actors import OWNER, Actor, Role
from cloudsvc.core.errors import Kind
from cloudsvc.core.secrets import Secret
from cloudsvc.identity.bounds import MAX_PENDING_TRIES, PENDING_SECONDS, RECENT_SECONDS
from cloudsvc.identity.directory import UserFields
from cloudsvc.identity.factors import FactorKind
from cloudsvc.identity.second_factor import Asked, ShownFactor
from cloudsvc.identity.signing_in import Begun, Proof
from cloudsvc.identity.totp import STEP_SECONDS
from tests.support.accounts import SECOND, Office
from tests.support.coroutines import finish
from tests.support.identity_stores import refusing

PASSWORD = "correct horse battery"  # of nobody but tests
OTHER = "another horse battery"
STEP = STEP_SECONDS * SECOND
CLIENTS = count()


@pytest.fixture
def office() -> Office:
    office = Office()
    office.folders.make("photos")
    finish(office.add_user("anna", ("photos", Role.EDITOR), password=PASSWORD))
    finish(office.add_user("bert", password=OTHER))
    finish(office.add_user("boss", ("", Role.MANAGER), scopes=("*",), password=PASSWORD))
    return office


def prove(office: Office, name: str = "anna", password: str = PASSWORD) -> Proof:
    # From somewhere else each time: how many passwords are tried is another matter.
    return finish(office.signing_in.prove_password(name, Secret(password), client=str(next(CLIENTS))))


def begin(office: Office, proof: Proof) -> Begun:
    return finish(office.signing_in.begin(proof, "browser"))


def act(office: Office, begun: Begun) -> Actor:
    found = finish(office.session_resolver.resolve(begun.text.reveal().encode()))
    assert found is not None
    return found.actor


def show(office: Office, secret: Secret) -> Secret:
    """What an authenticator shows now."""
    return Secret(pyotp.TOTP(secret.reveal()).at(office.now // SECOND))


def enrol(office: Office, name: str = "anna", password: str = PASSWORD) -> tuple[Secret, tuple[Secret, ...], Begun]:
    """A user with an authenticator: its secret, their recovery codes, and the session that goes on."""
    begun = begin(office, prove(office, name, password))
    actor, session = act(office, begun), begun.session.id
    made = finish(office.enrolment.propose_totp(actor, session, "cloudsvc"))
    codes = finish(office.enrolment.confirm_totp(actor, session, show(office, made.secret)))
    office.now += STEP
    return made.secret, codes, begun


def ask(office: Office) -> Asked:
    asked = finish(office.second_factor.ask(prove(office)))
    assert asked is not None
    return asked


def answer(office: Office, asked: Asked, code: Secret, device: bytes = b"") -> Begun:
    return begin(office, finish(office.second_factor.prove(asked.text, ShownFactor(code=code), device=device)))


def test_a_password_is_enough_until_there_is_a_factor(office: Office) -> None:
    proof = prove(office)
    assert finish(office.second_factor.ask(proof)) is None
    begin(office, proof)
    secret, _, _ = enrol(office)
    again = prove(office)
    with refusing("second_factor_required", Kind.FORBIDDEN):
        begin(office, again)
    # Nor is one that was shown before.
    with refusing("wrong_password", Kind.FORBIDDEN):
        begin(office, proof)
    asked = finish(office.second_factor.ask(again))
    assert asked is not None
    assert asked.kinds == (FactorKind.TOTP, FactorKind.RECOVERY_CODE)
    assert asked.text.reveal() not in repr(asked)
    begun = answer(office, asked, show(office, secret))
    assert act(office, begun).name == "anna"
    # It is over with that, and so is the code.
    with refusing("sign_in_over", Kind.FORBIDDEN):
        answer(office, asked, show(office, secret))
    with refusing("wrong_factor", Kind.FORBIDDEN):
        answer(office, ask(office), show(office, secret))
    assert finish(office.second_factor.ask(prove(office, "bert", OTHER))) is None


def test_setting_up_ends_other_sessions_and_counts_once_it_is_confirmed(office: Office) -> None:
    elsewhere, here = begin(office, prove(office)), begin(office, prove(office))
    actor, session = act(office, here), here.session.id
    first = finish(office.enrolment.propose_totp(actor, session, "cloudsvc"))
    made = finish(office.enrolment.propose_totp(actor, session, "cloudsvc"))
    assert made.secret.reveal() in made.uri.reveal()
    assert finish(office.second_factor.ask(prove(office))) is None
    for wrong in (show(office, first.secret), Secret("000000"), Secret("")):
        with refusing("wrong_factor", Kind.FORBIDDEN):
            finish(office.enrolment.confirm_totp(actor, session, wrong))
    assert finish(office.session_resolver.find_again(elsewhere.session.id)) is not None
    codes = finish(office.enrolment.confirm_totp(actor, session, show(office, made.secret)))
    assert len(codes) == 10
    assert finish(office.session_resolver.find_again(elsewhere.session.id)) is None
    assert act(office, here) == actor
    with refusing("totp_exists", Kind.CONFLICT):
        finish(office.enrolment.propose_totp(actor, session, "cloudsvc"))
    with refusing("totp_exists", Kind.CONFLICT):
        finish(office.enrolment.confirm_totp(actor, session, show(office, made.secret)))
    # The code by which it was confirmed lets nobody in.
    with refusing("wrong_factor", Kind.FORBIDDEN):
        answer(office, ask(office), show(office, made.secret))


def test_recovery_codes_are_good_once_each(office: Office) -> None:
    _, codes, begun = enrol(office)
    for code in codes[:2]:
        shown = ShownFactor(recovery_code=code)
        begin(office, finish(office.second_factor.prove(ask(office).text, shown)))
        with refusing("wrong_factor", Kind.FORBIDDEN):
            finish(office.second_factor.prove(ask(office).text, shown))
    actor = act(office, begun)
    assert finish(office.enrolment.list_factors(actor)).recovery_codes == 8
    renewed = finish(office.enrolment.renew_recovery_codes(actor, begun.session.id))
    with refusing("wrong_factor", Kind.FORBIDDEN):
        finish(office.second_factor.prove(ask(office).text, ShownFactor(recovery_code=codes[2])))
    finish(office.second_factor.prove(ask(office).text, ShownFactor(recovery_code=renewed[0])))


@pytest.mark.parametrize(
    "shown",
    [
        ShownFactor(),
        ShownFactor(code=Secret("")),
        ShownFactor(recovery_code=Secret("")),
        ShownFactor(code=Secret("1" * 10_000)),
        ShownFactor(recovery_code=Secret("\ud800")),
    ],
)
def test_what_is_no_factor(office: Office, shown: ShownFactor) -> None:
    enrol(office)
    with refusing("wrong_factor", Kind.FORBIDDEN):
        finish(office.second_factor.prove(ask(office).text, shown))


def test_the_code_of_somebody_else_is_wrong(office: Office) -> None:
    enrol(office)
    office.now += STEP
    theirs, codes, _ = enrol(office, "bert", OTHER)
    with refusing("wrong_factor", Kind.FORBIDDEN):
        answer(office, ask(office), show(office, theirs))
    with refusing("wrong_factor", Kind.FORBIDDEN):
        finish(office.second_factor.prove(ask(office).text, ShownFactor(recovery_code=codes[0])))


@pytest.mark.parametrize("text", ["", "csp_", "csp_" + "0" * 88, "css_" + "0" * 88, "\ud800"])
def test_what_does_not_wait(office: Office, text: str) -> None:
    secret, codes, _ = enrol(office)
    for shown in (ShownFactor(code=show(office, secret)), ShownFactor(recovery_code=codes[0])):
        with refusing("sign_in_over", Kind.FORBIDDEN):
            finish(office.second_factor.prove(Secret(text), shown))
    # Nothing of it was used up.
    answer(office, ask(office), show(office, secret))


OVER: dict[str, Callable[[Office], object]] = {
    "late": lambda office: setattr(office, "now", office.now + PENDING_SECONDS * SECOND),
    "disabled": lambda office: finish(office.directory.edit_user(OWNER, "anna", UserFields(disabled=True))),
    "void": lambda office: finish(office.store.void_credentials()),
    "not trusted": lambda office: setattr(office, "is_trusted", False),
    "removed": lambda office: finish(office.directory.remove_user(OWNER, "anna")),
    "another password": lambda office: finish(office.directory.edit_user(OWNER, "anna", UserFields(password=OTHER))),
    "no password": lambda office: finish(office.directory.edit_user(OWNER, "anna", UserFields(password=""))),
    "reset": lambda office: finish(office.enrolment.reset(OWNER, "anna")),
}


@pytest.mark.parametrize("happen", OVER.values(), ids=OVER.keys())
def test_what_ends_a_sign_in_that_waits(office: Office, happen: Callable[[Office], object]) -> None:
    secret, codes, _ = enrol(office)
    asked = ask(office)
    happen(office)
    for shown in (ShownFactor(code=show(office, secret)), ShownFactor(recovery_code=codes[0])):
        with refusing("sign_in_over", Kind.FORBIDDEN):
            finish(office.second_factor.prove(asked.text, shown))


def test_who_was_proven_before_gets_no_session_after_the_factors_have_changed(office: Office) -> None:
    secret, _, begun = enrol(office)
    proof = finish(office.second_factor.prove(ask(office).text, ShownFactor(code=show(office, secret))))
    finish(office.enrolment.remove_totp(act(office, begun), begun.session.id))
    with refusing("wrong_password", Kind.FORBIDDEN):
        begin(office, proof)
    begin(office, prove(office))


def test_tries_are_few_in_one_sign_in(office: Office) -> None:
    secret, _, _ = enrol(office)
    asked = ask(office)
    for _ in range(MAX_PENDING_TRIES):
        with refusing("wrong_factor", Kind.FORBIDDEN):
            answer(office, asked, Secret("000000"))
    with refusing("sign_in_over", Kind.FORBIDDEN):
        answer(office, asked, show(office, secret))
    answer(office, ask(office), show(office, secret))


def test_tries_are_few_in_all_and_a_device_that_is_known_has_its_own(office: Office) -> None:
    secret, _, _ = enrol(office)
    proof = finish(office.second_factor.prove(ask(office).text, ShownFactor(code=show(office, secret))))
    assert proof.device is not None
    device = proof.device.reveal().encode()
    office.now += STEP
    for _ in range(CODE_RATE.amount - 1):
        with refusing("wrong_factor", Kind.FORBIDDEN):
            answer(office, ask(office), Secret("000000"))
    asked = ask(office)
    with refusing("too_many_tries", Kind.THROTTLED):
        answer(office, asked, show(office, secret))
    answer(office, asked, show(office, secret), device)
    # Who has shown no password takes no try from anybody.
    for _ in range(CODE_RATE.amount):
        with refusing("sign_in_over", Kind.FORBIDDEN):
            finish(office.second_factor.prove(Secret("csp_" + "0" * 88), ShownFactor(code=Secret("000000"))))
    office.now += STEP
    answer(office, ask(office), show(office, secret), device)


def test_factors_are_changed_shortly_after_signing_in_and_never_by_a_key(office: Office) -> None:
    begun = begin(office, prove(office))
    actor, session = act(office, begun), begun.session.id
    theirs = begin(office, prove(office, "bert", OTHER)).session.id
    key = finish(office.issue("anna", scopes=("accounts:read", "accounts:write")))
    by_key = begin(office, finish(office.signing_in.prove_key(key.key.id)))
    changes = (
        lambda each, at: office.enrolment.propose_totp(each, at, "cloudsvc"),
        lambda each, at: office.enrolment.confirm_totp(each, at, Secret("000000")),
        office.enrolment.remove_totp,
        office.enrolment.renew_recovery_codes,
    )
    for change in changes:
        for who, by in ((actor, None), (act(office, by_key), by_key.session.id), (actor, theirs)):
            with refusing("recent_sign_in_required", Kind.FORBIDDEN):
                finish(change(who, by))
        for who in (OWNER, Actor(name="program:camera", scopes=frozenset())):
            with refusing("users_only", Kind.FORBIDDEN):
                finish(change(who, session))
    office.now += RECENT_SECONDS * SECOND - 1
    finish(office.enrolment.propose_totp(actor, session, "cloudsvc"))
    office.now += 1
    for change in changes:
        with refusing("recent_sign_in_required", Kind.FORBIDDEN):
            finish(change(actor, session))


def test_managers_reset_what_others_have_lost(office: Office) -> None:
    _, _, begun = enrol(office)
    boss = finish(office.act("boss"))
    for who in (act(office, begun), finish(office.act("bert"))):
        with refusing("managers_only", Kind.FORBIDDEN):
            finish(office.enrolment.reset(who, "anna"))
    with refusing("own_factors", Kind.FORBIDDEN):
        finish(office.enrolment.reset(boss, "boss"))
    with refusing("user_not_found", Kind.NOT_FOUND):
        finish(office.enrolment.reset(boss, "carl"))
    limited = finish(office.resolve(finish(office.issue("boss", scopes=("*",), rate="5/minute"))))
    assert limited is not None
    with refusing("password_too_wide", Kind.FORBIDDEN):
        finish(office.enrolment.reset(limited, "anna"))
    assert finish(office.enrolment.reset(boss, "anna"))
    assert not finish(office.enrolment.reset(boss, "anna"))
    assert finish(office.session_resolver.find_again(begun.session.id)) is None
    begin(office, prove(office))
