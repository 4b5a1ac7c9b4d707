"""Access log: one line for every request."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from attrs import define, field
from attrs.validators import in_
from msgspec import UNSET, Struct, UnsetType
from msgspec.json import Encoder

from cloudsvc.core.clock import WallClock, format_timestamp
from cloudsvc.observe.http_metrics import METHODS
from cloudsvc.observe.lines import LogFormat
from cloudsvc.observe.logs import LogWriter
from cloudsvc.observe.records import LEVELS

MAX_WORD: Final = 1024
"""Characters of a path, a method or a request id that are logged."""

_is_word: Final = re.compile(rf"[!#-\[\]-~]{{1,{MAX_WORD}}}").fullmatch
_is_plain_path: Final = re.compile(rb"/[!#->@-\[\]-~]{0,%d}" % (MAX_WORD - 1)).fullmatch
_ORIGIN: Final = re.compile(rb"\A[a-z][a-z0-9+.-]*://[^/]*", re.IGNORECASE)
_NAMESPACE: Final = "cloudsvc.access"
_LEVEL: Final = "info"


class _Request(Struct):
    method: str
    path: str
    client: str
    status: int
    seconds: float
    sent: int
    request_id: str
    node: str | UnsetType
    worker: int | UnsetType


class _Line(Struct):
    timestamp: str
    level: str
    logger: str
    message: str
    fields: _Request


@define(eq=False)
class AccessLog:
    """
    Writes the lines. They are spelt here rather than by :mod:`twisted.logger`, whose event costs more than the rest of
    a request's journey through this server's layers.

    :param level: one of :data:`LEVELS`; where it is above ``info``, which a request is, nothing is written.
    :param node: the name of this server among several; of letters, digits, ``.``, ``_`` and ``-``.
    :param worker: the number of this process among several, if it is one of several.
    """

    _writer: LogWriter
    _format: LogFormat
    _now: WallClock
    _level: str = field(validator=in_(LEVELS))
    _node: str | None
    _worker: int | None = None
    _is_silent: bool = field(init=False)
    _is_text: bool = field(init=False)
    _end: str = field(init=False)
    _second: int = field(default=-1, init=False)
    _stamp: str = field(default="", init=False)
    _encode: Callable[[object], bytes] = field(factory=lambda: Encoder().encode, init=False)

    @_is_silent.default
    def _compare(self) -> bool:
        return LEVELS.index(self._level) > LEVELS.index(_LEVEL)

    @_is_text.default
    def _choose(self) -> bool:
        return self._format is LogFormat.TEXT

    @_end.default
    def _spell_end(self) -> str:
        node = "" if self._node is None else f" node={self._node}"
        return f"{node}\n" if self._worker is None else f"{node} worker={self._worker}\n"

    def record(
        self, *, method: bytes, path: bytes, client: str, status: int, seconds: float, sent: int, request_id: str
    ) -> None:
        """
        Log one request.

        :param path: of the request target; a query or an authority in it is not logged, they may hold secrets.
        :param client: its address.
        :param seconds: from the complete head of the request to the end of the answer.
        :param sent: bytes of the answer's body.
        """
        if self._is_silent:
            return
        verb = METHODS.get(method) or as_word(method.decode("latin-1"))
        place = _spell_path(path)
        sender = _spell_client(client)
        name = request_id if _is_word(request_id) else as_word(request_id)
        now = self._now()
        second = int(now)
        if second != self._second:
            self._second = second
            self._stamp = format_timestamp(second)[:-7]
        time = "%s%06dZ" % (self._stamp, (now - second) * 1e6)  # noqa: UP031  # half the time of an f-string
        if self._is_text:
            line = (
                f"{time} {_LEVEL}  [{_NAMESPACE}] {verb} {place} {status}"
                f" client={sender} seconds={seconds:.6f} sent={sent} request_id={name}{self._end}"
            ).encode("ascii")
        else:
            node = UNSET if self._node is None else self._node
            worker = UNSET if self._worker is None else self._worker
            request = _Request(verb, place, sender, status, round(seconds, 6), sent, name, node, worker)
            line = self._encode(_Line(time, _LEVEL, _NAMESPACE, f"{verb} {place} {status}", request)) + b"\n"
        self._writer.write(line)


def _spell_path(path: bytes) -> str:
    return path.decode("ascii") if _is_plain_path(path) else as_word(path_alone(path).decode("latin-1"))


def path_alone(target: bytes) -> bytes:
    """The path of a request target (RFC 9112 section 3.2), without the query, and without a user or a password."""
    return _ORIGIN.sub(b"", target.partition(b"?")[0], count=1)


def as_word(text: str) -> str:
    """``text`` as one printable ASCII word of bounded length; ``-`` when there is none."""
    word = "".join(map(_spell, text[:MAX_WORD]))
    return word + "..." if len(text) > MAX_WORD else word or "-"


_spell_client: Final = lru_cache(1024)(as_word)
"""Addresses are short, and few clients make many requests."""


def _spell(character: str) -> str:
    if _is_word(character):
        return character
    return f"\\x{ord(character):02x}" if character <= "\xff" else f"\\U{ord(character):08x}"
