"""A real identity provider: panva's oidc-provider, in a process of its own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.required_tools import require_tool
from tests.support.server import wait_until

CLIENT_ID: Final = "cloud"
CLIENT_SECRET: Final = "a secret that tests have made up"

_PROGRAM: Final = Path(__file__).parents[2] / "build" / "tools" / "oidc" / "provider.mjs"


@contextmanager
def run_provider(
    directory: Path, *, redirect_uri: str, certificates: Path, people: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    """
    The issuer of a provider that answers, stopped at the end.

    :param directory: of its files.
    :param certificates: the directory with ``key.pem`` and ``cert.pem``, which are for 127.0.0.1.
    :param people: the claims of those who may sign in, by what they type as their name.
    """
    node = require_tool("node", "nodejs")
    if not _PROGRAM.exists():
        pytest.skip("the provider is not installed (make build/tools/oidc/.ready)")
    settings, port, output = (directory / name for name in ("provider.json", "provider.port", "provider.log"))
    settings.write_text(
        json.dumps(
            {
                "key": str(certificates / "key.pem"),
                "certificate": str(certificates / "cert.pem"),
                "client_id": CLIENT_ID,
                "client_secret": CLIENT_SECRET,
                "redirect_uris": [redirect_uri],
                "people": people,
                "port_file": str(port),
            }
        )
    )
    with output.open("wb") as written:
        process = subprocess.Popen(
            [node, str(_PROGRAM), str(settings)], stdin=subprocess.DEVNULL, stdout=written, stderr=written
        )
    try:
        wait_until(lambda: port.exists() or process.poll() is not None, output.read_text)
        assert process.poll() is None, output.read_text()
        yield f"https://127.0.0.1:{port.read_text()}"
    finally:
        process.kill()
        process.wait()
