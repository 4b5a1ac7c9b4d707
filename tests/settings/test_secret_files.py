"""Secrets in files that variables name."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloudsvc.core.secrets import Secret
from tests.support.homes import faults_of, load_config

URI_FILE = "CLOUDSVC__RATE_LIMIT__STORAGE_URI_FILE"


@pytest.mark.parametrize("content", ["redis://:hush@cache/0", "redis://:hush@cache/0\n", "redis://:hush@cache/0\r\n"])
@pytest.mark.parametrize("in_env_file", [False, True])
def test_a_secret_may_stand_in_a_file(tmp_path: Path, content: str, in_env_file: bool) -> None:  # noqa: FBT001  # pytest gives it
    file = tmp_path / "uri"
    file.write_bytes(content.encode())
    environ = {} if in_env_file else {URI_FILE: str(file)}
    config = {"rate_limit": {"storage_uri": "memory://"}}
    loaded = load_config(tmp_path, config, f"{URI_FILE}={file}" if in_env_file else "", **environ)
    assert loaded.settings.rate_limit.storage_uri == Secret("redis://:hush@cache/0")
    assert loaded.origins["rate_limit.storage_uri"] == f"{'.env' if in_env_file else 'environment'} {URI_FILE}"


def test_a_variable_of_the_process_wins_over_a_file_that_the_env_file_names(tmp_path: Path) -> None:
    file = tmp_path / "uri"
    file.write_text("redis://there/0")
    variables = {"CLOUDSVC__RATE_LIMIT__STORAGE_URI": "redis://here/0"}
    loaded = load_config(tmp_path, {}, f"{URI_FILE}={file}", **variables)
    assert loaded.settings.rate_limit.storage_uri == Secret("redis://here/0")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read: No such file or directory; name a file that the server may read"),
        (b"", "is empty; put the secret into it, or drop the variable"),
        (b"\n", "is empty"),
        (b"\xff\xfe hush", "is no text"),
        (b"hush" * 20_000, "has more than 65536 bytes; name a file that holds the secret alone"),
        (b"hush://there", "the address of the storage must begin with one of memory://"),
    ],
)
def test_a_file_that_holds_no_secret_is_a_fault_that_shows_nothing(
    tmp_path: Path, content: bytes | None, words: str
) -> None:
    file = tmp_path / "uri"
    if content is not None:
        file.write_bytes(content)
    [line] = faults_of(tmp_path, {}, **{URI_FILE: str(file)})
    assert line.startswith(f"environment {URI_FILE}: ")
    assert words in line
    assert "hush" not in line


def test_files_are_for_secrets_alone_and_have_one_meaning(tmp_path: Path) -> None:
    assert list(faults_of(tmp_path, {}, CLOUDSVC__SERVER__PORT_FILE="/port")) == [
        "environment CLOUDSVC__SERVER__PORT_FILE: unknown setting; did you mean 'CLOUDSVC__SERVER__PORT'?"
    ]
    [line] = faults_of(tmp_path, {}, **{URI_FILE: "uri"})
    assert "'uri' is no absolute path" in line
    (tmp_path / "uri").write_text("memory://")
    both = {URI_FILE: str(tmp_path / "uri"), "CLOUDSVC__RATE_LIMIT__STORAGE_URI": "memory://"}
    assert list(faults_of(tmp_path, {}, **both)) == [
        f"environment {URI_FILE}: CLOUDSVC__RATE_LIMIT__STORAGE_URI is set as well; drop one of them"
    ]
