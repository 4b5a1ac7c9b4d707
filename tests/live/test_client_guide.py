"""docs/client.md does what it says."""

from __future__ import annotations

import hashlib
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from cloudsvc.cli.main import main
from tests.support.drive_servers import run_drive
from tests.support.server import PATIENCE, Server, environment

PAGE = Path(__file__).parents[2] / "docs" / "client.md"
SEA = b"\xff\xd8\xff\xe0 the sea"


def read_examples() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def run(example: str, server: Server, directory: Path) -> str:
    environ = environment({"URL": server.url, "TOKEN": server.token})
    done = subprocess.run(
        [sys.executable, "-c", example],
        cwd=directory,
        env=environ,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert server.token not in done.stdout + done.stderr
    return done.stdout


def test_the_worked_example(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "sea.jpeg").write_bytes(SEA)
    synchronous, asynchronous = read_examples()
    digest = hashlib.sha256(SEA).hexdigest()
    brought = f"photos/2026/sea.jpeg {len(SEA)}\nverified {len(SEA)}\n"
    with run_drive(tmp_path / "home") as server:
        shutil.copy(server.certificate, tmp_path / "cert.pem")
        assert run(synchronous, server, tmp_path) == f"sea.jpeg is kept: {digest}\n{brought}"
        assert (tmp_path / "again.jpeg").read_bytes() == SEA
        assert run(synchronous, server, tmp_path) == f"sea.jpeg is there already\n{brought}"
        said = run(asynchronous, server, tmp_path)
    assert said == f"file photos/2026/sea.jpeg {len(SEA)}\nffd8ffe0\n"


def test_the_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [script] = re.findall(r"^```console\n(cloudsvc remote.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "sea.jpeg").write_bytes(SEA)
    monkeypatch.chdir(tmp_path)
    runner = CliRunner(env={"XDG_CONFIG_HOME": str(tmp_path / "config"), "CLOUDSVC_URL": None})
    with run_drive(tmp_path / "home") as server:
        shutil.copy(server.certificate, tmp_path / "cert.pem")
        for line in script.replace("https://localhost:8443", server.url).splitlines():
            done = runner.invoke(main, shlex.split(line)[1:], input=f"{server.token}\n")
            assert done.exit_code == 0, done.output
            assert server.token not in done.output
    assert (tmp_path / "again.jpeg").read_bytes() == SEA
