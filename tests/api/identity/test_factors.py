"""Routes of second factors: setting one up, and signing in by it, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pyotp
import pytest

from cloudsvc.core.actors import Role
from cloudsvc.identity.totp import STEP_SECONDS
from tests.api.identity.test_sessions import OURS, PASSWORD, Cookies, Got, read_cookies, send, sign_in
from tests.support.accounts import SECOND
from tests.support.coroutines import finish
from tests.support.identity_site import IdentitySite


@pytest.fixture
def site() -> Iterator[IdentitySite]:
    site = IdentitySite()
    site.office.folders.make("photos")
    finish(site.office.add_user("anna", ("photos", Role.MANAGER), password=PASSWORD))
    finish(site.office.add_user("boss", ("", Role.MANAGER)))
    site.start()
    yield site
    site.stop()


def show(site: IdentitySite, secret: str) -> str:
    """What an authenticator shows now, and nothing that it has shown before."""
    site.office.now += STEP_SECONDS * SECOND
    return pyotp.TOTP(secret).at(site.office.now // SECOND)


def enrol(site: IdentitySite, cookies: Cookies) -> tuple[str, list[str]]:
    """The secret of an authenticator that counts, and recovery codes."""
    made = send(site, "POST", "/me/factors/totp", cookies.line, OURS)
    assert made.status == 200, made.json
    secret = made.json["secret"]
    assert made.json["uri"].startswith("otpauth://totp/cloudsvc%20cloud.example:anna?secret=" + secret)
    confirmed = send(
        site, "POST", "/me/factors/totp/confirmation", cookies.line, OURS, body={"code": show(site, secret)}
    )
    assert confirmed.status == 200, confirmed.json
    return secret, confirmed.json["recovery_codes"]


def go_on(site: IdentitySite, asked: Got, *lines: str, **shown: str) -> Got:
    assert (asked.status, asked.json["error"], asked.cookies) == (403, "second_factor_required", [])
    body = {"pending": asked.json["pending"], "label": "browser", **shown}
    return send(site, "POST", "/sessions/second-factor", OURS, *lines, body=body)


def test_from_setting_up_to_signing_in(site: IdentitySite) -> None:
    here, there = read_cookies(sign_in(site)), read_cookies(sign_in(site))
    listed = send(site, "GET", "/me/factors", here.line).json
    assert (listed["totp"], listed["recovery_codes"]) == (None, 0)
    secret, codes = enrol(site, here)
    assert [send(site, "GET", "/me", each.line).status for each in (here, there)] == [200, 401]
    listed = send(site, "GET", "/me/factors", here.line).json
    assert (listed["totp"]["confirmed"], listed["recovery_codes"]) == (True, 10)
    assert secret not in str(listed)
    asked = sign_in(site)
    assert asked.json["factors"] == ["totp", "recovery_code"]
    assert {"message", "request_id", "expires_at"} <= asked.json.keys()
    wrong = go_on(site, asked, code="000000")
    assert (wrong.status, wrong.json["error"], wrong.cookies) == (403, "wrong_factor", [])
    begun = go_on(site, asked, code=show(site, secret))
    cookies = read_cookies(begun)
    assert cookies.device
    assert begun.json["session"]["label"] == "browser"
    assert send(site, "GET", "/me", cookies.line).json["name"] == "anna"
    again = go_on(site, asked, code=show(site, secret))
    assert (again.status, again.json["error"]) == (403, "sign_in_over")
    assert read_cookies(go_on(site, sign_in(site), recovery_code=codes[3])).session
    assert go_on(site, sign_in(site), recovery_code=codes[3]).json["error"] == "wrong_factor"
    renewed = send(site, "POST", "/me/factors/recovery-codes", cookies.line, OURS)
    assert len(renewed.json["recovery_codes"]) == 10
    removed = send(site, "DELETE", "/me/factors/totp", cookies.line, OURS)
    assert removed.status == 200
    read_cookies(sign_in(site))
    assert send(site, "DELETE", "/me/factors/totp", cookies.line, OURS).json["error"] == "factor_not_found"


def test_who_does_not_know_the_password_learns_nothing_of_factors(site: IdentitySite) -> None:
    enrol(site, read_cookies(sign_in(site)))
    refused = [sign_in(site, password="wrong horse battery"), sign_in(site, name="nobody")]
    told = [{name: value for name, value in each.json.items() if name != "request_id"} for each in refused]
    assert told[0] == told[1]
    assert told[0]["error"] == "wrong_password"


def test_keys_go_on_as_before_and_change_no_factors(site: IdentitySite) -> None:
    enrol(site, read_cookies(sign_in(site)))
    key = site.key_of("anna")
    assert site.ask("GET", "/me", key=key).status == 200
    assert site.ask("GET", "/me/factors", key=key).json["totp"]["confirmed"]
    for method, path in (
        ("POST", "/me/factors/totp"),
        ("DELETE", "/me/factors/totp"),
        ("POST", "/me/factors/recovery-codes"),
    ):
        assert site.ask(method, path, key=key).json["error"] == "recent_sign_in_required"
        assert site.ask(method, path).json["error"] == "users_only"
    begun = send(site, "POST", "/sessions", OURS, f"X-API-Key: {key}", body={})
    cookies = read_cookies(begun)
    assert send(site, "POST", "/me/factors/totp", cookies.line, OURS).json["error"] == "recent_sign_in_required"


def test_pages_of_others_go_on_with_nothing(site: IdentitySite) -> None:
    cookies = read_cookies(sign_in(site))
    secret, _ = enrol(site, cookies)
    asked = sign_in(site)
    body = {"pending": asked.json["pending"], "code": show(site, secret)}
    for lines in ((), ("Sec-Fetch-Site: cross-site",), ("Origin: https://evil.example",)):
        for method, path, sent in (
            ("POST", "/sessions/second-factor", body),
            ("DELETE", "/me/factors/totp", None),
            ("POST", "/me/factors/recovery-codes", None),
        ):
            answer = send(site, method, path, *([] if sent else [cookies.line]), *lines, body=sent)
            assert (answer.status, answer.json["error"]) == (403, "cross_origin")
    assert send(site, "POST", "/sessions/second-factor", OURS, body=body).status == 201


def test_what_is_wrong_with_a_body_is_told_without_what_is_secret(site: IdentitySite) -> None:
    answer = send(
        site, "POST", "/sessions/second-factor", OURS, body={"pending": 5, "code": "123456", "recovery_code": []}
    )
    assert answer.status == 400
    assert "123456" not in str(answer.json)


def test_managers_reset_and_see_who_has_one(site: IdentitySite) -> None:
    cookies = read_cookies(sign_in(site))
    enrol(site, cookies)
    boss = site.key_of("boss")
    assert site.ask("GET", "/users/anna", key=boss).json["user"]["has_second_factor"] is True
    assert site.ask("DELETE", "/users/anna/factors", key=site.key_of("anna")).json["error"] == "managers_only"
    assert site.ask("DELETE", "/users/anna/factors", key=boss).status == 200
    assert site.ask("GET", "/users/anna", key=boss).json["user"]["has_second_factor"] is False
    assert send(site, "GET", "/me", cookies.line).status == 401
    read_cookies(sign_in(site))
