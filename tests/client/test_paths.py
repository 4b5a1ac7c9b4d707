"""Paths in URLs, and names that a server gives to local files."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsvc.client.errors import LocalError, MalformedAnswerError
from cloudsvc.client.paths import check_local_name, child_name


@pytest.mark.parametrize("name", ["", ".", "..", "/", "/etc/passwd", "a/b", "../a", "a\0b", "ü" * 128, "\udcff"])
def test_names_that_lead_elsewhere(name: str) -> None:
    with pytest.raises(LocalError, match="cannot be the name"):
        check_local_name(name)


@pytest.mark.parametrize("name", ["CON", "100%.txt", "a?b#c", "trailing..", " ", "...", "\u202e", "a\nb", "-rf"])
def test_names_that_can_be_stored(name: str) -> None:
    assert check_local_name(name) == name


@given(st.text(max_size=30))
def test_no_name_leaves_its_directory(name: str) -> None:
    try:
        check_local_name(name)
    except LocalError:
        return
    assert (PurePosixPath("top") / name).parent == PurePosixPath("top")


@pytest.mark.parametrize(
    ("folder", "path"), [("a", "b"), ("a", "a"), ("a", "a/"), ("a", "a/b/c"), ("a", "ab/c"), ("", ""), ("", "a/b")]
)
def test_what_is_not_in_the_folder(folder: str, path: str) -> None:
    with pytest.raises(MalformedAnswerError):
        child_name(folder, path)


def test_what_is_in_the_folder() -> None:
    assert child_name("", "a") == "a"
    assert child_name("a/b", "a/b/c") == "c"
