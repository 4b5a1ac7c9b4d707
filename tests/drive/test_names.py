"""Names and paths: whatever text comes, it becomes a value that is right everywhere, or a clear refusal."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cloudsvc.core.errors import CloudError, Kind
from cloudsvc.drive.names import (
    MAX_NAME_BYTES,
    MAX_PATH_BYTES,
    MAX_PATH_NAMES,
    ROOT,
    DrivePath,
    Name,
    fold_case,
    parse_name,
    parse_path,
)


def refusal_of(text: str) -> str:
    with pytest.raises(CloudError) as caught:
        parse_path(text)
    assert (caught.value.kind, caught.value.code) == (Kind.INVALID, "invalid_path")
    return caught.value.message


@given(st.text())
@example("\N{ANGSTROM SIGN}")
@example("e\N{COMBINING ACUTE ACCENT}")
def test_a_name_is_kept_as_given_and_compared_normalised(text: str) -> None:
    try:
        name = parse_name(text)
    except CloudError:
        return
    assert (name.text, str(name)) == (text, text)
    assert unicodedata.is_normalized("NFC", name.key)
    assert name == parse_name(unicodedata.normalize("NFD", text)) or len(text.encode()) * 3 > MAX_NAME_BYTES


@given(st.text())
def test_every_name_can_be_a_file(text: str) -> None:
    try:
        name = parse_name(text)
    except CloudError:
        return
    for each in (name.text, name.key):
        assert each not in {"", ".", ".."}
        assert Path("/" + each).name == each
        assert len(each.encode()) <= MAX_NAME_BYTES
        assert each.isprintable() or all(unicodedata.category(one) not in {"Cc", "Cs"} for one in each)


@given(st.lists(st.text(min_size=1, max_size=20), max_size=5))
def test_a_path_is_its_names(parts: list[str]) -> None:
    text = "/".join(parts)
    try:
        path = parse_path(text)
    except CloudError:
        return
    assert str(path) == text
    assert parse_path(str(path)) == path
    assert [name.text for name in path.names] == ([] if text == "" else text.split("/"))


@pytest.mark.parametrize("text", ["/", "a/", "/a", "a//b", "a/./b", "..", "a/../b", ".", "a/..", "../../etc/passwd"])
def test_segments_that_are_no_names(text: str) -> None:
    assert "name" in refusal_of(text)


@pytest.mark.parametrize("character", ["\0", "\n", "\x1b", "\x7f", "\x85", "\u2028", "\u2029", "\ud800"])
def test_characters_that_no_name_may_have(character: str) -> None:
    assert f"U+{ord(character):04X}" in refusal_of(f"a/b{character}c")


@pytest.mark.parametrize(
    "text",
    [
        "100%.txt",
        "a#b",
        "a?b",
        "a b",
        " a ",
        "CON",
        "a:b",
        "a\\b",
        "a.",
        ".hidden",
        "thumbnail",
        "😀",
        "-rf",
        "~",
        "'\"",
    ],
)
def test_names_that_are_merely_unusual(text: str) -> None:
    assert str(parse_path(f"folder/{text}").name) == text


def test_names_that_differ_in_case_are_two() -> None:
    assert parse_name("A") != parse_name("a")


def test_one_name_in_two_normal_forms_is_one() -> None:
    composed, decomposed = parse_name("é"), parse_name("e\N{COMBINING ACUTE ACCENT}")
    assert composed == decomposed
    assert hash(composed) == hash(decomposed)
    assert composed.text != decomposed.text


def test_lengths_are_bounded_in_bytes() -> None:
    assert parse_name("é" * 127)
    assert "255 bytes" in refusal_of("é" * 128)
    # U+0958 is longer when normalised: what is compared must fit a file system as well.
    assert "255 bytes" in refusal_of("\u0958" * 80)
    long = "/".join(["n" * 63] * (MAX_PATH_BYTES // 64))
    assert parse_path(long)
    assert "4096 bytes" in refusal_of(long + "/nn")
    assert "4096 bytes" in refusal_of("\ud800" * 4097)


def test_depth_is_bounded_in_names() -> None:
    deep = "/".join(["n"] * MAX_PATH_NAMES)
    assert len(parse_path(deep).names) == MAX_PATH_NAMES
    assert "128 names" in refusal_of(f"{deep}/n")


def test_the_root() -> None:
    assert parse_path("") == ROOT
    assert not ROOT
    assert ROOT.parent == ROOT
    assert str(ROOT) == ""
    with pytest.raises(IndexError):
        _ = ROOT.name


def test_within_is_by_whole_names() -> None:
    folder = parse_path("a/b")
    assert parse_path("a/b/c").is_within(folder)
    assert folder.is_within(folder)
    assert folder.is_within(ROOT)
    assert not parse_path("a/bc").is_within(folder)
    assert not parse_path("a").is_within(folder)


def test_going_down_and_up() -> None:
    path = ROOT / Name("a", "a") / Name("b", "b")
    assert path == parse_path("a/b")
    assert path.parent == parse_path("a")
    assert isinstance(path, DrivePath)


def test_where_case_makes_no_difference_twins_fold_together() -> None:
    assert fold_case("Straße") == fold_case("STRASSE")
    assert fold_case("E\u0301") == fold_case("\u00e9")
    assert fold_case("a") != fold_case("b")
