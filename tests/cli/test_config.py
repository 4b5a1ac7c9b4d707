"""``cloudsvc config``, and how every command tells of faults."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cloudsvc import __version__
from cloudsvc.cli.homes import find_default_sections
from cloudsvc.settings.reference import make_reference
from cloudsvc.settings.schema import make_schema
from tests.support.commands import run
from tests.support.homes import write_home


def test_a_configuration_without_faults(tmp_path: Path) -> None:
    write_home(tmp_path)
    result = run("config", "check", "--home", tmp_path)
    assert (result.exit_code, result.stdout) == (0, f"{tmp_path}/config/config.json: no faults\n")


def test_each_fault_is_one_line_on_standard_error(tmp_path: Path) -> None:
    write_home(tmp_path, {"rate_limit": {"enabled": "false"}, "server": {"prot": 1}})
    result = run("config", "check", "--home", tmp_path, PORT="x")
    assert (result.exit_code, result.stdout) == (1, "")
    assert sorted(result.stderr.splitlines()) == [
        "cloudsvc: config.rate_limit.enabled: expected bool, got 'false'",
        "cloudsvc: config.server.prot: unknown key; did you mean 'port'?",
        "cloudsvc: environment PORT: expected int, got 'x'",
    ]


def test_a_home_without_configuration_says_how_to_write_one(tmp_path: Path) -> None:
    result = run("--home", tmp_path, "config", "check")
    assert result.exit_code == 1
    assert result.stderr == (
        f"cloudsvc: {tmp_path}/config/config.json is missing; write one with `cloudsvc init {tmp_path}`\n"
    )


def test_an_application_that_cannot_be_loaded_is_one_line(tmp_path: Path) -> None:
    write_home(tmp_path, {"applications": ["no_such_module:Application"]})
    result = run("--home", tmp_path, "config", "check")
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("cloudsvc: config.applications: 'no_such_module:Application' cannot be used")


def test_the_option_of_a_command_wins_over_that_of_the_group(tmp_path: Path) -> None:
    write_home(tmp_path / "inner")
    assert run("--home", tmp_path, "config", "check", "--home", tmp_path / "inner").exit_code == 0


def test_every_setting_is_shown_with_value_and_origin(tmp_path: Path) -> None:
    write_home(tmp_path, {"server": {"port": 1}}, "CLOUDSVC__RATE_LIMIT__ENABLED=false\n")
    lines = run("config", "show", "--home", tmp_path, HOST="::1").stdout.splitlines()
    assert "server.port = 1  # config/config.json" in lines
    assert 'server.host = "::1"  # environment HOST' in lines
    assert "rate_limit.enabled = false  # .env CLOUDSVC__RATE_LIMIT__ENABLED" in lines
    assert 'certificate.names = ["localhost", "127.0.0.1", "::1"]  # default' in lines
    assert "static.directory = null  # default" in lines
    assert 'applications = ["drive", "identity"]  # default' in lines
    assert "API_TOKEN_HASH = null  # default" in lines


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    write_home(tmp_path, {"rate_limit": {"storage_uri": "redis://:hunter2@h"}}, f"API_TOKEN_HASH={'ab' * 32}\n")
    output = run("config", "show", "--home", tmp_path).output
    assert 'rate_limit.storage_uri = "********"  # config/config.json' in output
    assert 'API_TOKEN_HASH = "********"  # .env API_TOKEN_HASH' in output
    assert "hunter2" not in output
    assert "abab" not in output


def test_schema_and_reference_need_no_home(tmp_path: Path) -> None:
    assert run("config", "schema", "--home", tmp_path).stdout == make_schema(find_default_sections())
    assert run("config", "reference", "--home", tmp_path).stdout == make_reference(find_default_sections())


def test_schema_and_reference_of_a_home(tmp_path: Path) -> None:
    write_home(tmp_path)
    assert run("config", "schema", "--home", tmp_path).stdout == make_schema(find_default_sections())


def test_the_version() -> None:
    assert run("--version").stdout == f"cloudsvc {__version__}\n"


@pytest.mark.parametrize("command", ["init", "config", "generate-new-token", "generate-certificate", "health"])
def test_every_command_explains_itself(command: str) -> None:
    assert command in run("--help").stdout
    assert len(run(command, "--help").stdout.splitlines()) > 5


def test_neither_klein_nor_a_reactor_is_imported_for_a_configuration_without_applications(tmp_path: Path) -> None:
    write_home(tmp_path, {"applications": []})
    program = (
        "import json, sys; from cloudsvc.cli.main import main\n"
        f"main(['config', 'check', '--home', {str(tmp_path)!r}], standalone_mode=False)\n"
        "print(json.dumps([name for name in ('klein', 'twisted.internet.reactor') if name in sys.modules]))"
    )
    output = subprocess.check_output([sys.executable, "-c", program], text=True, cwd=Path(__file__).parents[2])
    assert json.loads(output.splitlines()[-1]) == []
