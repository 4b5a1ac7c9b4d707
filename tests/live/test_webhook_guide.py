"""docs/webhooks.md does what it says."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from pathlib import Path

from tests.support.drive_servers import curl
from tests.support.external_servers import find_free_port
from tests.support.hostile_clients import run_trial
from tests.support.server import Server, environment, wait_until

PAGE = Path(__file__).parents[2] / "docs" / "webhooks.md"


def read_blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def make_webhook(server: Server, command: str) -> str:
    """The secret of a webhook that is made by what the page says."""
    [body] = re.findall(r"-d '(.*?)'", command)
    made = curl(server, "/api/webhooks", "-H", "Content-Type: application/json", "-d", body)
    assert made.status == 201, made.body
    secret: str = made.json["secret"]
    return secret


def test_the_worked_example(tmp_path: Path) -> None:
    port = find_free_port()
    [receiver] = read_blocks("python")
    applications, settings, _ = [json.loads(each.replace("8000", str(port))) for each in read_blocks("json")]
    [command] = read_blocks("console")
    with run_trial(tmp_path / "home", **applications, **settings) as server:
        assert curl(server, "/api/folders/photos", "-X", "PUT").status == 201
        secret = make_webhook(server, command.replace("8000", str(port)))
        with subprocess.Popen(
            [sys.executable, "-u", "-c", receiver.replace("8000", str(port))],
            env=environment({"SECRET": secret}),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as process:
            assert process.stdout is not None
            wait_until(lambda: is_there(port), lambda: "the receiver never came")
            assert curl(server, "/api/files/photos/sea.jpeg", "-X", "PUT", "-d", "the sea").status == 201
            said = process.stdout.readline()
            process.kill()
    assert said == "file.created photos/sea.jpeg\n"


def is_there(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True
