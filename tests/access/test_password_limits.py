"""Limits of tries of passwords: guessing ends, and nobody is locked out by others."""

from __future__ import annotations

from attrs import define, field

from cloudsvc.access.throttling import Throttle
from cloudsvc.access.throttling.counter import Counter
from cloudsvc.access.throttling.memory import FixedWindowStore
from cloudsvc.access.throttling.passwords import CLIENT_RATE, DEVICE_RATE, NAME_RATE, PAIR_RATE, PasswordLimits
from cloudsvc.access.throttling.store import Decision, StoreUnavailable
from cloudsvc.core.errors import CloudError, Kind
from cloudsvc.core.rates import Rate
from tests.support.coroutines import finish


@define
class Trial:
    now: float = 1_000_000.0
    throttle: Throttle | None = None
    limits: PasswordLimits = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.limits = PasswordLimits(Counter(self.throttle, lambda: self.now))

    def count(self, times: int, client: str, name: str, device: str | None = None) -> int:
        """How many of so many tries are admitted."""
        admitted = 0
        for _ in range(times):
            try:
                finish(self.limits.admit(client, name, device))
            except CloudError as problem:
                assert (problem.kind, problem.code) == (Kind.THROTTLED, "too_many_tries")
                assert problem.retry_after is not None
                assert 0 < problem.retry_after <= NAME_RATE.seconds
            else:
                admitted += 1
        return admitted


def test_one_client_gets_so_many_tries_of_a_name() -> None:
    trial = Trial()
    assert trial.count(CLIENT_RATE.amount // 2, "guesser", "anna") == PAIR_RATE.amount
    # Which is far below what all together have, and nothing of what others have.
    assert trial.count(1, "home", "anna") == 1
    assert trial.count(1, "guesser", "bert") == 1
    trial.count(1000, "guesser", "anna")
    trial.now += PAIR_RATE.seconds
    assert trial.count(1, "guesser", "anna") == 1


def test_one_client_gets_so_many_tries_of_all_names() -> None:
    trial = Trial()
    assert sum(trial.count(1, "guesser", f"user-{number}") for number in range(1000)) == CLIENT_RATE.amount
    assert trial.count(1, "home", "user-999") == 1


def test_many_clients_together_get_so_many_tries_of_a_name() -> None:
    trial = Trial()
    assert sum(trial.count(5, f"guesser-{number}", "anna") for number in range(1000)) == NAME_RATE.amount
    assert trial.count(1, "home", "bert") == 1


def test_whoever_has_signed_in_there_before_gets_in_whatever_others_try() -> None:
    trial = Trial()
    for number in range(100):
        trial.count(100, f"guesser-{number}", "anna")
    trial.count(1000, "home", "anna")
    assert trial.count(100, "home", "anna", "device") == DEVICE_RATE.amount
    assert trial.count(1, "elsewhere", "anna", "other device") == 1


@define
class Broken(FixedWindowStore):
    async def hit(self, rate: Rate, *key: str) -> Decision:
        raise StoreUnavailable("it is gone")


def test_without_the_store_each_process_counts_alone() -> None:
    throttle = Throttle(Broken(lambda: 0.0), {}, "allow")
    assert Trial(throttle=throttle).count(1000, "guesser", "anna") == PAIR_RATE.amount


def test_processes_that_share_a_store_count_together() -> None:
    throttle = Throttle(FixedWindowStore(lambda: 1_000_000.0), {}, "allow")
    first, second = Trial(throttle=throttle), Trial(throttle=throttle)
    assert first.count(6, "guesser", "anna") + second.count(100, "guesser", "anna") == PAIR_RATE.amount
