"""The keys in service follow what is kept, and what cannot be read changes nothing but the log."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from attrs import define, field
from twisted.internet.task import Clock

from cloudsvc.access.keys import hash_token
from cloudsvc.access.reloading import CHECK_INTERVAL, ReloadingKeys, StoredHash
from cloudsvc.core.errors import OperatorError
from cloudsvc.core.secrets import Secret
from tests.access.test_throttle import collect_lines
from tests.support.coroutines import finish
from tests.support.inline_threads import Inline


def stored(token: str | None, overridden: str | None = None) -> StoredHash:
    def hashed(text: str | None) -> Secret | None:
        return None if text is None else Secret(hash_token(text))

    return StoredHash(value=hashed(token), origin=".env", overridden=hashed(overridden))


@define
class Case:
    """Keys, and what is kept of them."""

    kept: StoredHash | OperatorError
    clock: Clock = field(factory=Clock)
    reported: list[bool] = field(factory=list)
    keys: ReloadingKeys = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.keys = ReloadingKeys(
            self.read(), read=self.read, clock=self.clock, threads=Inline(), report=self.reported.append
        )

    def read(self) -> StoredHash:
        if isinstance(self.kept, OperatorError):
            raise self.kept
        return self.kept

    def look(self) -> None:
        self.clock.advance(CHECK_INTERVAL)

    def valid(self, *tokens: str) -> list[bool]:
        return [self.keys.identify(token.encode()) is not None for token in tokens]


@contextmanager
def serving(case: Case) -> Iterator[list[str]]:
    case.keys.startService()
    with collect_lines() as lines:
        yield lines
    case.keys.stopService()
    assert not case.clock.getDelayedCalls()


def by_looking(case: Case) -> None:
    case.look()


def by_reload(case: Case) -> None:
    finish(case.keys.reload())


either = pytest.mark.parametrize("take_up", [by_looking, by_reload])


@either
def test_a_new_hash_is_taken_up_and_the_former_token_refused(take_up: Callable[[Case], None]) -> None:
    case = Case(stored("old"))
    with serving(case) as lines:
        case.kept = stored("new")
        assert case.valid("old", "new") == [True, False]
        take_up(case)
        assert case.valid("old", "new") == [False, True]
        take_up(case)
    assert len(lines) == 1
    assert "former one is refused" in lines[0]
    assert hash_token("new") not in lines[0]


@either
def test_a_server_without_a_token_gets_one(take_up: Callable[[Case], None]) -> None:
    case = Case(stored(None))
    with serving(case):
        assert not case.keys.configured
        case.kept = stored("new")
        take_up(case)
        assert case.keys.configured
        assert case.valid("new") == [True]
    assert case.reported == [False, True]


def test_what_cannot_be_read_keeps_the_former_token_and_is_told_once() -> None:
    case = Case(stored("old"))
    with serving(case) as lines:
        case.kept = OperatorError([".env cannot be read: Permission denied"])
        for _ in range(5):
            case.look()
        assert case.valid("old") == [True]
        assert len(lines) == 1
        assert "Permission denied" in lines[0]
        case.kept = stored("old")
        case.look()
        case.kept = OperatorError([".env cannot be read: Permission denied"])
        case.look()
        assert len(lines) == 2, "it is told again when it happens again"
        case.kept = stored("new")
        case.look()
        assert case.valid("old", "new") == [False, True]


def test_a_file_that_an_editor_has_emptied_for_a_moment_locks_nobody_out() -> None:
    case = Case(stored("old"))
    with serving(case):
        case.kept = stored(None)
        case.look()
        assert case.valid("old") == [True]
        case.kept = stored("old")
        case.look()
        case.kept = stored(None)
        case.look()
        assert case.valid("old") == [True]


def test_a_hash_that_stays_away_is_gone() -> None:
    case = Case(stored("old"))
    with serving(case) as lines:
        case.kept = stored(None)
        case.look()
        case.look()
        assert case.valid("old") == [False]
    assert not case.keys.configured
    assert case.reported == [True, False]
    assert "nobody gets in" in lines[0]


def test_a_reload_says_that_what_is_kept_is_meant() -> None:
    case = Case(stored("old"))
    with serving(case):
        case.kept = stored(None)
        finish(case.keys.reload())
        assert case.valid("old") == [False]


def test_a_new_hash_over_which_another_wins_is_told_once() -> None:
    case = Case(stored("from the environment", "old"))
    with serving(case) as lines:
        case.look()
        assert lines == []
        case.kept = stored("from the environment", "new")
        case.look()
        case.look()
        assert case.valid("from the environment", "new") == [True, False]
    assert len(lines) == 1
    assert "wins" in lines[0]


def test_a_look_that_fails_in_any_other_way_is_not_the_last() -> None:
    case = Case(stored("old"))

    def fail() -> StoredHash:
        raise RuntimeError("out of threads")

    read, case.keys._read = case.keys._read, fail
    with serving(case):
        case.look()
        case.keys._read = read
        case.kept = stored("new")
        case.look()
        assert case.valid("old", "new") == [False, True]
