"""Webhooks of a running server: messages reach their receivers, signed, in order, and tell no more than they may."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from cloudsvc.tls.files import CertificateFiles
from tests.support.drive_servers import DRIVE, Curled, curl
from tests.support.hostile_clients import run_trial
from tests.support.server import Server
from tests.support.tls.certificates import make
from tests.support.trial_application import NAME as TRIAL
from tests.support.webhook_receivers import Receiver, receiving

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
    assert stored.status in {200, 201}, stored.body


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
