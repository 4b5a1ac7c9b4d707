"""Webhooks of a running server: messages reach their receivers, signed, in order, and tell no more than they may."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from cloudsvc.tls.files import CertificateFiles
from tests.support.drive_servers import DRIVE, Curled, curl
from tests.support.hostile_clients import run_trial
from tests.support.server import PATIENCE, Server, environment, program, wait_until
from tests.support.tls.certificates import make
from tests.support.trial_application import NAME as TRIAL
from tests.support.webhook_receivers import Answer, Receiver, receiving

SECOND = 1_000_000


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> CertificateFiles:
    """That of all receivers."""
    return make(tmp_path_factory.mktemp("receivers"), time.time(), "localhost")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, certificate: CertificateFiles) -> Iterator[Server]:
    allowed = {"private_networks": ["127.0.0.0/8"], "ports": [], "ca_file": str(certificate.certificate)}
    sections: dict[str, Any] = {"server": {"workers": 2}, "webhooks": allowed}
    directory = tmp_path_factory.mktemp("webhooks")
    with run_trial(directory, applications=[TRIAL, DRIVE, "identity", "webhooks"], **sections) as server:
        yield server


@pytest.fixture
def receiver(certificate: CertificateFiles) -> Iterator[Receiver]:
    with receiving(certificate) as receiver:
        yield receiver


def ask(server: Server, method: str, path: str, body: object = None, *, key: str | None = None) -> Curled:
    sent = [] if body is None else ["-H", "Content-Type: application/json", "-d", json.dumps(body)]
    shown = [] if key is None else ["-H", f"X-API-Key: {key}"]
    return curl(server, f"/api{path}", "-X", method, *sent, *shown, key=key is None)


def make_webhook(server: Server, url: str, *, key: str | None = None, **fields: Any) -> Any:
    made = ask(server, "POST", "/webhooks", {"url": url, **fields}, key=key)
    assert made.status == 201, made.body
    return made.json


def put(server: Server, path: str, content: str = "content", *, key: str | None = None) -> None:
    shown = [] if key is None else ["-H", f"X-API-Key: {key}"]
    stored = curl(server, f"/api/files/{path}", "-X", "PUT", "-d", content, *shown, key=key is None)
    assert stored.status in {200, 201, 204}, stored.body


def test_what_happens_is_posted_signed_and_in_order(server: Server, receiver: Receiver) -> None:
    made = make_webhook(server, receiver.url, label="mine")
    put(server, "order/a")
    put(server, "order/b")
    assert ask(server, "PATCH", "/files/order/a", {"new_filepath": "order/c"}).status == 200
    assert ask(server, "DELETE", "/files/order/b").status == 200
    messages = receiver.await_messages(5)
    assert [each.json["type"] for each in messages] == [
        "folder.created",
        "file.created",
        "file.created",
        "file.moved",
        "file.discarded",
    ]
    assert {each.path for each in messages} == {"/hooks?of=mine"}
    moved = messages[3].json["data"]
    assert (moved["source"], moved["path"]) == ("order/a", "order/c")
    for each in messages:
        verified = Webhook(made["secret"]).verify(each.content, dict(each.headers))
        assert verified == each.json
        assert each.id == f"msg_{made['webhook']['id']}_{each.json['data']['id']}"
        with pytest.raises(WebhookVerificationError):
            Webhook(made["secret"]).verify(each.content + b" ", dict(each.headers))
    assert receiver.most_at_once == 1
    ask(server, "DELETE", f"/webhooks/{made['webhook']['id']}")


def make_key(server: Server, name: str, role: str, path: str, *scopes: str) -> tuple[str, str]:
    """The key of a program with a role on a folder, and its id."""
    body = {"program": name, "roles": [{"path": path, "role": role}], "scopes": ["files:read", *scopes]}
    made = ask(server, "POST", "/keys", body)
    assert made.status == 201, made.body
    return made.json["secret"], made.json["key"]["id"]


def list_paths(receiver: Receiver) -> list[str]:
    return [each.json["data"]["path"] for each in receiver.messages]


def find_state(server: Server, webhook: str) -> str:
    state: str = ask(server, "GET", f"/webhooks/{webhook}").json["webhook"]["state"]
    return state


def test_it_tells_what_its_owner_may_see_and_nothing_else(server: Server, receiver: Receiver) -> None:
    put(server, "seen/before")
    key, number = make_key(server, "viewer", "viewer", "seen", "webhooks:read", "webhooks:write")
    webhook = make_webhook(server, receiver.url, key=key)["webhook"]
    for path in ("hidden/a", "seen/a", "hidden/b", "seen/b"):
        put(server, path)
    # What comes from where nobody looks is new to whoever looks here, and what goes there is gone.
    assert ask(server, "PATCH", "/files/hidden/a", {"new_filepath": "seen/c"}).status == 200
    assert ask(server, "PATCH", "/files/seen/a", {"new_filepath": "hidden/c"}).status == 200
    messages = receiver.await_messages(4)
    assert [(each.json["type"], each.json["data"]["path"]) for each in messages] == [
        ("file.created", "seen/a"),
        ("file.created", "seen/b"),
        ("file.created", "seen/c"),
        ("file.discarded", "seen/a"),
    ]
    assert all(b"hidden" not in each.content for each in messages)
    # With the key it ends, at once and for good.
    assert ask(server, "DELETE", f"/keys/{number}").status == 200
    put(server, "seen/after")
    wait_until(lambda: find_state(server, webhook["id"]) == "paused", lambda: find_state(server, webhook["id"]))
    assert len(receiver.messages) == 4


def test_it_follows_its_folder_and_is_told_of_the_kinds_that_it_wants(server: Server, receiver: Receiver) -> None:
    put(server, "wanted/a")
    webhook = make_webhook(server, receiver.url, folder="wanted", kinds=["created", "discarded"])["webhook"]
    assert (webhook["path"], webhook["kinds"]) == ("wanted", ["created", "discarded"])
    put(server, "elsewhere/b")
    put(server, "wanted/a", "changed")
    assert ask(server, "PATCH", "/folders/wanted", {"new_path": "renamed"}).status == 200
    put(server, "renamed/c")
    assert ask(server, "DELETE", "/files/renamed/a").status == 200
    receiver.await_messages(2)
    assert list_paths(receiver) == ["renamed/c", "renamed/a"]
    assert ask(server, "GET", f"/webhooks/{webhook['id']}").json["webhook"]["path"] == "renamed"
    ask(server, "DELETE", f"/webhooks/{webhook['id']}")


def test_what_was_not_taken_is_sent_again_with_the_same_id(server: Server, receiver: Receiver) -> None:
    receiver.answers += [Answer(status=500), Answer(status=204)]
    made = make_webhook(server, receiver.url)
    number = made["webhook"]["id"]
    put(server, "again")
    first, second = receiver.await_messages(2)
    assert (first.id, first.content) == (second.id, second.content)
    for each in (first, second):
        Webhook(made["secret"]).verify(each.content, dict(each.headers))
    wait_until(lambda: find_state(server, number) == "active", lambda: find_state(server, number))
    attempts = ask(server, "GET", f"/webhooks/{number}/deliveries").json["attempts"]
    assert [(each["outcome"], each["status"]) for each in attempts] == [("delivered", 204), ("refused", 500)]
    ask(server, "DELETE", f"/webhooks/{number}")


def test_who_wants_nothing_any_more_is_left_alone(server: Server, receiver: Receiver) -> None:
    receiver.answers.append(Answer(status=410))
    number = make_webhook(server, receiver.url)["webhook"]["id"]
    put(server, "gone")
    wait_until(lambda: find_state(server, number) == "gone", lambda: find_state(server, number))
    put(server, "unheard")
    # To say that it works again is to begin with what was not taken.
    assert ask(server, "PATCH", f"/webhooks/{number}", {"disabled": False}).status == 200
    messages = receiver.await_messages(3)
    assert [each.json["data"]["path"] for each in messages] == ["gone", "gone", "unheard"]
    ask(server, "DELETE", f"/webhooks/{number}")


def test_a_test_message_and_a_new_secret(server: Server, receiver: Receiver) -> None:
    made = make_webhook(server, receiver.url, disabled=True)
    number = made["webhook"]["id"]
    rotated = ask(server, "POST", f"/webhooks/{number}/rotate", {"overlap_seconds": 3600}).json
    assert rotated["secret"] != made["secret"]
    tried = ask(server, "POST", f"/webhooks/{number}/test")
    assert (tried.status, tried.json["attempt"]["outcome"]) == (200, "delivered")
    [message] = receiver.messages
    assert message.json["type"] == "webhook.test"
    for secret in (made["secret"], rotated["secret"]):
        Webhook(secret).verify(message.content, dict(message.headers))
    receiver.answers.append(Answer(status=302, headers={"Location": receiver.url}))
    assert ask(server, "POST", f"/webhooks/{number}/test").json["attempt"]["status"] == 302
    assert len(receiver.messages) == 2
    assert find_state(server, number) == "disabled"
    log = server.log()
    assert not any(each in log for each in (made["secret"], rotated["secret"], "hooks?of=mine"))
    ask(server, "DELETE", f"/webhooks/{number}")


def test_a_key_knows_what_was_made_by_it_alone(server: Server, receiver: Receiver) -> None:
    owners = make_webhook(server, receiver.url, disabled=True)["webhook"]["id"]
    first, _ = make_key(server, "same", "viewer", "seen", "webhooks:read", "webhooks:write")
    second, _ = make_key(server, "same", "viewer", "seen", "webhooks:read", "webhooks:write")
    number = make_webhook(server, receiver.url, key=first, disabled=True)["webhook"]["id"]
    for method, path, body in (
        ("PATCH", "", {"url": "https://example.org/"}),
        ("POST", "/rotate", {}),
        ("POST", "/test", None),
    ):
        assert ask(server, method, f"/webhooks/{number}{path}", body, key=second).status == 404
        assert ask(server, method, f"/webhooks/{owners}{path}", body, key=first).status == 404
    for method in ("GET", "DELETE"):
        assert ask(server, method, f"/webhooks/{owners}", key=first).status == 404
        assert ask(server, method, f"/webhooks/{number}", key=second).status == 404
    assert [each["id"] for each in ask(server, "GET", "/webhooks", key=first).json["webhooks"]] == [number]
    assert ask(server, "GET", "/webhooks", key=second).json["webhooks"] == []
    assert ask(server, "DELETE", f"/webhooks/{number}", key=first).status == 200
    assert ask(server, "DELETE", f"/webhooks/{owners}").status == 200


@pytest.mark.parametrize(
    "url",
    ["https://10.0.0.1/", "https://[::1]/", "https://169.254.169.254/", "http://localhost/", "https://a@b.example/"],
)
def test_nothing_is_sent_to_what_is_not_allowed(server: Server, url: str) -> None:
    refused = ask(server, "POST", "/webhooks", {"url": url})
    assert (refused.status, refused.json["error"]) == (400, "invalid_url")


def run_command(server: Server, *arguments: str) -> str:
    command = [program("cloudsvc"), "webhook", *arguments, "--home", str(server.home)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, env=environment({}), check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_commands_beside_the_running_server(server: Server, receiver: Receiver) -> None:
    webhook = make_webhook(server, receiver.url, label="beside")["webhook"]
    listed = run_command(server, "list")
    assert f"{webhook['id']} of owner (active) beside\n" in listed
    assert receiver.url not in listed
    assert run_command(server, "remove", webhook["id"]) == ""
    assert ask(server, "GET", f"/webhooks/{webhook['id']}").status == 404
    assert webhook["id"] not in run_command(server, "list")
