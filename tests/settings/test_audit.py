"""File of the audit: nothing of the server's own, and none without an audit."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.homes import faults_of, load_config


@pytest.mark.parametrize("file", ["logs/audit.jsonl", "audit.jsonl", "../audit.jsonl", "data.jsonl"])
def test_a_file_of_its_own_is_taken(tmp_path: Path, file: str) -> None:
    home = tmp_path / "home"
    assert load_config(home, {"audit": {"enabled": True, "file": file}}).settings.audit.file == file


@pytest.mark.parametrize(
    "file",
    [
        "data/audit.sqlite3",
        "data/drive/audit.jsonl",
        "data",
        "logs/../data/accounts.sqlite3",
        "linked/audit.copied",
        "config/config.json",
        ".env",
        "certs/key.pem",
        "logs/server.log",
        "logs/server.log.1",
    ],
)
def test_a_file_of_the_servers_is_refused(tmp_path: Path, file: str) -> None:
    home = tmp_path / "home"
    (home / "data").mkdir(parents=True)
    (home / "linked").symlink_to(home / "data")
    (line,) = faults_of(home, {"audit": {"enabled": True, "file": file}})
    assert line == (
        f"config.audit.file: {home / file} is, or lies in, what the server keeps for itself; name a file of its own"
    )


def test_without_an_audit_a_file_would_stay_empty(tmp_path: Path) -> None:
    assert faults_of(tmp_path, {"audit": {"file": "logs/audit.jsonl"}}) == (
        "config.audit.file: there are no entries to copy; set config.audit.enabled to true, or write null here",
    )
