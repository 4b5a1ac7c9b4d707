"""Log line formats: one for people, one for programs."""

from __future__ import annotations

import json
from enum import Enum
from typing import Final

from cloudsvc.core.clock import format_timestamp
from cloudsvc.observe.escaping import as_value, escape
from cloudsvc.observe.records import Plain, Record

_INDENT: Final = "    "


class LogFormat(Enum):
    """How log lines are spelt."""

    TEXT = "text"
    """``2026-01-01T00:00:00.000000Z info  [cloudsvc.web] message key=value``"""

    JSON = "json"
    """One object a line: ``timestamp``, ``level``, ``logger``, ``message``, ``fields``, and ``traceback`` if any."""

    def render(self, record: Record) -> bytes:
        """``record`` as a finished line. In text, the lines of a traceback follow it, indented."""
        return _render_text(record) if self is LogFormat.TEXT else _render_json(record)


def _render_text(record: Record) -> bytes:
    fields = "".join(
        f" {as_value(name)}={_format(value)}" for name, value in record.fields.items() if name not in record.mentioned
    )
    head = f"{format_timestamp(record.time)} {record.level:<5} [{escape(record.logger)}] {escape(record.message)}"
    trace = [f"{_INDENT}{escape(line)}\n" for line in record.traceback.split("\n")] if record.traceback else ()
    return f"{head}{fields}\n{''.join(trace)}".encode()


def _render_json(record: Record) -> bytes:
    content: dict[str, object] = {
        "timestamp": format_timestamp(record.time),
        "level": record.level,
        "logger": _whole(record.logger),
        "message": _whole(record.message),
        "fields": {_whole(name): _whole(value) for name, value in record.fields.items()},
    }
    if record.traceback:
        content["traceback"] = _whole(record.traceback)
    # ASCII, because JSON itself lets DEL, C1 and U+2028 stand as they are.
    return json.dumps(content, ensure_ascii=True, separators=(",", ":")).encode("ascii") + b"\n"


def _format(value: Plain) -> str:
    return as_value(value) if isinstance(value, str) else json.dumps(value)


def _whole(value: Plain) -> Plain:
    """``value`` without lone surrogates, which many readers of JSON refuse even when they are escaped."""
    return value.encode("utf-8", "backslashreplace").decode("utf-8") if isinstance(value, str) else value
