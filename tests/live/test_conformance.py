"""The server does what its description says, and refuses what that forbids."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.example import Example
from tests.support.server import make_home, running
from tests.support.shelf import NAME

ROOT = Path(__file__).parents[2]
SCHEMATHESIS = shutil.which("schemathesis")


@pytest.mark.seconds(300)
@pytest.mark.skipif(SCHEMATHESIS is None, reason="schemathesis is not on the PATH (requirements/tools-api.txt)")
def test_the_server_conforms_to_its_description(example: Example, tmp_path: Path) -> None:
    assert SCHEMATHESIS is not None
    home, token = make_home(
        tmp_path,
        applications=["notes", NAME],
        notes={"max_notes": 20},
        rate_limit={"enabled": False},  # thousands of requests come from one client, wrong keys among them
    )
    packages = os.pathsep.join((example.environ["PYTHONPATH"], str(ROOT)))
    with running(home, token, environ={"PYTHONPATH": packages}) as server:
        result = subprocess.run(
            [
                *(SCHEMATHESIS, "--config-file", str(ROOT / "schemathesis.toml"), "--no-color"),
                *("run", f"{server.url}/api/openapi.json", "--tls-verify", str(server.certificate)),
            ],
            cwd=tmp_path,
            env={**os.environ, "CLOUDSVC_TOKEN": token},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        log = server.log()
        assert server.ask("GET", "/api/health").json["status"] == "healthy"
    assert result.returncode == 0, result.stdout
    assert "Traceback" not in log
