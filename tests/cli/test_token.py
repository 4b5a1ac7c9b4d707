"""``generate-new-token`` shows a token once and keeps its hash."""

from __future__ import annotations

import hashlib
from pathlib import Path

from cloudsvc.cli.token import generate_new_token
from tests.support.commands import run


def test_only_the_hash_of_the_printed_token_is_kept(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=1\nAPI_TOKEN_HASH=old\nB=2\n")
    result = run("generate-new-token", "--home", tmp_path)
    (token,) = result.stdout.splitlines()
    digest = hashlib.sha256(token.encode()).hexdigest()
    assert (tmp_path / ".env").read_text() == f"A=1\nAPI_TOKEN_HASH={digest}\nB=2\n"
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
    assert token not in result.stderr
    assert digest not in result.output


def test_every_token_is_new(tmp_path: Path) -> None:
    tokens = {run("generate-new-token", "--home", tmp_path).stdout for _ in range(3)}
    assert len(tokens) == 3


def test_the_command_of_its_own_does_the_same(tmp_path: Path) -> None:
    result = run("--home", tmp_path, command=generate_new_token)
    assert result.exit_code == 0
    assert hashlib.sha256(result.stdout.strip().encode()).hexdigest() in (tmp_path / ".env").read_text()


def test_a_hash_in_the_environment_that_would_win_is_told(tmp_path: Path) -> None:
    assert "wins over the file" in run("generate-new-token", "--home", tmp_path, API_TOKEN_HASH="ab" * 32).stderr
    assert "wins" not in run("generate-new-token", "--home", tmp_path).stderr


def test_where_nothing_can_be_kept_no_token_is_shown(tmp_path: Path) -> None:
    result = run("generate-new-token", "--home", tmp_path / "missing")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"cloudsvc: {tmp_path}/missing/.env cannot be written: ")
