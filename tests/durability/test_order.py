"""System calls of a running server for one upload, and their order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from attrs import define

from tests.support.drive_servers import DRIVE
from tests.support.durability.strace import MAKE_FOLDER, RENAME, tracing
from tests.support.hostile_clients import PLAIN, dial, receive_all, run_trial
from tests.support.server import wait_until

CALLS = ("write", "fsync", MAKE_FOLDER, RENAME, "pwrite64", "fdatasync", "sendto")

_LINE = re.compile(r"(\d+) +(?:<\.\.\. (\w+) resumed>)?(.*)")
_UNFINISHED = " <unfinished ...>"


@define
class Call:
    """One call. ``begin`` and ``end`` are lines of the report."""

    text: str
    begin: int
    end: int


def read_calls(report: str) -> Iterator[Call]:
    """All calls of a report that have ended well."""
    begun: dict[str, Call] = {}
    for number, line in enumerate(report.splitlines()):
        found = _LINE.fullmatch(line)
        assert found, line
        thread, resumed, text = found.groups()
        call = begun.pop(thread) if resumed else Call("", number, 0)
        call.text += text.removesuffix(_UNFINISHED)
        call.end = number
        if text.endswith(_UNFINISHED):
            begun[thread] = call
        elif re.search(r"= \d+", text):
            yield call


def test_every_step_of_an_upload_is_durable_before_the_next_and_all_are_before_the_answer(tmp_path: Path) -> None:
    report = tmp_path / "report"
    with run_trial(tmp_path / "home", *PLAIN, applications=[DRIVE]) as server, dial(server, plain=True) as connection:
        head = f"PUT /api/files/a HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {server.token}\r\nConnection: close\r\n"
        with tracing(server.process.pid, report, *CALLS):
            connection.sendall(head.encode() + b"Content-Length: 5\r\n\r\nhello")
            assert receive_all(connection).startswith(b"HTTP/1.1 201 ")
            wait_until(lambda: "HTTP/1.1 201" in report.read_text(), lambda: "strace has not seen the answer")
    calls = [*read_calls(report.read_text())]
    [blob] = {
        found[1] for call in calls if (found := re.match(r'write\(\d+<.*/incoming/\w+/(\w{32})>, "hello"', call.text))
    }
    folder = blob[:2]
    order = [
        rf'write\(\d+<.*/incoming/\w+/{blob}>, "hello", 5\)',
        rf"fsync\(\d+<.*/incoming/\w+/{blob}>\)",
        rf'mkdir\w*\(.*/blobs/{folder}"',
        r"fsync\(\d+<.*/drive/blobs>\)",
        rf'rename\w*\(.*/incoming/\w+/{blob}", .*/blobs/{folder}/{blob}"',
        rf"fsync\(\d+<.*/blobs/{folder}>\)",
        r"pwrite64\(\d+<.*/catalogue\.sqlite3-wal>",
        r"fdatasync\(\d+<.*/catalogue\.sqlite3-wal>",
        r'(sendto|write)\(\d+<(TCP|socket):.*"HTTP/1\.1 201 ',
    ]
    steps = [[call for call in calls if re.match(step, call.text)] for step in order]
    assert all(steps), [step for step, found in zip(order, steps, strict=True) if not found]
    for earlier, later in pairwise(steps):
        assert max(call.end for call in earlier) < min(call.begin for call in later), (earlier, later)
