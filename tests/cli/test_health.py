"""``cloudsvc health`` where there is nobody to ask."""

from __future__ import annotations

from pathlib import Path

from tests.support.commands import run
from tests.support.homes import write_home


def test_configured_endpoints_need_an_address_to_ask(tmp_path: Path) -> None:
    write_home(tmp_path, {"server": {"endpoints": ["systemd:domain=INET:index=0"]}})
    result = run("health", "--home", tmp_path)
    assert result.exit_code == 1
    assert result.stderr == ("cloudsvc: config.server.endpoints has no cloudsvc:tcp: to ask; give --host and --port\n")


def test_a_missing_certificate_is_one_line(tmp_path: Path) -> None:
    write_home(tmp_path)
    result = run("health", "--home", tmp_path)
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert f"{tmp_path}/certs/cert.pem" in line
