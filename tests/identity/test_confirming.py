"""Another way to sign in, which users ask for in a session: they show for it all that they have to show."""

from __future__ import annotations

import pyotp
import pytest

from cloudsvc.core.actors import Actor
from cloudsvc.core.errors import Kind
from cloudsvc.core.secrets import Secret
from cloudsvc.identity.bounds import RECENT_SECONDS
from cloudsvc.identity.signing_in import Begun, Proof
from tests.support.accounts import SECOND, Office
from tests.support.coroutines import finish
from tests.support.identity_stores import make_subject, refusing

PASSWORD = "correct horse battery"  # of nobody but tests


@pytest.fixture
def office() -> Office:
    return Office()


def sign_in(office: Office) -> Begun:
    proof = finish(office.signing_in.prove_password("anna", Secret(PASSWORD), client="home"))
    return finish(office.signing_in.begin(proof))


def act(office: Office, begun: Begun) -> Actor:
    found = finish(office.session_resolver.find_again(begun.session.id))
    assert found is not None
    return found.actor


def test_a_password_will_do_for_whom_it_lets_in(office: Office) -> None:
    finish(office.add_user("anna", password=PASSWORD))
    begun = sign_in(office)
    office.now += RECENT_SECONDS * SECOND
    actor = act(office, begun)
    assert finish(office.signing_in.confirm(actor, begun.session.id, Secret(PASSWORD))).id == begun.user.id
    for wrong in (Secret("another horse battery"), None):
        with refusing("wrong_password", Kind.FORBIDDEN):
            finish(office.signing_in.confirm(actor, begun.session.id, wrong))


def test_whoever_has_a_second_factor_has_shown_it_shortly_before(office: Office) -> None:
    finish(office.add_user("anna", password=PASSWORD))
    begun = sign_in(office)
    actor, session = act(office, begun), begun.session.id
    made = finish(office.enrolment.propose_totp(actor, session, "cloudsvc"))
    code = Secret(pyotp.TOTP(made.secret.reveal()).at(office.now // SECOND))
    finish(office.enrolment.confirm_totp(actor, session, code))
    office.now += RECENT_SECONDS * SECOND - 1
    finish(office.signing_in.confirm(actor, session, Secret(PASSWORD)))
    office.now += 1
    with refusing("recent_sign_in_required", Kind.FORBIDDEN):
        finish(office.signing_in.confirm(actor, session, Secret(PASSWORD)))


def test_whoever_has_no_password_has_signed_in_shortly_before(office: Office) -> None:
    user = finish(office.add_user("anna"))
    subject = finish(office.store.add_subject(make_subject(user)))
    begun = finish(office.signing_in.begin(Proof(user=user, subject=subject.id)))
    actor, session = act(office, begun), begun.session.id
    assert finish(office.signing_in.confirm(actor, session, None)).id == user.id
    office.now += RECENT_SECONDS * SECOND
    with refusing("recent_sign_in_required", Kind.FORBIDDEN):
        finish(office.signing_in.confirm(actor, session, None))
