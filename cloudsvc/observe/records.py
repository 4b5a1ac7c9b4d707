"""Log records: events of :mod:`twisted.logger`, taken apart and escaped before a format serialises them."""

from __future__ import annotations

from functools import lru_cache
from math import isfinite
from string import Formatter
from typing import Final, TypeAlias

from attrs import frozen
from twisted.logger import LogEvent, formatEvent
from twisted.python.failure import Failure
from twisted.python.reflect import safe_str

from cloudsvc.observe.escaping import MAX_TEXT, shorten

Plain: TypeAlias = str | int | float | bool | None

LEVELS: Final = ("debug", "info", "warn", "error", "critical")

_NOISE: Final = frozenset({"Starting factory {factory!r}", "Stopping factory {factory!r}"})
"""What Twisted says at ``info`` about each listener and each outgoing connection: only of use to who debugs them."""

_LEGACY: Final = frozenset({"message", "time", "system", "format", "isError", "failure", "why", "logLevel"})
"""What :mod:`twisted.python.log` adds to an event that passes through it."""

_MAX_INTEGER_BITS: Final = 64


@frozen(kw_only=True)
class Record:
    """
    One thing to log.

    :ivar time: seconds since the epoch.
    :ivar level: one of :data:`LEVELS`.
    :ivar logger: the namespace it was logged in.
    :ivar fields: what was said beside the message, as values that any format can serialise.
    :ivar mentioned: names of the fields that the message mentions already.
    :ivar traceback: of the failure that was logged, or empty.
    """

    time: float
    level: str
    logger: str
    message: str
    fields: dict[str, Plain]
    mentioned: frozenset[str] = frozenset()
    traceback: str = ""


def level_of(event: LogEvent) -> str:
    """The level of ``event``, one of :data:`LEVELS`; ``info`` where it has none."""
    if event.get("log_format") in _NOISE:
        return "debug"
    level = getattr(event.get("log_level"), "name", "info")
    return level if level in LEVELS else "info"


def read_event(event: LogEvent) -> Record:
    """``event`` as a record. Never raises, whatever the values of the event do when they are printed."""
    is_legacy = event.get("log_namespace") == "log_legacy"
    failure = event.get("failure" if is_legacy else "log_failure")
    if is_legacy and failure is not None:
        message = safe_str(event.get("why") or "Unhandled Error")
    else:
        message = formatEvent(event)
    hidden = _LEGACY if is_legacy or "log_legacy" in event else frozenset()
    return Record(
        time=event.get("log_time", 0.0),
        level=level_of(event),
        logger="twisted" if is_legacy else safe_str(event.get("log_namespace", "-")),
        message=shorten(message),
        fields={
            name: as_plain(value) for name, value in event.items() if not name.startswith("log_") and name not in hidden
        },
        mentioned=_names_in(safe_str(event.get("log_format", ""))),
        traceback=_trace(failure) if isinstance(failure, Failure) else "",
    )


def as_plain(value: object) -> Plain:
    """``value`` as a number, a truth value, nothing, or text of bounded length."""
    match value:
        case None | bool():
            return value
        case int() if value.bit_length() <= _MAX_INTEGER_BITS:
            return int(value)
        case float() if isfinite(value):
            return float(value)
    return shorten(safe_str(value))


@lru_cache(maxsize=512)
def _names_in(log_format: str) -> frozenset[str]:
    try:
        fields = [field for _, field, _, _ in Formatter().parse(log_format) if field]
    except ValueError:
        return frozenset()
    return frozenset(field.split(".")[0].split("[")[0].removesuffix("()") for field in fields)


def _trace(failure: Failure) -> str:
    try:
        return shorten(failure.getTraceback().rstrip("\n"), 4 * MAX_TEXT)
    except Exception as problem:  # noqa: BLE001  # whatever an exception's own __str__ does, the event is still logged
        return f"(the traceback cannot be printed: {type(problem).__name__})"
