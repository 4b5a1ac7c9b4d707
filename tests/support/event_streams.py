"""Streams of Server-Sent Events, read as HTML 9.2.6 says, over a connection of the standard library."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from typing import Any

from attrs import define, frozen

from tests.support.server import Reply, Server


@frozen(kw_only=True)
class Event:
    """One event: its type, its data as JSON, and the last id that was given until then."""

    kind: str
    id: str
    data: Any


@define(eq=False)
class Stream:
    """
    A stream that has begun.

    :ivar last_id: what a client sends as ``Last-Event-ID`` when it comes again.
    :ivar beats: comments so far.
    """

    response: HTTPResponse
    last_id: str = ""
    beats: int = 0

    def read(self) -> Iterator[Event]:
        """The events, to the end of the stream. One that is not complete is none."""
        kind, data = "", list[str]()
        while line := self.response.readline():
            if not line.endswith(b"\n"):
                return
            name, _, value = line.decode().removesuffix("\n").partition(": ")
            match name:
                case ":":
                    self.beats += 1
                case "event":
                    kind = value
                case "data":
                    data.append(value)
                case "id":
                    self.last_id = value
                case "":
                    if data:
                        yield Event(kind=kind or "message", id=self.last_id, data=json.loads("\n".join(data)))
                    kind, data = "", []

    def read_changes(self) -> Iterator[Any]:
        """The data of the changes alone."""
        return (event.data for event in self.read() if event.kind == "message")


class Refused(Exception):  # noqa: N818  # an answer that a caller decides on
    """There is no stream, but another answer."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(f"{reply.status} {reply.body[:200]!r}")
        self.reply = reply


def begin_stream(connection: HTTPConnection, token: str, *, last_id: str = "", since: str = "") -> Stream:
    """
    Ask for a stream.

    :raises Refused: there is none.
    :raises OSError: nobody answers.
    :raises HTTPException: likewise.
    """
    fields = {"X-API-Key": token, **({"Last-Event-ID": last_id} if last_id else {})}
    connection.request("GET", f"/api/events?since={since}" if since else "/api/events", headers=fields)
    response = connection.getresponse()
    if response.status != 200:
        raise Refused(Reply.read(response))
    return Stream(response, last_id)


@contextmanager
def streaming(server: Server, *, last_id: str = "", since: str = "") -> Iterator[Stream]:
    """A stream of ``server`` on a connection of its own, which has said that it is ready."""
    connection = server.open()
    try:
        stream = begin_stream(connection, server.token, last_id=last_id, since=since)
        ready = next(stream.read())
        assert ready.kind == "ready", ready
        yield stream
    finally:
        connection.close()
