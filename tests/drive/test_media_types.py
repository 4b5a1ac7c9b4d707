"""Media types of files: the valid ones, whoever says so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsvc.core.errors import CloudError
from cloudsvc.core.file_types import TYPES
from cloudsvc.drive.media_types import essence_of, guess_type, parse_media_type
from cloudsvc.drive.names import parse_path

PIECES = ["a", "/", ";", "=", '"', "\\", " ", "\t", "\r", "\n", "\0", ",", "ä", "image/png", ";a=b", 'c="d;e"']
TEXT = st.lists(st.sampled_from(PIECES)).map("".join) | st.text()


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("image/png", "image/png"),
        ("Image/PNG", "image/png"),
        (" text/plain\t", "text/plain"),
        ("text/plain;charset=UTF-8", "text/plain;charset=UTF-8"),
        ("text/plain ;\tcharset=utf-8 ; b=c ", "text/plain;charset=utf-8;b=c"),
        ('text/x; a="b; \\"c=f"; d=e', 'text/x;a="b; \\"c=f";d=e'),
        ("image/jpeg;", "image/jpeg"),
        ("image/jpeg ;\t; ;a=b;;", "image/jpeg;a=b"),
        ('image/jpeg; name="Übung.jpg"; a=b', "image/jpeg;a=b"),
        ("a/b;" + " " * 4000, "a/b"),
    ],
)
def test_what_is_kept(text: str, kept: str) -> None:
    assert parse_media_type(text) == kept


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "png",
            "image/",
            "a/b/c",
            "a/b; c",
            "a/b;c=",
            "a/b\r\nX: y",
            "a/b\n",
            "a/ä",
            "a/b" * 100,
            "a/b, c/d",
            "a/b c",
        ),
        *(";", "a/b; ä=b", "a/b;" * 2000, "*/*", "*/*;q=0.8", "image/*", "*/png", "text/*+xml", "*"),
    ],
)
def test_what_is_none(text: str) -> None:
    with pytest.raises(CloudError, match="no media type"):
        parse_media_type(text)


@given(TEXT)
def test_what_is_kept_can_stand_in_a_head_and_is_kept_again(text: str) -> None:
    try:
        kept = parse_media_type(text)
    except CloudError as refused:
        assert refused.code == "invalid_media_type"
        return
    assert kept.isascii()
    assert kept.replace("\t", "").isprintable()
    assert parse_media_type(kept) == kept
    assert parse_media_type(essence_of(kept)) == essence_of(kept)


def test_what_names_tell_is_one() -> None:
    for ending in ["", ".", *(f".{ending}" for ending in TYPES)]:
        told = guess_type(parse_path(f"a{ending}"))
        assert parse_media_type(told) == told
