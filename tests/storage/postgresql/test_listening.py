"""Whoever waits for changes is woken by those of other processes, and misses nothing while the server is away."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs

from cloudsvc.drive.changes import ChangeSignal
from cloudsvc.drive.errors import storage_failed
from cloudsvc.storage.database.polling import Lookout
from cloudsvc.storage.database.postgresql import listening
from cloudsvc.storage.database.postgresql.locks import CATALOGUE
from tests.support.catalogues import TESTER, Trial, Watch, open_postgres
from tests.support.postgresql import find_cluster, find_database
from tests.support.reactors import in_reactor

LISTENERS: Final = f"""
    SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
    WHERE datname = current_database() AND locktype = 'advisory' AND objid = {CATALOGUE.presence}
"""  # noqa: S608  # a constant


@define(eq=False)
class Woken:
    """A listener that can be waited for."""

    count: int = 0
    _waiting: list[Deferred[None]] = field(factory=list)

    def __call__(self) -> None:
        self.count += 1
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.callback(None)

    def wait(self) -> Deferred[None]:
        """Until it is called again."""
        woken: Deferred[None] = Deferred()
        self._waiting.append(woken)
        return woken


@in_reactor
async def test_the_changes_of_others_wake(tmp_path: Path) -> None:
    watch = Watch()
    async with open_postgres(tmp_path, watch) as one, open_postgres(tmp_path, watch) as other:
        woken = Woken()
        end = one.on_change(woken)
        for number in range(3):
            waiting = woken.wait()
            await Trial(other, watch).store(f"{number}")
            await waiting
            changes = await one.read_changes(TESTER, number, 10)
            assert [change.number for change in changes.items] == [number + 1]
        end()


@in_reactor
async def test_what_changes_nothing_wakes_nobody_and_own_changes_wake_once(tmp_path: Path) -> None:
    watch = Watch()
    async with open_postgres(tmp_path, watch) as one, open_postgres(tmp_path, watch) as other:
        woken = Woken()
        one.on_change(woken)
        trial = Trial(one, watch)
        await trial.store("a")
        await trial.store("b")
        assert woken.count == 2
        pin = await other.pin(watch.now + 1)
        await other.unpin(pin)
        waiting = woken.wait()
        await Trial(other, watch).store("c")
        await waiting
        # What came before that on the same connection has been heard by now.
        assert woken.count == 3


@in_reactor
async def test_a_listener_that_lost_its_connection_gets_another_and_wakes_everybody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "_FIRST_PAUSE", 0.01)
    watch = Watch()
    name = find_database(tmp_path).reveal().rpartition("/")[-1]
    async with open_postgres(tmp_path, watch) as one, open_postgres(tmp_path, watch) as other:
        woken = Woken()
        one.on_change(woken)
        with capturedLogs() as events:
            waiting = woken.wait()
            find_cluster().ask(LISTENERS, name)
            await waiting
        assert any("not heard of" in event["log_format"] for event in events)
        waiting = woken.wait()
        await Trial(other, watch).store("a")
        await waiting


@in_reactor
async def test_without_a_notification_changes_are_found_by_looking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whoever writes tells nobody, as where a pooler swallows it.
    monkeypatch.setattr(listening.Listener, "write_wake", lambda _: "")
    watch = Watch()
    async with open_postgres(tmp_path, watch, look_seconds=0.05) as one, open_postgres(tmp_path, watch) as other:
        woken = Woken()
        end = one.on_change(woken)
        await woken.wait()  # of the first look, which knows nothing of before
        for number in range(2):
            waiting = woken.wait()
            await Trial(other, watch).store(f"{number}")
            await waiting
        assert woken.count == 3
        end()


@in_reactor
async def test_while_the_database_is_away_looking_goes_on_and_nobody_is_woken() -> None:
    signal, clock = ChangeSignal(), Clock()
    answers: list[int | Exception] = [storage_failed(), 7, 7, ZeroDivisionError(), 7, 8]

    async def find_last() -> int:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    lookout = Lookout(find_last=find_last, signal=signal, clock=clock, every=10)
    lookout.start()
    woken: list[int] = []
    clock.advance(10)
    assert len(answers) == 6, "nobody waits, so that nothing is asked"
    end = signal.add(lambda: woken.append(len(answers)))
    with capturedLogs() as events:
        clock.pump([10] * 6)
    assert woken == [4, 0]
    assert len(events) == 1
    end()
    await lookout.stop()


@in_reactor
async def test_it_can_be_closed_at_any_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "_FIRST_PAUSE", 0.01)
    watch = Watch()
    name = find_database(tmp_path).reveal().rpartition("/")[-1]

    def lose() -> None:
        find_cluster().ask(LISTENERS, name)

    moments: list[Callable[[], None]] = [lambda: None, lose]
    for moment in moments:
        with capturedLogs():
            async with open_postgres(tmp_path, watch) as catalogue:
                moment()
                assert await catalogue.find(TESTER, (await Trial(catalogue, watch).store("a")).file.path) is not None
