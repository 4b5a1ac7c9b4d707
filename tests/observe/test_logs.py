"""Lines are gathered and written in batches, and nothing about a log file can trouble the server."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

import pytest
from twisted.internet.task import Clock
from twisted.logger import LogEvent, Logger, LogLevel, globalLogPublisher

from cloudsvc.observe.files import RotatingFile
from cloudsvc.observe.lines import LogFormat
from cloudsvc.observe.logs import FLUSH_BYTES, LogObserver, LogWriter, StandardLibraryHandler
from tests.support.log_targets import Memory


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def writer(memory: Memory, clock: Clock) -> LogWriter:
    writer = LogWriter([memory], clock)
    writer.start()
    return writer


@pytest.fixture
def observer(writer: LogWriter) -> Iterator[LogObserver]:
    """Observes whatever is logged in the process, as it does in the server."""
    observer = LogObserver(writer, LogFormat.TEXT, refuse, level="info")
    globalLogPublisher.addObserver(observer)
    yield observer
    globalLogPublisher.removeObserver(observer)


def refuse(call: Callable[[], None]) -> None:
    pytest.fail(f"not another thread: {call}")


def test_lines_wait_for_each_other_a_fifth_of_a_second(writer: LogWriter, memory: Memory, clock: Clock) -> None:
    writer.write(b"one\n")
    clock.advance(0.1)
    writer.write(b"two\n")
    assert memory.batches == []
    clock.advance(0.1)
    assert memory.batches == [b"one\ntwo\n"]


def test_nothing_to_write_needs_no_timer(writer: LogWriter, memory: Memory, clock: Clock) -> None:
    assert clock.getDelayedCalls() == []
    writer.write(b"one\n")
    clock.advance(0.2)
    assert clock.getDelayedCalls() == []
    writer.flush()
    assert memory.batches == [b"one\n"]


def test_much_is_written_at_once(writer: LogWriter, memory: Memory, clock: Clock) -> None:
    line = b"x" * 1023 + b"\n"
    for _ in range(FLUSH_BYTES // 1024 + 1):
        writer.write(line)
    assert len(memory.batches) == 1
    assert clock.getDelayedCalls() == []


def test_an_urgent_line_takes_along_those_before_it(writer: LogWriter, memory: Memory, clock: Clock) -> None:
    writer.write(b"one\n")
    writer.write(b"urgent\n", urgent=True)
    assert memory.batches == [b"one\nurgent\n"]
    assert clock.getDelayedCalls() == []


def test_stopping_writes_what_waits_and_later_lines_at_once(writer: LogWriter, memory: Memory, clock: Clock) -> None:
    writer.write(b"one\n")
    writer.stop()
    writer.write(b"two\n")
    assert memory.batches == [b"one\n", b"two\n"]
    assert clock.getDelayedCalls() == []


def test_before_the_start_lines_are_written_at_once(memory: Memory, clock: Clock) -> None:
    LogWriter([memory], clock).write(b"one\n")
    assert memory.batches == [b"one\n"]


def test_closing_lets_go_of_the_targets(writer: LogWriter, memory: Memory) -> None:
    writer.write(b"one\n")
    writer.close()
    writer.write(b"two\n")
    assert memory.batches == [b"one\n"]
    assert memory.closed


def test_every_target_gets_every_line(clock: Clock) -> None:
    targets = [Memory("one"), Memory("two")]
    LogWriter(targets, clock).write(b"line\n")
    assert [target.text for target in targets] == ["line\n", "line\n"]


def test_lost_lines_are_counted_and_reported_once(clock: Clock) -> None:
    good, bad = Memory("good"), Memory("bad", fault="No space left on device")
    counts: list[int] = []
    writer = LogWriter([bad, good], clock, counts.append)
    observer = LogObserver(writer, LogFormat.TEXT, refuse, level="info")
    globalLogPublisher.addObserver(observer)
    try:
        writer.write(b"one\n")
        writer.write(b"two\nthree\n")
        # One, the report of it, two and three.
        assert sum(counts) == 4
        assert good.text.count("bad takes no log lines, they are lost until it does: No space left on device\n") == 1
        bad.fault = ""
        writer.write(b"four\n")
        writer.write(b"five\n")
    finally:
        globalLogPublisher.removeObserver(observer)
    assert good.text.count("bad takes log lines again, 4 were lost\n") == 1
    assert bad.text.startswith("four\n")
    assert bad.text.count("4 were lost\n") == 1
    assert sum(counts) == 4


def test_a_full_disk_does_not_reach_whoever_logs(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "server.log"
    path.symlink_to("/dev/full")
    counts: list[int] = []
    writer = LogWriter([RotatingFile.open(path, max_bytes=2**20, backups=5)], clock, counts.append)
    writer.start()
    writer.write(b"one\ntwo\n", urgent=True)
    writer.close()
    assert counts == [2]


def test_the_file_is_opened_anew_after_what_waits(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "server.log"
    writer = LogWriter([RotatingFile.open(path, max_bytes=2**20, backups=5)], clock)
    writer.start()
    writer.write(b"before\n")
    path.rename(tmp_path / "server.log-old")
    writer.reopen()
    writer.write(b"after\n")
    writer.close()
    assert (tmp_path / "server.log-old").read_bytes() == b"before\n"
    assert path.read_bytes() == b"after\n"


def test_a_file_that_cannot_be_opened_anew_is_reported(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "logs" / "server.log"
    writer = LogWriter([RotatingFile.open(path, max_bytes=2**20, backups=5)], clock)
    observer = LogObserver(writer, LogFormat.TEXT, refuse, level="info")
    globalLogPublisher.addObserver(observer)
    try:
        moved = path.parent.rename(tmp_path / "moved")
        writer.reopen()
    finally:
        globalLogPublisher.removeObserver(observer)
        writer.close()
    assert (
        "server.log cannot be opened anew and the old file stays in use: No such file"
        in (moved / "server.log").read_text()
    )


@pytest.mark.usefixtures("observer")
def test_events_become_lines_and_errors_are_written_at_once(memory: Memory, clock: Clock) -> None:
    log = Logger(namespace="cloudsvc.test")
    log.debug("too little")
    log.info("first {n}", n=1)
    assert memory.batches == []
    log.error("second")
    assert " info  [cloudsvc.test] first 1\n" in memory.text
    assert " error [cloudsvc.test] second\n" in memory.text
    assert "too little" not in memory.text
    assert clock.getDelayedCalls() == []


def test_the_level_decides_what_is_logged(writer: LogWriter, memory: Memory) -> None:
    observer = LogObserver(writer, LogFormat.TEXT, refuse, level="warn")
    for level in LogLevel.iterconstants():
        observer({"log_level": level, "log_format": level.name})
    writer.flush()
    assert [line.split()[1] for line in memory.text.splitlines()] == ["warn", "error", "critical"]


def test_a_level_that_does_not_exist_is_refused_at_once(writer: LogWriter) -> None:
    with pytest.raises(ValueError, match="loud"):
        LogObserver(writer, LogFormat.TEXT, refuse, level="loud")


def test_other_threads_hand_their_lines_over(writer: LogWriter, memory: Memory) -> None:
    handed: list[Callable[[], None]] = []
    observer = LogObserver(writer, LogFormat.TEXT, handed.append, level="info")
    event: LogEvent = {"log_level": LogLevel.error, "log_format": "from a thread"}
    thread = Thread(target=observer, args=(event,))
    thread.start()
    thread.join()
    assert memory.batches == []
    handed[0]()
    assert memory.text.endswith("from a thread\n")


@pytest.mark.usefixtures("observer")
def test_what_libraries_log_arrives_too(writer: LogWriter, memory: Memory) -> None:
    library = logging.getLogger("library")
    handler = StandardLibraryHandler()
    library.addHandler(handler)
    library.propagate = False
    try:
        library.warning("watch %s", "out")
        library.warning("wrong %d arguments", "out")
        try:
            int("why")
        except ValueError:
            library.exception("It failed")
        library.log(logging.CRITICAL, "the end")
        library.log(5, "less than debug")
    finally:
        library.removeHandler(handler)
    writer.flush()
    assert " warn  [library] watch out\n" in memory.text
    assert " warn  [library] wrong %d arguments\n" in memory.text
    assert " error [library] It failed\n    Traceback" in memory.text
    assert "\n    builtins.ValueError: invalid literal" in memory.text
    assert " critical [library] the end\n" in memory.text
    assert "less than debug" not in memory.text
