"""Routes of passkeys: adding one, and signing in by it alone or after a password, over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from attrs import evolve

from cloudsvc.core.actors import OWNER, Role
from cloudsvc.identity.bounds import MAX_USER_PASSKEYS
from cloudsvc.identity.challenges import CHALLENGE_SECONDS
from cloudsvc.identity.directory import UserFields
from tests.api.identity.test_sessions import OURS, PASSWORD, Cookies, Got, read_cookies, send, sign_in
from tests.support.accounts import SECOND
from tests.support.authenticators import Authenticator, decode, encode
from tests.support.coroutines import finish
from tests.support.identity_site import IdentitySite


@pytest.fixture
def site() -> Iterator[IdentitySite]:
    site = IdentitySite()
    site.office.folders.make("photos")
    finish(site.office.add_user("anna", ("photos", Role.MANAGER), password=PASSWORD))
    finish(site.office.add_user("bert", password=PASSWORD))
    site.start()
    yield site
    site.stop()


def offer(site: IdentitySite, cookies: Cookies) -> Any:
    answer = send(site, "POST", "/me/factors/passkeys/options", cookies.line, OURS)
    assert answer.status == 200, answer.json
    return answer.json["options"]


def add(site: IdentitySite, cookies: Cookies, authenticator: Authenticator) -> Got:
    made = authenticator.create(offer(site, cookies))
    return send(site, "POST", "/me/factors/passkeys", cookies.line, OURS, body={"passkey": made, "label": "phone"})


def have(site: IdentitySite, name: str = "anna") -> tuple[Authenticator, Cookies]:
    """An authenticator with a passkey of a user."""
    authenticator, cookies = Authenticator(), read_cookies(sign_in(site, name=name))
    added = add(site, cookies, authenticator)
    assert added.status == 201, added.json
    return authenticator, cookies


def ask(site: IdentitySite) -> Any:
    return send(site, "POST", "/sessions/passkey/options", OURS).json["options"]


def show(site: IdentitySite, answer: dict[str, Any]) -> Got:
    return send(site, "POST", "/sessions/passkey", OURS, body={"passkey": answer, "label": "browser"})


def go_on(site: IdentitySite, asked: Got, answer: dict[str, Any]) -> Got:
    body = {"pending": asked.json["pending"], "passkey": answer}
    return send(site, "POST", "/sessions/second-factor", OURS, body=body)


def is_refused(answer: Got, error: str = "wrong_passkey") -> bool:
    return (answer.status, answer.json["error"], answer.cookies) == (403, error, [])


def test_from_adding_one_to_signing_in_by_it_alone(site: IdentitySite) -> None:
    there, here = read_cookies(sign_in(site)), read_cookies(sign_in(site))
    authenticator = Authenticator()
    options = offer(site, here)
    assert (options["rp"]["id"], options["user"]["name"]) == ("cloud.example", "anna")
    assert options["authenticatorSelection"]["userVerification"] == "required"
    added = add(site, here, authenticator)
    assert added.status == 201, added.json
    assert len(added.json["recovery_codes"]) == 10
    assert [send(site, "GET", "/me", each.line).status for each in (here, there)] == [200, 401]
    [listed] = send(site, "GET", "/me/factors", here.line).json["passkeys"]
    assert (listed["label"], listed["host"], listed["used_at"]) == ("phone", "cloud.example", None)
    # No other authenticator is asked for by it, and this one for no other.
    assert [decode(each["id"]) for each in offer(site, here)["excludeCredentials"]] == [authenticator.credential]
    request = ask(site)
    assert (request["rpId"], request["allowCredentials"], request["userVerification"]) == (
        *("cloud.example", [], "required"),
    )
    begun = show(site, authenticator.get(request))
    cookies = read_cookies(begun)
    assert (begun.json["name"], begun.json["session"]["label"]) == ("anna", "browser")
    assert send(site, "GET", "/me", cookies.line).json["name"] == "anna"
    # By it more are added, and it is taken away.
    more = add(site, cookies, Authenticator())
    assert (more.status, more.json["recovery_codes"]) == (201, [])
    path = f"/me/factors/passkeys/{listed['id']}"
    assert send(site, "PATCH", path, cookies.line, OURS, body={"label": "old phone"}).status == 200
    labels = {each["id"]: each["label"] for each in send(site, "GET", "/me/factors", cookies.line).json["passkeys"]}
    assert labels == {listed["id"]: "old phone", more.json["passkey"]["id"]: "phone"}
    assert send(site, "DELETE", path, cookies.line, OURS).status == 200
    assert send(site, "DELETE", path, cookies.line, OURS).json["error"] == "factor_not_found"
    assert is_refused(show(site, authenticator.get(ask(site))))


def test_it_is_a_second_factor(site: IdentitySite) -> None:
    authenticator, cookies = have(site)
    asked = sign_in(site)
    assert is_refused(asked, "second_factor_required")
    assert asked.json["factors"] == ["passkey", "recovery_code"]
    allowed = [decode(each["id"]) for each in asked.json["passkey"]["allowCredentials"]]
    assert allowed == [authenticator.credential]
    # The password has shown that it is them already.
    authenticator.is_verified = False
    assert is_refused(show(site, authenticator.get(ask(site))))
    read_cookies(go_on(site, asked, authenticator.get(asked.json["passkey"])))
    [entry] = send(site, "GET", "/me/factors", cookies.line).json["passkeys"]
    assert send(site, "DELETE", f"/me/factors/passkeys/{entry['id']}", cookies.line, OURS).status == 200
    assert send(site, "GET", "/me/factors", cookies.line).json["recovery_codes"] == 0
    read_cookies(sign_in(site))


def test_the_passkey_of_somebody_else_is_no_second_factor(site: IdentitySite) -> None:
    have(site)
    theirs, _ = have(site, "bert")
    asked = sign_in(site)
    assert is_refused(go_on(site, asked, theirs.get(asked.json["passkey"])))
    # Nor does it become one by saying so.
    theirs.user = decode(asked.json["passkey"]["challenge"])
    assert is_refused(go_on(site, asked, theirs.get(asked.json["passkey"])))
    theirs.user = b""
    assert is_refused(show(site, theirs.get(ask(site))))


def test_what_was_signed_once_is_no_good_again(site: IdentitySite) -> None:
    authenticator, cookies = have(site)
    # Many count nothing.
    authenticator.counts = False
    answer = authenticator.get(ask(site))
    read_cookies(show(site, answer))
    assert is_refused(show(site, answer))
    asked = sign_in(site)
    assert is_refused(go_on(site, asked, answer))
    answer = authenticator.get(asked.json["passkey"])
    read_cookies(go_on(site, asked, answer))
    assert is_refused(go_on(site, sign_in(site), answer))
    another = Authenticator()
    made = another.create(offer(site, cookies))
    assert send(site, "POST", "/me/factors/passkeys", cookies.line, OURS, body={"passkey": made}).status == 201
    again = send(site, "POST", "/me/factors/passkeys", cookies.line, OURS, body={"passkey": made})
    assert (again.status, again.json["error"]) == (409, "passkey_exists")


def test_one_that_counts_less_than_before_is_told(site: IdentitySite) -> None:
    authenticator, _ = have(site)
    copied = evolve(authenticator)
    read_cookies(show(site, authenticator.get(ask(site))))
    assert is_refused(show(site, copied.get(ask(site))), "passkey_copied")
    read_cookies(show(site, authenticator.get(ask(site))))


LIES: dict[str, Callable[[IdentitySite, Authenticator, Any], object]] = {
    "another origin": lambda _, authenticator, __: setattr(authenticator, "origin", "https://evil.example"),
    "another port": lambda _, authenticator, __: setattr(authenticator, "origin", "https://cloud.example:8443"),
    "without TLS": lambda _, authenticator, __: setattr(authenticator, "origin", "http://cloud.example"),
    "another server": lambda _, authenticator, __: setattr(authenticator, "host", "evil.example"),
    "another user": lambda _, authenticator, __: setattr(authenticator, "user", b"0" * 24),
    "a user that is no text": lambda _, authenticator, __: setattr(authenticator, "user", b"\xff"),
    "another credential": lambda _, authenticator, __: setattr(authenticator, "credential", bytes(32)),
    "another key": lambda _, authenticator, __: setattr(authenticator, "_key", Authenticator()._key),  # it is ours
    "not verified": lambda _, authenticator, __: setattr(authenticator, "is_verified", False),
    "an empty challenge": lambda _, __, options: options.update(challenge=""),
    "a challenge of its own": lambda _, __, options: options.update(challenge=encode(bytes(56))),
    "an altered challenge": lambda _, __, options: options.update(challenge="A" + options["challenge"][1:] + "A"),
    "late": lambda site, _, __: setattr(site.office, "now", site.office.now + CHALLENGE_SECONDS * SECOND),
    "not trusted": lambda site, _, __: setattr(site.office, "is_trusted", False),
    "void": lambda site, _, __: finish(site.office.store.void_credentials()),
    "disabled": lambda site, _, __: finish(site.office.directory.edit_user(OWNER, "anna", UserFields(disabled=True))),
    "removed": lambda site, _, __: finish(site.office.directory.remove_user(OWNER, "anna")),
    "reset": lambda site, _, __: finish(site.office.enrolment.reset(OWNER, "anna")),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
def test_what_lets_nobody_in(site: IdentitySite, lie: Callable[[IdentitySite, Authenticator, Any], object]) -> None:
    authenticator, _ = have(site)
    options = ask(site)
    lie(site, authenticator, options)
    assert is_refused(show(site, authenticator.get(options)))


def test_a_challenge_is_for_one_purpose_and_one_user(site: IdentitySite) -> None:
    authenticator, cookies = have(site)
    _, theirs = have(site, "bert")
    assert is_refused(show(site, authenticator.get({**ask(site), "challenge": offer(site, cookies)["challenge"]})))
    for challenge in (ask(site)["challenge"], offer(site, theirs)["challenge"]):
        made = Authenticator().create({**offer(site, cookies), "challenge": challenge})
        assert is_refused(send(site, "POST", "/me/factors/passkeys", cookies.line, OURS, body={"passkey": made}))


@pytest.mark.parametrize(
    "authenticator",
    [
        Authenticator(origin="https://evil.example"),
        Authenticator(host="evil.example"),
        Authenticator(is_verified=False),
        Authenticator(credential=bytes(1024)),
    ],
    ids=["origin", "host", "not verified", "too long"],
)
def test_what_is_not_added(site: IdentitySite, authenticator: Authenticator) -> None:
    cookies = read_cookies(sign_in(site))
    assert is_refused(add(site, cookies, authenticator))
    assert send(site, "GET", "/me/factors", cookies.line).json["passkeys"] == []


BROKEN: tuple[dict[str, Any], ...] = (
    {},
    {"response": {}},
    {"response": 5},
    {"response": None, "rawId": "AA"},
    {"response": {"clientDataJSON": "e30"}, "rawId": "AA"},
    {"response": {"clientDataJSON": encode(b"[" * 1000)}, "rawId": "AA"},
    {"response": {"clientDataJSON": encode(b'{"challenge": 5}')}, "rawId": "AA"},
    {"response": {"clientDataJSON": "A" * 9000}, "rawId": "AA"},
)


@pytest.mark.parametrize("broken", BROKEN, ids=range(len(BROKEN)))
def test_what_no_browser_answers(site: IdentitySite, broken: dict[str, Any]) -> None:
    authenticator, cookies = have(site)
    assert is_refused(show(site, broken))
    assert is_refused(send(site, "POST", "/me/factors/passkeys", cookies.line, OURS, body={"passkey": broken}))
    answer = authenticator.get(ask(site))
    for name in ("authenticatorData", "signature", "clientDataJSON"):
        for text in ("", "!", "AAAA", 5):
            altered = {**answer, "response": {**answer["response"], name: text}}
            assert is_refused(show(site, altered))
    read_cookies(show(site, answer))


def test_only_names_of_this_server_have_passkeys(site: IdentitySite) -> None:
    for host in ("evil.example", "cloud.example.evil.example", "192.0.2.1", "[::1]:8443", "x.cloud.example"):
        client = site.site.connect()
        client.send(f"POST /api/sessions/passkey/options HTTP/1.1\r\nHost: {host}\r\n{OURS}\r\n\r\n".encode())
        answer = client.answer()
        client.leave()
        assert (answer.status, answer.json["error"]) == (403, "no_passkeys_here")


def test_there_are_few_and_keys_add_none(site: IdentitySite) -> None:
    cookies = read_cookies(sign_in(site))
    for _ in range(MAX_USER_PASSKEYS):
        assert add(site, cookies, Authenticator()).status == 201
    full = add(site, cookies, Authenticator())
    assert (full.status, full.json["error"]) == (409, "too_many_entries")
    key = site.key_of("anna")
    for path, body in (("/me/factors/passkeys/options", None), ("/me/factors/passkeys", {"passkey": {}})):
        client = send(site, "POST", path, f"X-API-Key: {key}", body=body)
        assert (client.status, client.json["error"]) == (403, "recent_sign_in_required")
    for path, body in (("/sessions/passkey/options", None), ("/sessions/passkey", {"passkey": {}})):
        assert send(site, "POST", path, body=body).json["error"] == "cross_origin"
