"""Clients that generators make of the description store what they are given, list it, and get it back."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.drive_servers import run_drive
from tests.support.sample_media import draw, encode
from tests.support.server import Server

CLIENTS = Path(__file__).parent / "clients"
PYTHON_GENERATOR = shutil.which("openapi-python-client")
TYPESCRIPT_GENERATOR = shutil.which("openapi-ts")
COMPILER = shutil.which("tsc")
NODE = shutil.which("node")

COMPILER_OPTIONS = (
    *("--strict", "--skipLibCheck", "--target", "es2022", "--lib", "es2022,dom,dom.iterable"),
    *("--module", "commonjs", "--moduleResolution", "node10"),
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """With a drive that has a picture."""
    with run_drive(tmp_path_factory.mktemp("drive") / "home") as server:
        assert server.ask("PUT", "/api/files/sea.png", encode(draw(), "PNG")).status == 201
        yield server


@pytest.fixture
def place(server: Server, tmp_path: Path) -> Path:
    """A directory with the description."""
    (tmp_path / "openapi.json").write_bytes(server.ask("GET", "/api/openapi.json").body)
    return tmp_path


def run(place: Path, server: Server, *command: str | Path) -> str:
    """What a program says that ends well."""
    environ = {
        "CLOUDSVC_URL": server.url,
        "CLOUDSVC_TOKEN": server.token,
        "CLOUDSVC_CERTIFICATE": str(server.certificate),
        "NODE_EXTRA_CA_CERTS": str(server.certificate),
    }
    done = subprocess.run(
        [str(part) for part in command],
        cwd=place,
        env={**os.environ, **environ},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.seconds(300)
@pytest.mark.skipif(PYTHON_GENERATOR is None, reason="no openapi-python-client on the PATH (requirements/tools-api)")
def test_python(server: Server, place: Path) -> None:
    assert PYTHON_GENERATOR is not None
    # What it generates is not laid out: that would take another program.
    (place / "config.yml").write_text("post_hooks: []\n")
    said = run(
        place,
        server,
        *(PYTHON_GENERATOR, "generate", "--path", "openapi.json", "--config", "config.yml"),
        *("--meta", "none", "--output-path", "generated"),
    )
    assert "WARNING" not in said.upper()
    shutil.copy(CLIENTS / "client.py", place)
    # The generated client needs what its generator has.
    run(place, server, Path(PYTHON_GENERATOR).with_name("python"), "client.py")


@pytest.mark.seconds(300)
@pytest.mark.skipif(None in (TYPESCRIPT_GENERATOR, COMPILER, NODE), reason="no openapi-ts on the PATH, or no node")
def test_typescript(server: Server, place: Path) -> None:
    assert TYPESCRIPT_GENERATOR is not None
    assert COMPILER is not None
    assert NODE is not None
    generate = ("--input", "openapi.json", "--output", "generated", "--client", "@hey-api/client-fetch")
    run(place, server, TYPESCRIPT_GENERATOR, *generate, "--no-log-file")
    shutil.copy(CLIENTS / "client.ts", place)
    run(place, server, COMPILER, *COMPILER_OPTIONS, "--outDir", "built", "client.ts")
    assert run(place, server, NODE, "built/client.js").endswith("all done\n")
