"""Second factors of a running server of two processes, as a browser shows them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pyotp
import pytest

from cloudsvc.identity.totp import STEP_SECONDS
from tests.support.authenticators import Authenticator
from tests.support.drive_servers import DRIVE, Curled, curl
from tests.support.hostile_clients import run_trial
from tests.support.server import Server
from tests.support.trial_application import NAME as TRIAL

PASSWORD = "correct horse battery"  # of nobody but tests


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    sections: dict[str, Any] = {"server": {"workers": 2}}
    directory = tmp_path_factory.mktemp("factors")
    with run_trial(directory, applications=[TRIAL, DRIVE, "identity"], **sections) as server:
        yield server


def post(server: Server, path: str, body: object = None, *, method: str = "POST") -> Curled:
    """A change by the cookies that curl keeps as browsers do, on a connection of its own to either process."""
    jar = server.home / "jar"
    sent = [] if body is None else ["-H", "Content-Type: application/json", "-d", json.dumps(body)]
    ours = ("-b", jar, "-c", jar, "-H", "Sec-Fetch-Site: same-origin", "-X", method)
    return curl(server, f"/api{path}", *ours, *sent, key=False)


def show(secret: str, step: int) -> str:
    return pyotp.TOTP(secret).generate_otp(step)


def test_a_password_and_a_code_let_in_and_neither_does_alone(server: Server) -> None:
    made = curl(server, "/api/users", "-H", "Content-Type: application/json", "-d", json.dumps({"name": "anna"}))
    assert made.status == 201
    given = ("-X", "PATCH", "-H", "Content-Type: application/json", "-d", json.dumps({"password": PASSWORD}))
    assert curl(server, "/api/users/anna", *given).status == 200
    named = {"name": "anna", "password": PASSWORD}
    assert post(server, "/sessions", named).status == 201
    secret = post(server, "/me/factors/totp").json["secret"]
    present = int(time.time()) // STEP_SECONDS
    confirmed = post(server, "/me/factors/totp/confirmation", {"code": show(secret, present)})
    assert confirmed.status == 200, confirmed.json
    codes = confirmed.json["recovery_codes"]
    # Whichever process is asked, the password is not enough, and no code is good twice.
    asked = [post(server, "/sessions", named) for _ in range(4)]
    assert [(each.status, each.json["error"]) for each in asked] == [(403, "second_factor_required")] * 4
    pending = [each.json["pending"] for each in asked]
    assert post(server, "/sessions/second-factor", {"pending": pending[0], "code": show(secret, present)}).status == 403
    shown = {"code": show(secret, present + 1)}
    statuses = [post(server, "/sessions/second-factor", {"pending": each, **shown}).status for each in pending]
    assert sorted(statuses) == [201, 403, 403, 403]
    assert post(server, "/me/factors/recovery-codes").status == 200
    over = post(server, "/sessions/second-factor", {"pending": pending[-1], "recovery_code": codes[0]})
    assert over.json["error"] == "wrong_factor"
    removed = post(server, "/me/factors/totp", method="DELETE")
    assert removed.status == 200
    assert post(server, "/sessions", named).status == 201
    log = (server.home / "logs" / "server.log").read_text()
    for hidden in (secret, pending[0], codes[0], shown["code"]):
        assert hidden not in log


def test_a_passkey_lets_in_alone_and_once(server: Server) -> None:
    host = server.url.partition("//")[2]
    authenticator = Authenticator(origin=server.url)
    made = curl(server, "/api/users", "-H", "Content-Type: application/json", "-d", json.dumps({"name": "bert"}))
    assert made.status == 201
    given = ("-X", "PATCH", "-H", "Content-Type: application/json", "-d", json.dumps({"password": PASSWORD}))
    assert curl(server, "/api/users/bert", *given).status == 200
    assert post(server, "/sessions", {"name": "bert", "password": PASSWORD}).status == 201
    options = post(server, "/me/factors/passkeys/options").json["options"]
    assert host.startswith(options["rp"]["id"] + ":")
    added = post(server, "/me/factors/passkeys", {"passkey": authenticator.create(options)})
    assert added.status == 201, added.json
    assert post(server, "/sessions/current", method="DELETE").status == 200
    answers = [authenticator.get(post(server, "/sessions/passkey/options").json["options"]) for _ in range(4)]
    for answer in answers:
        # Whichever process has given the challenge, and whichever is shown what was signed.
        shown = [post(server, "/sessions/passkey", {"passkey": answer}) for _ in range(3)]
        assert [each.status for each in shown] == [201, 403, 403]
        assert {each.json["error"] for each in shown[1:]} <= {"wrong_passkey", "passkey_copied"}
    log = (server.home / "logs" / "server.log").read_text()
    assert answers[0]["response"]["signature"] not in log
