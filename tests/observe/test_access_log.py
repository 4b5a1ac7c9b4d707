"""One line for every request, whatever is in it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from twisted.internet.task import Clock

from cloudsvc.observe.access_log import AccessLog
from cloudsvc.observe.lines import LogFormat
from cloudsvc.observe.logs import LogWriter
from tests.support.log_targets import Memory

NOW = 1767225600.123456


def line_of(log_format: LogFormat, level: str = "info", /, **changed: Any) -> str:
    memory = Memory()
    request: dict[str, Any] = {
        "method": b"GET",
        "path": b"/api/login",
        "client": "203.0.113.9",
        "status": 200,
        "seconds": 0.000123,
        "sent": 93,
        "request_id": "ab12cd34-000000ff",
    } | changed
    AccessLog(LogWriter([memory], Clock()), log_format, lambda: NOW, level, None).record(**request)
    return memory.text


def test_the_text_line() -> None:
    assert re.fullmatch(
        r"2026-01-01T00:00:00\.12345\dZ info  \[cloudsvc\.access\] GET /api/login 200"
        r" client=203\.0\.113\.9 seconds=0\.000123 sent=93 request_id=ab12cd34-000000ff\n",
        line_of(LogFormat.TEXT),
    )


@pytest.mark.parametrize("log_format", LogFormat)
def test_requests_are_as_important_as_info(log_format: LogFormat) -> None:
    assert line_of(log_format, "debug") == line_of(log_format)
    assert [line_of(log_format, level) for level in ("warn", "error", "critical")] == [""] * 3


def test_a_line_says_which_of_several_processes_has_written_it() -> None:
    lines = []
    for log_format in LogFormat:
        memory = Memory()
        log = AccessLog(LogWriter([memory], Clock()), log_format, lambda: NOW, "info", node="one", worker=2)
        log.record(
            method=b"GET", path=b"/", client="::1", status=200, seconds=0.0, sent=0, request_id="ab12cd34-000000ff"
        )
        lines.append(memory.text)
    text, structured = lines
    assert text.endswith(" request_id=ab12cd34-000000ff node=one worker=2\n")
    fields = json.loads(structured)["fields"]
    assert (fields["node"], fields["worker"]) == ("one", 2)


def test_the_json_line() -> None:
    content = json.loads(line_of(LogFormat.JSON))
    assert content.pop("timestamp").startswith("2026-01-01T00:00:00.12345")
    assert content == {
        "level": "info",
        "logger": "cloudsvc.access",
        "message": "GET /api/login 200",
        "fields": {
            "method": "GET",
            "path": "/api/login",
            "client": "203.0.113.9",
            "status": 200,
            "seconds": 0.000123,
            "sent": 93,
            "request_id": "ab12cd34-000000ff",
        },
    }


def test_timestamps_follow_the_clock() -> None:
    moments = iter([0.999999, 1.0, 60.5])
    memory = Memory()
    log = AccessLog(LogWriter([memory], Clock()), LogFormat.TEXT, lambda: next(moments), "info", None)
    for _ in range(3):
        log.record(method=b"GET", path=b"/", client="-", status=200, seconds=0, sent=0, request_id="-")
    stamps = [line.split()[0] for line in memory.text.splitlines()]
    assert stamps == ["1970-01-01T00:00:00.999999Z", "1970-01-01T00:00:01.000000Z", "1970-01-01T00:01:00.500000Z"]


@pytest.mark.parametrize("log_format", LogFormat)
@pytest.mark.parametrize(
    ("target", "path"),
    [
        (b"/api/files/x?api_key=s3cr3t", "/api/files/x"),
        (b"/a?b?s3cr3t", "/a"),
        (b"/?s3cr3t", "/"),
        (b"https://user:s3cr3t@example.org/api", "/api"),
        (b"HTTPS://user:s3cr3t@example.org", "-"),
        (b"https://user:s3cr3t@example.org?s3cr3t", "-"),
        (b"", "-"),
        (b"*", "*"),
    ],
)
def test_only_the_path_of_a_target_is_logged(log_format: LogFormat, target: bytes, path: str) -> None:
    line = line_of(log_format, path=target)
    assert "s3cr3t" not in line
    assert f"GET {path} 200" in line


@pytest.mark.parametrize(
    ("path", "logged"),
    [
        (b"/%0aforged", "/%0aforged"),
        (b"/a\nforged", "/a\\x0aforged"),
        (b'/a b"c\\', "/a\\x20b\\x22c\\x5c"),
        (b"/\xc3\xa9\x85\x7f", "/\\xc3\\xa9\\x85\\x7f"),
        (b"/" + b"a" * 1023, "/" + "a" * 1023),
        (b"/" + b"a" * 5000, "/" + "a" * 1023 + "..."),
        (b"/" + b"\n" * 5000, "/" + "\\x0a" * 1023 + "..."),
    ],
)
def test_a_path_is_one_word_of_bounded_length(path: bytes, logged: str) -> None:
    assert f" GET {logged} 200 client=" in line_of(LogFormat.TEXT, path=path)


@given(method=st.binary(), path=st.binary(), client=st.text(), request_id=st.text(st.characters(exclude_categories=())))
@example(method=b"GET", path=b"/", client="x seconds=0", request_id="a\nb\u2028\udc80")
def test_no_request_can_forge_a_line_or_a_field(method: bytes, path: bytes, client: str, request_id: str) -> None:
    changed = {"method": method, "path": path, "client": client, "request_id": request_id}
    text = line_of(LogFormat.TEXT, **changed)
    assert text.isascii()
    assert text[:-1].isprintable()
    assert text[-1] == "\n"
    assert text.count(" ") == 10
    line = line_of(LogFormat.JSON, **changed)
    assert line.isascii()
    assert line[:-1].isprintable()
    assert set(json.loads(line)["fields"]) == {"method", "path", "client", "status", "seconds", "sent", "request_id"}
