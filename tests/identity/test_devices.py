"""Devices on which somebody has signed in before."""

from __future__ import annotations

import pytest

from cloudsvc.core.secrets import Secret
from cloudsvc.identity.devices import make_device, read_device
from cloudsvc.identity.users import UserId

ANNA, BERT = UserId("a"), UserId("b")
KEPT = Secret("$argon2id$hash")


def test_each_device_is_known_by_its_user_and_their_password_alone() -> None:
    first, second = (make_device(ANNA, KEPT).reveal().encode() for _ in range(2))
    numbers = {read_device(shown, ANNA, KEPT) for shown in (first, second)}
    assert None not in numbers
    assert len(numbers) == 2
    assert read_device(first, BERT, KEPT) is None
    assert read_device(first, ANNA, Secret("$argon2id$other")) is None
    assert read_device(first, ANNA, None) is None


@pytest.mark.parametrize("shown", [b"", b"0" * 96, b"a" * 95, b"A" * 96, b"x" * 5000])
def test_what_the_server_has_not_made_is_none(shown: bytes) -> None:
    assert read_device(shown, ANNA, KEPT) is None


def test_nobody_makes_one_for_who_has_no_password() -> None:
    assert read_device(make_device(ANNA, Secret("of nobody")).reveal().encode(), ANNA, None) is None
