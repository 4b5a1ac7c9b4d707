"""Events of twisted.logger as lines of either format."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.protocol import Factory
from twisted.logger import ILogObserver, LogEvent, Logger, LogLevel, globalLogPublisher
from twisted.python import log
from twisted.python.failure import Failure

from cloudsvc.core.secrets import Secret
from cloudsvc.observe.lines import LogFormat
from cloudsvc.observe.records import LEVELS, level_of, read_event

ANY_TEXT = st.text(st.characters(exclude_categories=()))
NEW_YEAR = 1767225600.0


def event(log_format: str = "message", **fields: Any) -> LogEvent:
    return {
        "log_time": NEW_YEAR,
        "log_level": LogLevel.info,
        "log_namespace": "cloudsvc.web",
        "log_format": log_format,
        **fields,
    }


def as_text(event: LogEvent) -> str:
    return LogFormat.TEXT.render(read_event(event)).decode()


def as_json(event: LogEvent) -> Any:
    return json.loads(LogFormat.JSON.render(read_event(event)))


def failure_of(error: Exception) -> Failure:
    def fail() -> None:
        raise error

    try:
        fail()
    except Exception:  # noqa: BLE001  # any error will do
        return Failure()
    raise AssertionError("it did not fail")


def test_a_text_line_has_time_level_logger_message_and_fields() -> None:
    line = as_text(event("{count} bytes went", count=3, key="value", words="two words", flag=True, nothing=None))
    assert line == (
        "2026-01-01T00:00:00.000000Z info  [cloudsvc.web] 3 bytes went"
        ' key=value words="two words" flag=true nothing=null\n'
    )


def test_a_json_line_has_the_same_in_members() -> None:
    assert as_json(event("{count} bytes went", count=3, ratio=0.5, flag=True, nothing=None)) == {
        "timestamp": "2026-01-01T00:00:00.000000Z",
        "level": "info",
        "logger": "cloudsvc.web",
        "message": "3 bytes went",
        "fields": {"count": 3, "ratio": 0.5, "flag": True, "nothing": None},
    }


@given(message=ANY_TEXT, key=ANY_TEXT, value=ANY_TEXT, namespace=ANY_TEXT)
def test_a_record_is_one_line_whatever_it_says(message: str, key: str, value: str, namespace: str) -> None:
    record = read_event(event("{said}", said=message) | {f"_{key}": value, "log_namespace": namespace})
    text = LogFormat.TEXT.render(record).decode("utf-8")
    assert text.endswith("\n")
    assert text[:-1].isprintable()
    line = LogFormat.JSON.render(record)
    assert line.endswith(b"\n")
    assert line[:-1].decode("ascii").isprintable()
    content = json.loads(line)
    assert content["message"] == message.encode("utf-8", "backslashreplace").decode()
    assert value.encode("utf-8", "backslashreplace").decode() in content["fields"].values()


@given(ANY_TEXT)
def test_the_lines_of_a_traceback_are_indented_and_printable(message: str) -> None:
    logged = event("It failed", log_failure=failure_of(ValueError(message)))
    first, *rest = as_text(logged).removesuffix("\n").split("\n")
    assert first.endswith("It failed")
    assert len(rest) > 2
    assert all(line.startswith("    ") and line.isprintable() for line in rest)


def test_a_forged_line_in_an_exception_stays_inside_its_record() -> None:
    forged = "2026-01-01T00:00:00.000000Z info  [cloudsvc.access] GET /admin 200"
    text = as_text(event("It failed", log_failure=failure_of(ValueError(f"x\n{forged}"))))
    assert f"\n    {forged}\n" in text
    assert f"\n{forged}" not in text


def test_a_traceback_in_json_is_one_member() -> None:
    content = as_json(event("It failed", log_failure=failure_of(ValueError("why"))))
    assert content["traceback"].endswith("ValueError: why")
    assert "failure_of" in content["traceback"]
    assert content["fields"] == {}


def test_a_failure_that_cannot_be_printed_is_still_logged() -> None:
    class Unprintable(Failure):
        def getTraceback(self, *_: object, **__: object) -> str:
            raise RuntimeError("no")

    logged = event("It failed", log_failure=Unprintable(ValueError("x")))
    assert "(the traceback cannot be printed: RuntimeError)" in as_text(logged)


@pytest.mark.parametrize("log_format", ["the key {token} came", "the key came", "the key {token!r}", "{broken"])
def test_a_secret_never_shows(log_format: str) -> None:
    logged = event(log_format, token=Secret("s3cr3t"), nested={"in": [Secret("s3cr3t")]})
    assert "s3cr3t" not in as_text(logged)
    assert "s3cr3t" not in json.dumps(as_json(logged))


class Awkward:
    """Cannot be printed."""

    def __str__(self) -> str:
        raise RuntimeError("no")

    __repr__ = __str__


@pytest.mark.parametrize(
    "value",
    [Awkward(), 10**5000, float("nan"), float("-inf"), b"\xff\x00", object(), {1: 2}],
    ids=["awkward", "huge", "nan", "infinite", "bytes", "object", "dict"],
)
def test_any_value_can_be_logged(value: object) -> None:
    logged = event("message", value=value)
    assert as_text(logged).count("\n") == 1
    assert isinstance(as_json(logged)["fields"]["value"], str)


def test_a_message_that_cannot_be_formatted_says_so() -> None:
    assert "Unable to format event" in as_text(event("{missing}"))


def test_long_values_are_bounded() -> None:
    assert len(as_text(event("{x}", x="y" * 10**6, z="y" * 10**6))) < 40_000


def test_fields_of_attributes_and_calls_count_as_told() -> None:
    assert as_text(event("{name.upper()} {items[0]}", name="x", items=["y"])).endswith("] X y\n")


def test_an_event_without_anything_is_a_line_too() -> None:
    assert as_text({}) == "1970-01-01T00:00:00.000000Z info  [-] \n"


@pytest.mark.parametrize("level", LEVELS)
def test_levels_keep_their_names(level: str) -> None:
    assert level_of(event() | {"log_level": LogLevel.levelWithName(level)}) == level


def test_starting_factories_is_for_debugging() -> None:
    seen: list[LogEvent] = []
    Logger(observer=cast("ILogObserver", seen.append), source=Factory()).info(
        "Starting factory {factory!r}", factory=Factory()
    )
    assert level_of(seen[0]) == "debug"


@contextmanager
def everything_logged() -> Iterator[list[LogEvent]]:
    seen: list[LogEvent] = []
    observer = cast("ILogObserver", seen.append)
    globalLogPublisher.addObserver(observer)
    try:
        yield seen
    finally:
        globalLogPublisher.removeObserver(observer)


def test_the_older_way_of_logging_is_understood() -> None:
    with everything_logged() as seen:
        log.msg("an older\nmessage", detail=1)
    assert as_text(seen[0]).endswith(" info  [twisted] an older\\nmessage detail=1\n")


def test_the_older_way_of_logging_errors_has_one_traceback() -> None:
    with everything_logged() as seen:
        log.err(failure_of(ValueError("why")), "It failed")
        log.err(failure_of(ValueError("why")))
    text = as_text(seen[0])
    assert " critical [twisted] It failed\n    Traceback" in text
    assert text.count("ValueError: why") == 1
    assert "[twisted] Unhandled Error\n" in as_text(seen[1])


def test_fields_named_like_those_of_the_older_way_are_kept() -> None:
    assert as_json(event("x", message="m", time=3))["fields"] == {"message": "m", "time": 3}
