"""Files and streams of log lines, on a real disk."""

from __future__ import annotations

import fcntl
import os
import pty
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from attrs import define
from twisted.logger import LogEvent, globalLogPublisher

from cloudsvc.core.errors import OperatorError
from cloudsvc.observe.files import LinesLost, RotatingFile, Stream


@contextmanager
def opened(path: Path, *, max_bytes: int = 100, backups: int = 3) -> Iterator[RotatingFile]:
    file = RotatingFile.open(path, max_bytes=max_bytes, backups=backups)
    try:
        yield file
    finally:
        file.close()


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def line(number: int) -> bytes:
    return f"line {number:04d} {'x' * 20}\n".encode()


def test_the_directory_and_the_file_are_made_for_the_server_and_its_group(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "server.log"
    with opened(path) as file:
        file.write(b"one\n")
        assert file.name == "server.log"
    assert path.read_bytes() == b"one\n"
    assert mode(path) & ~0o640 == 0
    assert mode(path.parent) & ~0o750 == 0


def test_a_file_that_everybody_could_read_is_closed_to_others(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    path.touch()
    path.chmod(0o666)
    with opened(path):
        assert mode(path) == 0o640


def test_a_stricter_mode_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    path.touch()
    path.chmod(0o600)
    with opened(path):
        assert mode(path) == 0o600


def test_lines_are_added_to_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    path.write_bytes(b"before\n")
    with opened(path) as file:
        file.write(b"after\n")
    assert path.read_bytes() == b"before\nafter\n"


def test_rotation_keeps_every_line_in_order_and_files_within_their_size(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    with opened(path, max_bytes=100, backups=9) as file:
        for number in range(20):
            file.write(line(number))
    files = [path.with_name(f"server.log.{n}") for n in range(9, 0, -1)] + [path]
    present = [file for file in files if file.exists()]
    assert b"".join(file.read_bytes() for file in present) == b"".join(map(line, range(20)))
    assert all(file.stat().st_size <= 100 and mode(file) & ~0o640 == 0 for file in present)
    assert sorted(tmp_path.iterdir()) == sorted(present)


def test_only_so_many_backups_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    with opened(path, max_bytes=1, backups=2) as file:
        for number in range(6):
            file.write(line(number))
    assert path.read_bytes() == line(5)
    assert (tmp_path / "server.log.1").read_bytes() == line(4)
    assert (tmp_path / "server.log.2").read_bytes() == line(3)
    assert len(list(tmp_path.iterdir())) == 3


def test_without_backups_a_new_file_takes_the_place_of_the_old(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    with opened(path, max_bytes=1, backups=0) as file:
        file.write(line(1))
        file.write(line(2))
    assert path.read_bytes() == line(2)
    assert list(tmp_path.iterdir()) == [path]


def test_a_line_longer_than_a_file_has_one_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    with opened(path, max_bytes=10) as file:
        file.write(b"a\n" + b"b" * 50 + b"\n" + b"c\n")
    kept = [path.with_name(f"server.log{end}").read_bytes() for end in (".2", ".1", "")]
    assert kept == [b"a\n", b"b" * 50 + b"\n", b"c\n"]


@pytest.mark.parametrize("batch", [1, 2, 3, 7, 40])
def test_a_batch_goes_on_in_the_next_file_at_the_end_of_a_line(tmp_path: Path, batch: int) -> None:
    path = tmp_path / "server.log"
    lines = [line(number) for number in range(40)]
    with opened(path, max_bytes=100, backups=99) as file:
        for start in range(0, 40, batch):
            file.write(b"".join(lines[start : start + batch]))
    files = sorted(tmp_path.iterdir(), key=lambda each: -int(each.suffix[1:]) if each.suffix != ".log" else 0)
    assert b"".join(each.read_bytes() for each in files) == b"".join(lines)
    assert {each.read_bytes()[-1:] for each in files} == {b"\n"}
    assert max(each.stat().st_size for each in files) <= 100
    assert len(files) <= 14, "each but the last is as full as can be"


def test_what_the_next_file_does_not_take_is_counted_as_well(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    path.symlink_to("/dev/full")
    with opened(path, max_bytes=8) as file, pytest.raises(LinesLost) as caught:
        file.write(b"one\ntwo\nthree\n")
    assert caught.value.lines == 3


@pytest.mark.parametrize("blocked", ["server.log.new", "server.log.1"])
def test_where_rotation_fails_the_file_grows_on_and_it_is_said_once(tmp_path: Path, blocked: str) -> None:
    (tmp_path / blocked / "in the way").mkdir(parents=True)
    (tmp_path / "server.log.2").write_bytes(b"a backup\n")
    (tmp_path / "server.log.3").mkdir()
    path = tmp_path / "server.log"
    said: list[LogEvent] = []
    globalLogPublisher.addObserver(said.append)  # type: ignore[arg-type]  # a plain function will do
    descriptors = len(list(Path("/proc/self/fd").iterdir()))
    try:
        with opened(path, max_bytes=40) as file:
            for number in range(5):
                file.write(line(number))
            assert len(list(Path("/proc/self/fd").iterdir())) == descriptors + 1
            assert path.read_bytes() == b"".join(map(line, range(5)))
            assert (tmp_path / "server.log.2").read_bytes() == b"a backup\n"
            assert [event["log_format"] for event in said] == ["{name} cannot be rotated and grows on: {reason}"]
            for obstacle in (tmp_path / blocked, tmp_path / "server.log.3"):
                if (obstacle / "in the way").exists():
                    (obstacle / "in the way").rmdir()
                obstacle.rmdir()
            file.write(line(5))
            assert path.read_bytes() == line(5)
    finally:
        globalLogPublisher.removeObserver(said.append)  # type: ignore[arg-type]  # as above


def test_reopening_starts_a_new_file_where_the_old_one_was_moved_away(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    with opened(path) as file:
        file.write(b"old\n")
        path.rename(tmp_path / "moved")
        file.write(b"still old\n")
        file.reopen()
        file.write(b"new\n")
    assert (tmp_path / "moved").read_bytes() == b"old\nstill old\n"
    assert path.read_bytes() == b"new\n"


def test_when_there_is_no_new_file_the_old_one_stays_in_use(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "server.log"
    with opened(path) as file:
        moved = path.parent.rename(tmp_path / "moved")
        with pytest.raises(FileNotFoundError):
            file.reopen()
        file.write(b"kept\n")
    assert (moved / "server.log").read_bytes() == b"kept\n"


def test_a_file_cut_short_by_something_else_gets_no_hole(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    with opened(path) as file:
        file.write(b"long before\n")
        os.truncate(path, 0)
        file.write(b"after\n")
    assert path.read_bytes() == b"after\n"


def test_a_file_that_cannot_be_opened_is_a_fault_that_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file where the directory should be")
    with pytest.raises(OperatorError, match=r"cannot write the log file .*logs/server\.log: .*; make .*logs writable"):
        RotatingFile.open(tmp_path / "logs" / "server.log", max_bytes=2**20, backups=5)


def test_a_full_disk_loses_lines_and_says_how_many(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    path.symlink_to("/dev/full")
    with opened(path) as file, pytest.raises(LinesLost, match="No space left on device") as caught:
        file.write(b"one\ntwo\n")
    assert caught.value.lines == 2


def test_a_reader_that_is_gone_loses_lines() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        with pytest.raises(LinesLost, match="Broken pipe"):
            Stream(writing, "the console").write(b"one\n")
    finally:
        os.close(writing)


@define
class Pipe:
    """A pipe that does not wait: when it is full, writing fails, in the middle of a line if need be."""

    reading: int
    writing: int

    def drain(self) -> bytes:
        """All that is in it."""
        pieces = []
        with suppress(BlockingIOError):
            while piece := os.read(self.reading, 65536):
                pieces.append(piece)
        return b"".join(pieces)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    yield Pipe(reading, writing)
    os.close(reading)
    os.close(writing)


def make_sockets() -> tuple[int, int]:
    """Such as systemd gives a service for its console."""
    ends = socket.socketpair()
    return ends[0].detach(), ends[1].detach()


def test_after_half_a_line_the_next_one_begins_anew(pipe: Pipe) -> None:
    stream = Stream(pipe.writing, "the console")
    with pytest.raises(LinesLost) as caught:
        stream.write(b"".join(b"%030d\n" % number for number in range(10_000)))
    whole, part = divmod(len(pipe.drain()), 31)
    assert part > 0
    assert caught.value.lines == 10_000 - whole
    stream.write(b"next\n")
    stream.write(b"and next\n")
    assert pipe.drain() == b"\nnext\nand next\n"


def test_half_a_line_is_still_ended_when_the_stream_failed_twice(pipe: Pipe) -> None:
    stream = Stream(pipe.writing, "the console")
    with pytest.raises(LinesLost):
        stream.write(b"x" * 1_000_000 + b"\n")
    with pytest.raises(LinesLost) as caught:
        stream.write(b"one\ntwo\n")
    assert caught.value.lines == 2
    pipe.drain()
    stream.write(b"next\n")
    assert pipe.drain() == b"\nnext\n"


def test_a_stream_leaves_its_descriptor_to_whoever_opened_it(pipe: Pipe) -> None:
    stream = Stream(pipe.writing, "the console")
    stream.reopen()
    stream.close()
    os.write(pipe.writing, b"open\n")
    assert pipe.drain() == b"open\n"


@pytest.mark.parametrize("connect", [os.pipe, pty.openpty, make_sockets], ids=["pipe", "terminal", "socket"])
def test_what_nobody_reads_is_not_waited_for(connect: Callable[[], tuple[int, int]]) -> None:
    reading, writing = connect()
    stream = Stream(writing, "the console")
    lines = b"".join(b"%030d\n" % number for number in range(10_000))
    for _ in range(100):
        with pytest.raises(LinesLost, match=r"nobody reads it|unavailable"):
            stream.write(lines)
    assert os.get_blocking(writing)
    os.set_blocking(reading, False)
    heard = Pipe(reading, writing).drain().replace(b"\r\n", b"\n")
    assert lines.startswith(heard)
    stream.write(b"next\n")
    assert os.read(reading, 100).split() == [b"next"]
    os.close(reading)
    os.close(writing)


def test_a_slow_reader_of_a_pipe_gets_everything(pipe: Pipe) -> None:
    os.set_blocking(pipe.writing, True)
    os.set_blocking(pipe.reading, True)
    lines = b"".join(b"%030d\n" % number for number in range(10_000))
    with ThreadPoolExecutor() as threads, open(pipe.reading, "rb", closefd=False) as reader:
        reading = threads.submit(reader.read, len(lines))
        Stream(pipe.writing, "the console").write(lines)
        assert reading.result() == lines


def test_several_processes_lose_no_line_while_one_of_them_rotates(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    with opened(path, max_bytes=300, backups=99) as one, opened(path, max_bytes=300, backups=99) as other:
        for number in range(0, 200, 2):
            one.write(line(number))
            other.write(line(number + 1))
    files = sorted(tmp_path.iterdir(), key=lambda each: -int(each.suffix[1:]) if each.suffix != ".log" else 0)
    assert b"".join(each.read_bytes() for each in files) == b"".join(map(line, range(200)))
    assert max(each.stat().st_size for each in files) <= 300


def test_whoever_finds_another_rotating_writes_to_the_file_that_there_is(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    with opened(path, max_bytes=40) as file, path.open("rb") as other:
        file.write(line(0))
        fcntl.flock(other, fcntl.LOCK_EX)
        file.write(line(1) + line(2))
        assert path.read_bytes() == line(0) + line(1) + line(2)
        fcntl.flock(other, fcntl.LOCK_UN)
        file.write(line(3))
        assert path.read_bytes() == line(3)


def test_whoever_waits_to_rotate_finds_that_it_was_done(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    with opened(path, max_bytes=40) as one, opened(path, max_bytes=40) as other:
        one.write(line(0))
        other.write(line(1))
        one.write(b"short\n")
        assert path.read_bytes() == line(1) + b"short\n"
        assert (tmp_path / "server.log.1").read_bytes() == line(0)
