"""``cloudsvc init`` writes a home that works, and changes nothing in one that is there."""

from __future__ import annotations

import hashlib
import json
import ssl
from pathlib import Path

import pytest

from cloudsvc.cli.homes import find_default_sections
from cloudsvc.settings.schema import make_default_config, make_schema
from tests.support.commands import run


def snapshot(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_a_new_home_has_everything(tmp_path: Path) -> None:
    root = tmp_path / "a" / "home"
    result = run("init", root)
    assert result.exit_code == 0
    assert (root / "config/config.json").read_text() == make_default_config(find_default_sections())
    assert (root / "config/schema.json").read_text() == make_schema(find_default_sections())
    assert (root / "logs").is_dir()
    assert (root / "data").is_dir()
    ssl.create_default_context().load_verify_locations(root / "certs/cert.pem")
    assert (root / "certs/key.pem").stat().st_mode & 0o777 == 0o600
    assert (root / ".env").stat().st_mode & 0o777 == 0o600


def test_the_token_is_the_only_thing_on_standard_output_and_only_its_hash_is_kept(tmp_path: Path) -> None:
    result = run("init", tmp_path)
    (token,) = result.stdout.splitlines()
    assert len(token) >= 32
    assert (tmp_path / ".env").read_text() == f"API_TOKEN_HASH={hashlib.sha256(token.encode()).hexdigest()}\n"
    assert token not in result.stderr
    assert token.encode() not in b"".join(snapshot(tmp_path).values())


def test_what_was_done_is_told_on_standard_error(tmp_path: Path) -> None:
    lines = run("init", tmp_path).stderr.splitlines()
    assert f"wrote {tmp_path}/config/config.json" in lines
    assert f"wrote {tmp_path}/certs/key.pem and {tmp_path}/certs/cert.pem" in lines
    assert f"wrote {tmp_path}/certs/ca.pem: give it to clients to trust" in lines
    again = run("init", tmp_path).stderr.splitlines()
    assert f"kept  {tmp_path}/config/config.json" in again
    assert f"kept  {tmp_path}/certs/key.pem and {tmp_path}/certs/cert.pem" in again
    assert "kept  the token of .env API_TOKEN_HASH" in again


def test_a_second_time_changes_nothing_and_prints_nothing(tmp_path: Path) -> None:
    run("init", tmp_path)
    before = snapshot(tmp_path)
    result = run("init", tmp_path)
    assert (result.exit_code, result.stdout) == (0, "")
    assert snapshot(tmp_path) == before


def test_a_configuration_that_is_there_is_obeyed(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    config = tmp_path / "config/config.json"
    config.write_text(json.dumps({"certificate": {"directory": "tls"}, "logging": {"directory": "log"}}))
    assert run("init", tmp_path).exit_code == 0
    assert (tmp_path / "tls/key.pem").exists()
    assert (tmp_path / "log").is_dir()
    assert not (tmp_path / "certs").exists()


def test_the_schema_is_that_of_this_program_and_this_configuration(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.json").write_text('{"applications": []}')
    (tmp_path / "config/schema.json").write_text("of an older program")
    assert run("init", tmp_path).exit_code == 0
    assert (tmp_path / "config/schema.json").read_text() == make_schema({})


def test_a_schema_that_cannot_be_written_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "config/schema.json").mkdir(parents=True)
    result = run("init", tmp_path)
    assert result.exit_code == 0
    (line,) = [line for line in result.stderr.splitlines() if "schema.json" in line]
    assert line.startswith(f"kept  {tmp_path}/config/schema.json, with which only editors work: ")
    assert (tmp_path / "certs/key.pem").exists()


def test_a_configuration_with_faults_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.json").write_text('{"server": {"port": "1"}}')
    result = run("init", tmp_path)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "cloudsvc: config.server.port: expected int, got '1'" in result.stderr.splitlines()
    assert not (tmp_path / ".env").exists()


def test_a_token_of_the_environment_is_enough(tmp_path: Path) -> None:
    result = run("init", tmp_path, API_TOKEN_HASH="ab" * 32)
    assert (result.exit_code, result.stdout) == (0, "")
    assert not (tmp_path / ".env").exists()


def test_without_a_directory_the_home_is_found_as_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run("init", "relative")
    run("--home", "by_option", "init")
    run("init", CLOUDSVC_HOME="by_variable")
    run("init", ".")
    homes = {path.parent.parent for path in tmp_path.rglob("config.json")}
    assert homes == {tmp_path, tmp_path / "relative", tmp_path / "by_option", tmp_path / "by_variable"}


def test_a_file_in_the_way_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("")
    result = run("init", tmp_path)
    assert result.exit_code == 1
    assert result.stderr == f"cloudsvc: {tmp_path}/config cannot be made: File exists; choose another place\n"
