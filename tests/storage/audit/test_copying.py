"""The copy of an audit in a file: every entry once, in order, whatever happens to the file and to whoever writes it."""

from __future__ import annotations

import json
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from attrs import define, evolve, field
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent

from cloudsvc.audit.chain import chain
from cloudsvc.audit.copying import LOOK_SECONDS, MAX_COPIED, Copier
from cloudsvc.audit.lines import MAX_LINE, write_line
from cloudsvc.storage.audit.line_file import LineFile
from cloudsvc.storage.audit.memory import Entries, MemoryAudit
from tests.support.audit_logs import make_event
from tests.support.coroutines import finish
from tests.support.inline_threads import Inline


@define(eq=False)
class Trial:
    """An audit, its file, and processes that copy, of which each has a number."""

    directory: Path
    entries: Entries = field(factory=Entries)
    clock: Clock = field(factory=Clock)
    copiers: dict[int, Copier] = field(factory=dict)

    @property
    def path(self) -> Path:
        return self.directory / "logs" / "audit.jsonl"

    @property
    def place(self) -> Path:
        return self.directory / "audit.copied"

    @property
    def file(self) -> LineFile:
        return LineFile(path=self.path, place=self.place, threads=Inline())

    def append(self, *numbers: int) -> None:
        finish(MemoryAudit(self.entries).append([make_event(number, target=f"/{number}") for number in numbers]))

    def look(self, process: int = 1) -> Copier:
        copier = self.copiers.setdefault(
            process, Copier(log=MemoryAudit(self.entries), file=self.file, clock=self.clock)
        )
        finish(copier.look())
        return copier

    def restart(self) -> None:
        self.copiers.clear()

    def list_numbers(self, path: Path | None = None) -> list[int]:
        return [json.loads(line)["number"] for line in (path or self.path).read_bytes().splitlines()]


@contextmanager
def no_room_beyond(size: int) -> Iterator[None]:
    """No file of this process can grow beyond ``size``: what is written is cut there, and then refused."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_every_entry_has_a_line_in_order(tmp_path: Path) -> None:
    trial = Trial(tmp_path)
    trial.append(1, 2)
    trial.look()
    trial.append(*range(3, MAX_COPIED * 2 + 10))
    assert not trial.look().is_failing
    assert trial.path.read_bytes() == b"".join(map(write_line, trial.entries.entries))
    assert trial.path.stat().st_mode & 0o777 == 0o600
    assert trial.place.stat().st_mode & 0o777 == 0o600
    # Where there is nothing new, nothing is written.
    before = trial.place.stat().st_mtime_ns
    trial.look()
    assert trial.place.stat().st_mtime_ns == before


def test_it_looks_by_itself_and_once_more_at_the_end(tmp_path: Path) -> None:
    trial = Trial(tmp_path)
    copier = Copier(log=MemoryAudit(trial.entries), file=trial.file, clock=trial.clock)
    copier.start()
    trial.append(1)
    trial.clock.advance(LOOK_SECONDS)
    assert trial.list_numbers() == [1]
    trial.append(2)
    finish(copier.stop())
    assert trial.list_numbers() == [1, 2]
    assert not trial.clock.getDelayedCalls()


def test_it_goes_on_where_it_was(tmp_path: Path) -> None:
    trial = Trial(tmp_path)
    trial.append(1, 2)
    trial.look()
    trial.restart()
    trial.append(3)
    trial.look()
    assert trial.list_numbers() == [1, 2, 3]


def test_processes_take_turns(tmp_path: Path) -> None:
    trial = Trial(tmp_path)
    for number in range(1, 8):
        trial.append(number)
        trial.look(number % 3)
    # While one writes, the others do not.
    trial.append(8)
    held = finish(trial.file.open())
    assert held is not None
    trial.look(0)
    assert trial.list_numbers() == [*range(1, 8)]
    held.close()
    trial.look(0)
    trial.look(1)
    assert trial.list_numbers() == [*range(1, 9)]


def test_a_file_that_was_moved_away_is_begun_anew(tmp_path: Path) -> None:
    trial = Trial(tmp_path)
    trial.append(1, 2)
    trial.look()
    moved = trial.path.with_suffix(".1")
    trial.path.rename(moved)
    trial.append(3)
    trial.look()
    trial.path.unlink()
    trial.restart()
    trial.append(4)
    trial.look()
    assert (trial.list_numbers(moved), trial.list_numbers()) == ([1, 2], [4])
    # What somebody else has made, and may read, stays as it is.
    trial.path.unlink()
    trial.path.touch(0o640)
    trial.path.chmod(0o640)
    trial.append(5)
    trial.look()
    assert trial.list_numbers() == [5]
    assert trial.path.stat().st_mode & 0o777 == 0o640


def test_a_crash_between_lines_and_place_doubles_nothing(tmp_path: Path) -> None:
    trial = Trial(tmp_path)
    trial.append(1)
    trial.look()
    before = trial.place.read_bytes()
    trial.append(2, 3)
    trial.look()
    trial.place.write_bytes(before)
    trial.restart()
    trial.append(4)
    trial.look()
    assert trial.list_numbers() == [1, 2, 3, 4]
    trial.place.unlink()
    trial.restart()
    trial.look()
    assert trial.list_numbers() == [1, 2, 3, 4]


def test_part_of_a_line_is_cut_off(tmp_path: Path) -> None:
    trial = Trial(tmp_path)
    trial.append(1)
    trial.look()
    trial.append(2)
    whole = write_line(trial.entries.entries[1])
    for part in (whole[:1], whole[:40], whole[:-1]):
        with trial.path.open("ab") as file:
            file.write(part)
        trial.restart()
        trial.append(len(trial.entries.entries) + 1)
        trial.look()
    assert trial.path.read_bytes() == b"".join(map(write_line, trial.entries.entries))


def test_what_somebody_else_has_written_stays(tmp_path: Path) -> None:
    trial = Trial(tmp_path)
    trial.path.parent.mkdir()
    trial.path.write_bytes(b"not ours")
    trial.append(1)
    trial.look()
    assert trial.path.read_bytes() == b"not ours\n" + write_line(trial.entries.entries[0])


@pytest.mark.parametrize(
    "line",
    [
        b"[" * 60_000,
        b'{"number": Infinity, "digest": "%b"}' % (b"0" * 64),
        b'{"number": %b, "digest": "%b"}' % (b"9" * 30, b"0" * 64),
        b'{"number": -1, "digest": "%b"}' % (b"0" * 64),
        b'{"number": 1, "digest": "00"}',
        b'{"number": 1, "digest": null}',
        b'{"number": 1}',
        b"[1]",
        b"\xff",
    ],
    ids=["deep", "infinite", "huge", "negative", "short", "null", "half", "list", "bytes"],
)
def test_a_line_of_somebody_else_says_nothing_of_the_audit(tmp_path: Path, line: bytes) -> None:
    trial = Trial(tmp_path)
    trial.path.parent.mkdir()
    trial.path.write_bytes(line + b"\n")
    trial.append(1)
    with capturedLogs() as events:
        trial.look()
    assert not events
    assert trial.path.read_bytes() == line + b"\n" + write_line(trial.entries.entries[0])


def test_a_full_disk_leaves_no_part_and_what_is_due_follows(tmp_path: Path) -> None:
    trial = Trial(tmp_path)
    trial.append(1, 2)
    trial.look()
    before = trial.path.read_bytes()
    trial.append(3, 4)
    with no_room_beyond(len(before) + 100), capturedLogs() as events:
        assert trial.look().is_failing
        assert trial.look().is_failing
    assert len(events) == 1
    assert trial.path.read_bytes() == before
    # While nobody knows whether it is possible again, it is not.
    held = finish(trial.file.open())
    assert held is not None
    assert trial.look().is_failing
    held.close()
    assert not trial.look().is_failing
    assert trial.list_numbers() == [1, 2, 3, 4]


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    trial = Trial(tmp_path)
    trial.path.parent.mkdir()
    os.mkfifo(trial.path)
    trial.append(1)
    assert trial.look().is_failing
    trial.path.unlink()
    assert not trial.look().is_failing
    assert trial.list_numbers() == [1]


def test_what_was_cut_off_before_is_told(tmp_path: Path) -> None:
    trial = Trial(tmp_path)
    trial.append(1)
    trial.look()
    trial.append(*range(2, 10))
    finish(MemoryAudit(trial.entries).cut(5_000_000, 100))
    with capturedLogs() as events:
        trial.look()
    assert [formatEvent(event) for event in events] == [
        "the entries 2 to 4 of the audit were cut off before they were copied to its file"
    ]
    assert trial.list_numbers() == [1, *range(5, 10)]
    # Of one that was cut off after it was copied, nothing is missing.
    finish(MemoryAudit(trial.entries).cut(20_000_000, 100))
    trial.append(10)
    trial.restart()
    with capturedLogs() as events:
        trial.look()
    assert not events
    assert trial.list_numbers() == [1, *range(5, 11)]


def test_another_audit_follows_as_a_whole(tmp_path: Path) -> None:
    trial = Trial(tmp_path)
    trial.append(1, 2, 3)
    trial.look()
    for number in (1, 4):
        # It has fewer entries, or others.
        trial.entries.entries = [*chain(trial.entries.base, [make_event(number)] * number)]
        trial.restart()
        trial.path.unlink()
        with capturedLogs() as events:
            trial.look()
        assert len(events) == 1
        assert trial.path.read_bytes() == b"".join(map(write_line, trial.entries.entries))


def test_the_longest_line_is_found_again(tmp_path: Path) -> None:
    trial = Trial(tmp_path)
    long = "\N{PARTY POPPER}" * 5_000
    texts = {"actor", "credential", "key", "client", "request", "action", "target", "target_id"}
    event = make_event(1, **dict.fromkeys(texts, long))
    finish(MemoryAudit(trial.entries).append([evolve(event, count=2**62)] * 3))
    assert len(write_line(trial.entries.entries[0])) < MAX_LINE
    trial.look()
    trial.place.unlink()
    with trial.path.open("ab") as file:
        file.write(write_line(trial.entries.entries[0])[:-1])
    trial.restart()
    trial.append(1)
    trial.look()
    assert trial.list_numbers() == [1, 2, 3, 4]
