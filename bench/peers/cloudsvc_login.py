"""This server in a fresh home, with every guard and layer on and a limit that counts but never refuses."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from bench.peers.setup import HOST, Setup

SETTINGS = {
    "CLOUDSVC__RATE_LIMIT__RATE_LIMIT": "1000000000/minute",
    "CLOUDSVC__CONNECTIONS__PER_CLIENT": "10000",
    "CLOUDSVC__LOGGING__CONSOLE": "false",
}
"""Limits that count but never refuse, for the whole load comes from one client; a log in a file, as its peers have."""


def main(twistd_options: list[str]) -> None:
    """Make the home, put the benchmark's certificate into it and become ``twistd``."""
    setup = Setup.from_environment()
    home = setup.directory / "home"
    init = [sys.executable, "-c", "from cloudsvc.cli.main import main; main()", "init", str(home)]
    subprocess.run(init, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own command
    certificates = home / "certs"
    certificates.mkdir(exist_ok=True)
    (certificates / "cert.pem").write_bytes(setup.certificate.read_bytes())
    (certificates / "key.pem").write_bytes(setup.key.read_bytes())
    (certificates / "key.pem").chmod(0o600)
    environment = {
        **os.environ,
        **SETTINGS,
        "API_TOKEN_HASH": setup.token_hash,
        "CLOUDSVC_HOME": str(home),
        "HOST": HOST,
        "PORT": str(setup.port),
    }
    twistd = str(Path(sys.executable).with_name("twistd"))
    os.execve(twistd, [twistd, "-n", "--pidfile=", *twistd_options, "cloudsvc"], environment)  # noqa: S606 - no shell wanted


if __name__ == "__main__":
    main(sys.argv[1:])
