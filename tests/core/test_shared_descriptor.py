"""An open file that is closed by the last of those who use it."""

from __future__ import annotations

import os

import pytest

from cloudsvc.core.shared_descriptor import SharedDescriptor


def open_nothing() -> int:
    return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)


def is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def test_who_still_uses_it_closes_it_and_what_is_attached() -> None:
    number, other = open_nothing(), open_nothing()
    shared = SharedDescriptor(number)
    with shared.used() as used:
        assert used == number
        shared.attach(other)
        shared.release()
        assert is_open(number)
        assert is_open(other)
    assert not is_open(number)
    assert not is_open(other)


def test_what_is_closed_is_used_by_nobody() -> None:
    shared = SharedDescriptor(open_nothing())
    with shared.used():
        pass
    shared.release()
    with pytest.raises(ValueError, match="closed"), shared.used():
        pass
