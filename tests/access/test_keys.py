"""Keys are random, kept as digests only, and compared without telling how wrong one is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsvc.access.keys import KeyRing, generate_token, hash_token
from cloudsvc.core.actors import OWNER
from cloudsvc.core.secrets import Secret

TOKEN = "a token of the tests"
RING = KeyRing(owner_hash=Secret(hash_token(TOKEN)))

any_text = st.text(st.characters())  # surrogates too


def test_a_token_is_new_every_time_and_fits_into_a_header() -> None:
    tokens = {generate_token().reveal() for _ in range(100)}

    assert len(tokens) == 100
    assert {len(token) for token in tokens} == {43}
    assert all(token.isascii() and token.isprintable() and " " not in token for token in tokens)


def test_the_hash_is_sha_256_in_lower_case() -> None:
    assert hash_token("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@given(any_text | st.binary())
def test_everything_has_a_hash(token: str | bytes) -> None:
    assert len(hash_token(token)) == 64


@given(st.text(st.characters(codec="utf-8")))
def test_text_and_its_bytes_have_the_same_hash(token: str) -> None:
    assert hash_token(token) == hash_token(token.encode())


def test_the_owner_is_known_by_the_token() -> None:
    assert RING.identify(TOKEN.encode()) is OWNER


@given(st.binary().filter(lambda key: key != TOKEN.encode()))
def test_nobody_is_known_by_another_key(presented: bytes) -> None:
    assert RING.identify(presented) is None


def test_the_hash_is_no_key() -> None:
    assert RING.identify(hash_token(TOKEN).encode()) is None


def test_a_hash_in_capitals_is_the_same_hash() -> None:
    assert KeyRing(owner_hash=Secret(hash_token(TOKEN).upper())).identify(TOKEN.encode()) is OWNER


@given(st.binary())
def test_without_a_token_there_is_no_key(presented: bytes) -> None:
    ring = KeyRing(owner_hash=None)

    assert not ring.configured
    assert ring.identify(presented) is None


def test_a_ring_shows_no_hash() -> None:
    assert RING.configured
    assert hash_token(TOKEN) not in repr(RING)


@pytest.mark.parametrize("wrong", ["", TOKEN, hash_token(TOKEN)[:-1], hash_token(TOKEN) + "\n", "g" * 64])
def test_what_is_no_hash_is_refused_without_showing_it(wrong: str) -> None:
    with pytest.raises(ValueError, match="generate-new-token") as refusal:
        KeyRing(owner_hash=Secret(wrong))

    assert not wrong or wrong not in str(refusal.value)
