"""Responses that handlers return, and the one codec that turns them into bytes."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Sequence
from contextlib import aclosing
from typing import Any, Generic, TypeAlias, TypeVar

import msgspec
from attrs import fields, frozen

from cloudsvc.core.clock import WallClock, format_timestamp

HeaderList: TypeAlias = tuple[tuple[bytes, bytes], ...]


@frozen(kw_only=True)
class Message:
    """
    The base of every JSON answer. Subclasses add fields of their own.

    The codec adds ``code`` (the HTTP status) and ``timestamp`` (RFC 3339, UTC, six digits).

    :ivar message: One sentence for people.
    """

    message: str


@frozen(kw_only=True)
class ErrorMessage(Message):
    """
    A refusal.

    :ivar error: Stable and machine-readable; clients branch on it.
    :ivar request_id: The same identifier stands in the server's log.
    """

    error: str
    request_id: str


M_co = TypeVar("M_co", bound=Message, covariant=True)


@frozen(kw_only=True)
class Reply(Generic[M_co]):
    """A message with a status other than the route's own, or with header fields."""

    message: M_co
    status: int
    headers: HeaderList = ()


@frozen(kw_only=True)
class StreamedMessage(Generic[M_co]):
    """
    A message with a list that is too long for the memory.

    :ivar message: its last field is the list, empty.
    :ivar parts: of the list; the next one is asked for when the client has taken the last.
    """

    message: M_co
    parts: AsyncGenerator[Sequence[object], None]


@frozen(kw_only=True)
class Response:
    """
    An answer in bytes, or in pieces produced on the way.

    :ivar body: the whole content; or an asynchronous iterable of pieces, which is asked for the next one only when
        the client has taken the last.
    :ivar is_live: whether each piece is for now, and seldom followed by another one: it is sent at once, instead of
        together with what else is written in the same turn of the reactor.
    :ivar length: the content's length in bytes where ``body`` is an iterable and the length is known, or where the
        content is left out, as in an answer to ``HEAD``.
    """

    status: int = 200
    headers: HeaderList = ()
    body: bytes | AsyncIterable[bytes] = b""
    length: int | None = None
    is_live: bool = False


NO_CONTENT = Response(status=204)


_names: dict[type[Message], tuple[str, ...]] = {}


def _names_of(kind: type[Message]) -> tuple[str, ...]:
    """The fields of ``kind`` besides ``message``, remembered: attrs makes a list of objects at each call."""
    if kind not in _names:
        _names[kind] = tuple(field.name for field in fields(kind) if field.name != "message")
    return _names[kind]


@frozen(kw_only=True)
class Codec:
    """
    Renders messages as JSON.

    msgspec writes UTF-8 without white space, and NaN and infinities as ``null`` (RFC 8259 section 6 has no such
    numbers); the standard library writes whatever else the settings ask for.
    """

    now: WallClock
    fields: HeaderList
    encode: Callable[[Any], bytes]

    @classmethod
    def configured(
        cls, *, now: WallClock, ensure_ascii: bool, allow_nan: bool, indent: int | None, media_type: str
    ) -> Codec:
        """A codec that follows the ``json_response`` settings."""

        def encode(value: Any) -> bytes:
            plain = msgspec.to_builtins(value) if allow_nan else msgspec.json.decode(msgspec.json.encode(value))
            return json.dumps(plain, ensure_ascii=ensure_ascii, allow_nan=allow_nan, indent=indent).encode()

        is_plain = not (ensure_ascii or allow_nan or indent is not None)
        fields = ((b"Content-Type", media_type.encode("ascii")),)
        return cls(now=now, fields=fields, encode=msgspec.json.encode if is_plain else encode)

    def render(self, message: Message, *, status: int, headers: HeaderList = ()) -> Response:
        """``message`` with ``code`` and ``timestamp`` as a JSON object."""
        return Response(status=status, headers=self.fields + headers, body=self._serialise(message, status))

    def stream(self, streamed: StreamedMessage[Any], *, status: int) -> Response:
        """The same of a message whose list comes in parts."""
        return Response(status=status, headers=self.fields, body=self._serialise_parts(streamed, status))

    def _serialise(self, message: Message, status: int) -> bytes:
        content = {"code": status, "message": message.message, "timestamp": format_timestamp(self.now())}
        for name in _names_of(type(message)):
            content[name] = getattr(message, name)
        return self.encode(content)

    async def _serialise_parts(self, streamed: StreamedMessage[Any], status: int) -> AsyncGenerator[bytes, None]:
        before, _, after = self._serialise(streamed.message, status).rpartition(b"[]")
        before += b"["
        async with aclosing(streamed.parts):
            async for part in streamed.parts:
                if part:
                    piece = before + b",".join(map(self.encode, part))
                    del part  # its objects are larger than what they are written as, and the client may be slow
                    yield piece
                    before = b","
        yield (b"" if before == b"," else before) + b"]" + after
