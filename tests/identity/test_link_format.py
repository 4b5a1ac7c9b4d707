"""Secrets of links, and paths that are told without them."""

from __future__ import annotations

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsvc.identity.key_format import make_key, read_key
from cloudsvc.identity.link_format import (
    NO_LINK,
    hide_links,
    hide_links_in,
    is_link_id,
    make_link_secret,
    read_link_secret,
)

MADE = make_link_secret()
SECRET = MADE.text.reveal()
ESCAPED = "".join(f"%{ord(each):02X}" for each in SECRET)


def test_it_is_read_as_it_was_made() -> None:
    assert SECRET.startswith("csl_")
    assert read_link_secret(SECRET.encode()) == (MADE.id, MADE.digest)
    assert is_link_id(MADE.id)
    assert SECRET not in repr(MADE)


# The names of tests hold no secrets: workers that run them have to agree on all names.
@pytest.mark.parametrize(
    "text", ["", "x", SECRET[:-1], SECRET + "0", SECRET[4:], "csk_" + SECRET[4:], SECRET.swapcase()], ids=count()
)
def test_nothing_else_is_one(text: str) -> None:
    assert read_link_secret(text.encode())[0] == NO_LINK


def test_neither_is_a_key_nor_the_other_way_round() -> None:
    assert read_link_secret(make_key().text.reveal().encode())[0] == NO_LINK
    assert read_key(SECRET.encode()).id == NO_LINK


@pytest.mark.parametrize(
    ("path", "told"),
    [
        (f"/s/{SECRET}", f"/s/{MADE.id}"),
        (f"/s/{SECRET}/", f"/s/{MADE.id}/"),
        (f"/s/{SECRET}/a/b%20c", f"/s/{MADE.id}/a/b c"),
        (f"/s/{SECRET[:-1]}", "/s/-"),
        ("/s/swordfish/a", "/s/-/a"),
        (f"/s/{ESCAPED}", f"/s/{MADE.id}"),
        (f"/%73/{SECRET}", f"/s/{MADE.id}"),
        (f"/s%2F{SECRET}", f"/s/{MADE.id}"),
        (f"//s//{SECRET}", f"//s//{MADE.id}"),
        (f"/S/{SECRET}", f"/S/{MADE.id}"),
        (f"https://localhost/s/{SECRET}", f"https://localhost/s/{MADE.id}"),
        (f"/api/files/{SECRET}", f"/api/files/{MADE.id}"),
        (f"/x/{ESCAPED}", f"/x/{MADE.id}"),
        (f"/{SECRET[:50]}", f"/{MADE.id}"),
        ("/api/files/a%20b", "/api/files/a%20b"),
        ("/api/files/s/swordfish", "/api/files/s/swordfish"),
        ("/", "/"),
        ("/s", "/s"),
        ("/s/", "/s/"),
    ],
    ids=count(),
)
def test_a_path_is_told_without_them(path: str, told: str) -> None:
    assert hide_links(path) == told
    assert hide_links_in(path.encode()) == told.encode()


@given(st.text(), st.text())
def test_whatever_stands_around_it(before: str, after: str) -> None:
    assert SECRET[20:63] not in hide_links(f"{before}{SECRET}{after}")


@given(st.binary())
def test_every_target_can_be_told(target: bytes) -> None:
    assert isinstance(hide_links_in(target), bytes)
