"""Form of keys: found in any text, told from what looks like one, and nothing of the secret is kept."""

from __future__ import annotations

import hashlib
import re

from hypothesis import given
from hypothesis import strategies as st

from cloudsvc.identity.key_format import NO_KEY, PREFIX, is_key_id, make_key, read_key

SCANNED = re.compile(r"csk_[0-9A-Za-z]{65}")
"""What the documentation tells those who look for leaked keys."""


def test_a_key_that_was_made_is_read() -> None:
    made = make_key()
    shown = read_key(made.text.reveal().encode())
    assert (shown.id, shown.digest) == (made.id, made.digest)
    assert is_key_id(made.id)
    assert len(made.digest) == 32


def test_scanners_find_it() -> None:
    text = make_key().text.reveal()
    assert SCANNED.fullmatch(text)
    assert text.startswith(PREFIX)


def test_each_is_another_one() -> None:
    made = [make_key() for _ in range(100)]
    assert len({each.id for each in made}) == len({each.digest for each in made}) == 100


def test_it_is_not_printed() -> None:
    made = make_key()
    assert made.text.reveal() not in repr(made)
    assert made.text.reveal()[20:63] not in repr(made)


def test_the_secret_is_what_the_digest_is_of() -> None:
    made = make_key()
    secret = made.text.reveal()[20:63]
    assert hashlib.sha256(secret.encode()).digest() == made.digest


def test_every_slip_of_the_pen_is_found() -> None:
    text = make_key().text.reveal()
    for place in range(len(text)):
        slipped = text[:place] + ("a" if text[place] != "a" else "b") + text[place + 1 :]
        assert read_key(slipped.encode()).id == NO_KEY


@given(st.binary(max_size=100))
def test_anything_else_is_no_key(text: bytes) -> None:
    shown = read_key(text)
    assert shown.id == NO_KEY
    assert len(shown.digest) == 32
    assert not is_key_id(shown.id)


def test_what_stands_around_a_key_is_no_part_of_it() -> None:
    text = make_key().text.reveal().encode()
    for each in (text + b"\n", b" " + text, text + b"a", text[:-1], text.upper()):
        assert read_key(each).id == NO_KEY
