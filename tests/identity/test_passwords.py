"""Passwords: kept as Argon2id hashes, compared in threads, and the same of them is done for nobody."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest
from argon2 import PasswordHasher, Type
from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred

from cloudsvc.core.errors import Kind
from cloudsvc.core.secrets import Secret
from cloudsvc.identity.passwords import (
    MAX_HASH,
    MAX_HASH_LANES,
    MAX_HASH_MEMORY,
    MAX_HASH_PASSES,
    MAX_PASSWORD,
    MIN_PASSWORD,
    PASSWORD_THREADS,
    Passwords,
    is_hash,
    is_outdated,
    parse_password,
)
from tests.support.identity_stores import refusing
from tests.support.reactors import in_reactor, run_threads

RIGHT = "correct horse \N{LATIN SMALL LETTER U WITH DIAERESIS}"


@in_reactor
async def test_the_right_password_and_others() -> None:
    with run_threads(PASSWORD_THREADS) as threads:
        passwords = Passwords(threads)
        kept = await passwords.hash(parse_password(RIGHT))
        assert kept.reveal().startswith("$argon2id$v=19$m=65536,t=3,p=4$")
        assert len(kept.reveal()) <= MAX_HASH
        assert not is_outdated(kept)
        assert await passwords.verify(Secret(RIGHT), kept)
        assert await passwords.verify(Secret("correct horse u\N{COMBINING DIAERESIS}"), kept)
        for wrong in (RIGHT + " ", "a" * (MAX_PASSWORD + 1), "\ud800"):
            assert not await passwords.verify(Secret(wrong), kept)
        assert not await passwords.verify(Secret(RIGHT), None)


def write(kind: str = "argon2id", costs: str = "m=65536,t=3,p=4", salt: int = 22, tag: int = 43) -> str:
    return f"${kind}$v=19${costs}${'s' * salt}${'t' * tag}"


@pytest.mark.parametrize(
    "costs", ["m=65536,t=3,p=4", "m=1024,t=1,p=4", f"m={MAX_HASH_MEMORY},t={MAX_HASH_PASSES},p={MAX_HASH_LANES}"]
)
def test_hashes_of_other_costs_are_hashes(costs: str) -> None:
    assert is_hash(write(costs=costs))


NO_HASHES: Final = [
    "",
    "hash",
    write("argon2i"),
    write("argon2d"),
    write(costs=f"m={MAX_HASH_MEMORY + 1},t=3,p=4"),
    write(costs="m=4294967295,t=3,p=4"),
    write(costs=f"m=65536,t={MAX_HASH_PASSES + 1},p=4"),
    write(costs=f"m=65536,t=3,p={MAX_HASH_LANES + 1}"),
    write(costs="m=65536,t=3,p=4096"),
    write(costs="m=31,t=3,p=4"),
    write(costs="m=65536,t=0,p=4"),
    write(costs="m=065536,t=3,p=4"),
    write(salt=21),
    write(tag=44),
    write() + "\n",
    write().replace("v=19", "v=16"),
]


@pytest.mark.parametrize("text", NO_HASHES)
def test_no_hashes(text: str) -> None:
    assert not is_hash(text)


@pytest.mark.parametrize("costs", [{"time_cost": MAX_HASH_PASSES + 1}, {"type": Type.I}, {"salt_len": 8}])
@in_reactor
async def test_what_is_kept_in_another_form_matches_nothing(costs: dict[str, Any]) -> None:
    kept = Secret(PasswordHasher(**{"time_cost": 1, "memory_cost": 1024, **costs}).hash(RIGHT))
    with run_threads(PASSWORD_THREADS) as threads:
        assert not await Passwords(threads).verify(Secret(RIGHT), kept)


@pytest.mark.parametrize(
    "text", ["", "a" * (MIN_PASSWORD - 1), "a" * (MAX_PASSWORD + 1), "a" * MIN_PASSWORD + "\n", "\ud800" * MIN_PASSWORD]
)
def test_no_passwords(text: str) -> None:
    with refusing("invalid_password", Kind.INVALID):
        parse_password(text)


def test_length_is_what_is_there_after_composing() -> None:
    with refusing("invalid_password", Kind.INVALID):
        parse_password("u\N{COMBINING DIAERESIS}" * (MIN_PASSWORD - 1))
    assert len(parse_password("u\N{COMBINING DIAERESIS}" * MIN_PASSWORD).reveal()) == MIN_PASSWORD


@define
class StuckThreads:
    """A thread runner that comes to no end."""

    calls: list[Deferred[Any]] = field(factory=list)

    async def run(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        self.calls.append(Deferred())
        return await self.calls[-1]


def test_only_so_many_wait_and_who_leaves_makes_room() -> None:
    threads = StuckThreads()
    passwords = Passwords(threads)

    def begin() -> Deferred[bool]:
        return Deferred.fromCoroutine(passwords.verify(Secret(RIGHT), None))

    waiting = [begin() for _ in range(40)]
    refused: list[Any] = []
    begin().addErrback(lambda failure: refused.append(failure.value))
    assert [problem.code for problem in refused] == ["too_many_passwords"]
    assert len(threads.calls) == len(waiting)
    waiting[0].addErrback(lambda failure: failure.trap(CancelledError))
    waiting[0].cancel()
    waiting.append(begin())
    assert len(threads.calls) == len(waiting)
    for call in threads.calls[1:]:
        call.callback(True)  # noqa: FBT003  # that it matches some hash is not enough
    assert [each.result for each in waiting[1:]] == [False] * 40
