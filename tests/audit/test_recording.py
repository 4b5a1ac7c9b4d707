"""Recording: nobody is told of a change that has no entry, and whoever is refused cannot fill the disk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from cloudsvc.audit import recording
from cloudsvc.audit.chain import Head
from cloudsvc.audit.entries import Event, Outcome
from cloudsvc.audit.recording import CUT_SWEEPS, OTHERS, REFUSAL_SWEEPS, SWEEP_SECONDS, Recorder
from cloudsvc.core.errors import CloudError, Kind
from cloudsvc.storage.audit.memory import Entries, MemoryAudit
from tests.support.audit_logs import make_event
from tests.support.coroutines import finish


@define(eq=False)
class Disk(MemoryAudit):
    """A log whose disk may be full, or slow."""

    is_full: bool = False
    slow: Deferred[None] | None = None
    together: list[int] = field(factory=list)

    async def append(self, events: Sequence[Event]) -> Head:
        if self.slow is not None:
            await self.slow
        if self.is_full:
            raise CloudError(Kind.NO_SPACE, "no_space", "full")
        self.together.append(len(events))
        return await super().append(events)


@define(eq=False)
class Trial:
    entries: Entries = field(factory=Entries)
    clock: Clock = field(factory=Clock)
    now: int = 0
    keep: int | None = None
    disk: Disk = field(init=False)
    recorder: Recorder = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.disk = Disk(self.entries)
        self.recorder = Recorder(log=self.disk, clock=self.clock, now=lambda: self.now, keep=self.keep)
        self.recorder.start()

    def sweep(self, times: int = 1) -> None:
        self.clock.pump([SWEEP_SECONDS] * times)

    def record(self, **fields: Any) -> Deferred[None]:
        return Deferred.fromCoroutine(self.recorder.record(make_event(**fields)))

    def list_events(self) -> list[Event]:
        return [entry.event for entry in self.entries.entries]


def refuse(**fields: Any) -> Event:
    return make_event(**{"outcome": Outcome.REFUSED, "status": 401, "actor": "", **fields})


def test_a_change_is_recorded_when_it_has_an_entry() -> None:
    trial = Trial()
    slow: Deferred[None] = Deferred()
    trial.disk.slow = slow
    waiting = [trial.record(number=number) for number in range(5)]
    assert not any(each.called for each in waiting)
    trial.disk.slow = None
    slow.callback(None)
    assert all(each.called for each in waiting)
    # Those who come meanwhile share a step.
    assert trial.disk.together == [1, 4]
    assert trial.list_events() == [make_event(number) for number in range(5)]


def test_whoever_leaves_has_an_entry_all_the_same() -> None:
    trial = Trial()
    slow: Deferred[None] = Deferred()
    trial.disk.slow = slow
    waiting = trial.record()
    waiting.addErrback(lambda _: None)
    waiting.cancel()
    trial.disk.slow = None
    slow.callback(None)
    assert len(trial.list_events()) == 1


def test_a_full_disk_refuses_changes_until_it_takes_what_is_owed() -> None:
    trial = Trial()
    trial.recorder.check()
    trial.disk.is_full = True
    with pytest.raises(CloudError) as caught:
        finish(trial.recorder.record(make_event(1)))
    assert caught.value.code == "audit_failed"
    with pytest.raises(CloudError) as caught:
        trial.recorder.check()
    assert caught.value.code == "audit_unavailable"
    # One that was under way already waits for the next attempt.
    late = trial.record(number=2)
    assert not late.called
    trial.sweep()
    failures: list[object] = []
    late.addErrback(failures.append)
    assert len(failures) == 1
    assert trial.recorder.is_failing
    trial.disk.is_full = False
    trial.sweep()
    trial.recorder.check()
    assert trial.list_events() == [make_event(1), make_event(2)]


def test_equal_refusals_are_one_entry() -> None:
    trial = Trial()
    for _ in range(3):
        trial.recorder.count(refuse(client="c"), "c")
    trial.recorder.count(refuse(client="d"), "d")
    trial.recorder.count(refuse(client="c", action="files.delete"), "c")
    assert not trial.list_events()
    trial.sweep(REFUSAL_SWEEPS)
    assert [(each.client, each.action, each.count) for each in trial.list_events()] == [
        ("c", "files.put", 3),
        ("d", "files.put", 1),
        ("c", "files.delete", 1),
    ]


def test_refusals_are_bounded_whoever_asks_for_whatever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "MAX_REFUSALS", 7)
    trial = Trial()
    for client in range(10):
        for action in range(10):
            trial.recorder.count(refuse(action=str(action)), str(client))
    trial.sweep(REFUSAL_SWEEPS)
    events = trial.list_events()
    assert len(events) == 7
    assert sum(each.count for each in events) == 100
    assert [(each.client, each.count) for each in events if each.action == OTHERS] == [("", 94)]


def test_what_waits_in_vain_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "MAX_OWED", 2)
    trial = Trial()
    trial.disk.is_full = True
    for number in range(5):
        trial.recorder.note(make_event(number))
    trial.disk.is_full = False
    trial.sweep()
    assert trial.list_events() == [make_event(0), make_event(1)]


def test_what_is_too_old_is_cut_off() -> None:
    trial = Trial(keep=10_000_000)
    finish(trial.disk.append([make_event(number) for number in range(30)]))
    trial.now = 25_000_000
    trial.sweep(CUT_SWEEPS)
    assert trial.entries.base.number == 15


def test_what_is_left_is_appended_at_the_end() -> None:
    trial = Trial()
    trial.recorder.count(refuse(), "c")
    finish(trial.recorder.stop())
    assert len(trial.list_events()) == 1
    assert not trial.clock.getDelayedCalls()
