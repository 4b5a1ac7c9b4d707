"""Form of sessions as text, and when they end."""

from __future__ import annotations

import hashlib

import pytest

from cloudsvc.identity.bounds import SEEN_SECONDS, SESSION_IDLE_SECONDS
from cloudsvc.identity.sessions import (
    NO_SESSION,
    floor_seen,
    is_session_id,
    make_session,
    read_session,
)
from tests.support.identity_stores import BEGINNING, make_user, make_user_session

IDLE = SESSION_IDLE_SECONDS * 1_000_000


def test_what_is_made_is_read_again() -> None:
    made = make_session()
    text = made.text.reveal().encode()
    shown = read_session(text)
    assert (shown.id, shown.digest) == (made.id, made.digest)
    assert made.digest == hashlib.sha256(text[-64:]).digest()
    assert is_session_id(made.id)
    assert made.text.reveal() not in repr(made)


@pytest.mark.parametrize("alter", [str.upper, lambda text: text + "0", lambda text: text[:-1], lambda text: ""])
def test_what_has_not_the_form_is_none(alter: object) -> None:
    assert callable(alter)
    text = alter(make_session().text.reveal())
    assert read_session(text.encode()).id == NO_SESSION
    assert not is_session_id(text)


def test_a_session_ends_when_it_is_idle_and_when_its_time_is_over() -> None:
    user = make_user()
    idle = make_user_session(user)
    assert idle.is_alive(BEGINNING + IDLE - 1)
    assert not idle.is_alive(BEGINNING + IDLE)
    busy = make_user_session(user, seen_at=BEGINNING + 10 * IDLE, ends_at=BEGINNING + 10 * IDLE + 5)
    assert busy.is_alive(BEGINNING + 10 * IDLE + 4)
    assert not busy.is_alive(BEGINNING + 10 * IDLE + 5)


def test_when_it_was_seen_is_known_to_some_minutes() -> None:
    step = SEEN_SECONDS * 1_000_000
    assert floor_seen(7 * step) == floor_seen(8 * step - 1) == 7 * step
