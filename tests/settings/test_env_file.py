"""The ``.env`` file is read without being believed, and rewritten without losing a byte of the rest."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsvc.core.errors import OperatorError
from cloudsvc.settings.env_file import read_env_file, set_variable, write_variable

LINES = st.lists(
    st.sampled_from(
        [
            "A=1",
            "# a comment",
            "",
            "export B='two words'",
            'C="a\\nb" # why',
            "API_TOKEN_HASH=old",
            "export API_TOKEN_HASH='old'",
            "API_TOKEN_HASH",
            "D",
            "E=$A",
        ]
    )
)


def test_a_file_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    assert read_env_file(tmp_path / ".env") == {}


def test_variables_are_taken_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_bytes(b"\xef\xbb\xbfA=1\r\nexport B='two words'\nC=$A\nD\nE=\n")
    assert read_env_file(path) == {"A": "1", "B": "two words", "C": "$A", "E": ""}


def test_a_file_that_is_no_text_is_a_fault(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_bytes(b"A=\xff")
    with pytest.raises(OperatorError, match="byte 2 is not UTF-8"):
        read_env_file(path)
    with pytest.raises(OperatorError, match="byte 2 is not UTF-8"):
        write_variable(path, "B", "1")
    assert path.read_bytes() == b"A=\xff"


def test_a_directory_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="cannot be read"):
        read_env_file(tmp_path)


def test_the_first_place_of_a_variable_is_kept_and_its_others_go() -> None:
    assert set_variable("A=1\nX=2\nB=3\nX=4\n", "X", "5") == "A=1\nX=5\nB=3\n"


def test_a_new_variable_comes_last_on_a_line_of_its_own() -> None:
    assert set_variable("A=1", "X", "5") == "A=1\nX=5\n"
    assert set_variable("", "X", "5") == "X=5\n"


@given(LINES, st.sampled_from(["\n", "\r\n"]))
def test_all_other_lines_stay_as_they_are(lines: list[str], end: str) -> None:
    text = "".join(line + end for line in lines)
    others = [line + end for line in lines if "API_TOKEN_HASH" not in line]
    changed = set_variable(text, "API_TOKEN_HASH", "new")
    assert changed.splitlines(keepends=True).count("API_TOKEN_HASH=new\n") == 1
    assert [line for line in changed.splitlines(keepends=True) if "API_TOKEN_HASH" not in line] == others


@given(st.text())
def test_whatever_was_in_the_file_the_variable_is_set(text: str) -> None:
    with tempfile.TemporaryDirectory() as root:
        path = Path(root, ".env")
        path.write_bytes(text.encode())
        try:
            before = read_env_file(path)
        except OperatorError:
            return
        write_variable(path, "X", "new")
        assert read_env_file(path) == before | {"X": "new"}


def test_only_the_owner_can_read_the_file_from_then_on(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("A=1\n")
    path.chmod(0o644)
    write_variable(path, "X", "1")
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == [".env"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    target = tmp_path / "elsewhere"
    target.write_text("A=1\n")
    path = tmp_path / ".env"
    path.symlink_to(target)
    write_variable(path, "X", "1")
    assert path.is_symlink()
    assert target.read_text() == "A=1\nX=1\n"


def test_a_directory_that_cannot_be_written_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="its directory must be writable"):
        write_variable(tmp_path / "missing" / ".env", "X", "1")


def test_a_file_that_cannot_be_replaced_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / ".env"
    path.write_text("A=1\n")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OperatorError, match="No space left on device"):
        write_variable(path, "X", "1")
    assert path.read_text() == "A=1\n"
    assert [entry.name for entry in tmp_path.iterdir()] == [".env"]
