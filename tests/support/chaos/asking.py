"""Requests of clients, and how each is noted in the history."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from http.client import HTTPConnection, HTTPException
from math import inf
from typing import Any, Final

from attrs import define, evolve, field, frozen

from tests.support.chaos.contents import Contents
from tests.support.chaos.history import Effect, History, Operation, Outcome
from tests.support.chaos.linearizability import Step
from tests.support.server import Reply

_EXPECTED: Final = frozenset({200, 201, 204, 404, 409, 412, 503, 507})
"""Statuses with which a request of these clients may be answered."""

_UNKNOWN: Final = "commit_unknown"
"""The code of the one refusal of a change that may have been done all the same."""


@frozen(kw_only=True)
class Known:
    """What somebody was told of a file: its content, and the entity tag of that."""

    value: str
    tag: str


@frozen(kw_only=True)
class Thrown:
    """What somebody has thrown away, by its number in the trash."""

    number: int
    path: str
    value: str


@define(eq=False)
class Meeting:
    """
    What clients share.

    :ivar round: names the folder in which all of them work; with a new one now and then, each path has a short history.
    :ivar full_until: when a disk of an engine had room again that was full; infinite while one is.
    :ivar faults: what was seen at once not to be as it must be.
    """

    history: History
    connect: Callable[[], HTTPConnection]
    token: str
    end: threading.Event = field(factory=threading.Event)
    round: int = 0
    contents: Contents = field(factory=Contents)
    known: dict[str, Known] = field(factory=dict)
    thrown: list[Thrown] = field(factory=list)
    full_until: float = -inf
    faults: list[str] = field(factory=list)
    _began: float = field(factory=time.monotonic)

    def now(self) -> float:
        """Seconds since all began."""
        return time.monotonic() - self._began


@frozen(kw_only=True)
class Wish:
    """
    A request of a client.

    :ivar kind: what it is called in the history.
    :ivar path: of the file or folder.
    :ivar url: what is asked for.
    :ivar steps: what it does with each path, if it does what it is meant to do.
    :ivar effect: what the feed tells of it then.
    :ivar value: the content that it stores.
    """

    kind: str
    path: str
    method: str
    url: str
    steps: Sequence[tuple[str, Step]] = ()
    effect: Effect | None = None
    value: str | None = None
    body: bytes | None = None
    headers: Mapping[str, str] = field(factory=dict)


@define(eq=False)
class Line:
    """The connection of one client, made anew when it was lost."""

    client: str
    meeting: Meeting
    _connection: HTTPConnection | None = None

    @property
    def is_open(self) -> bool:
        """Whether the last request was answered."""
        return self._connection is not None

    def ask(self, wish: Wish) -> Asked:
        """What becomes of a request."""
        begin, error, reply, was_sent = self.meeting.now(), "", None, False
        try:
            connection = self._connection = self._connection or self.meeting.connect()
            if connection.sock is None:
                connection.connect()
            was_sent = True
            headers = {"X-API-Key": self.meeting.token, **wish.headers}
            connection.request(wish.method, wish.url, wish.body, headers)
            reply = Reply.read(connection.getresponse())
        except (OSError, HTTPException) as problem:
            error = type(problem).__name__
            self.hang_up()
            if isinstance(problem, TimeoutError):
                self.meeting.faults.append(f"no answer: {self.client}, {wish.kind} {wish.path} at {begin:.3f}")
        if reply is not None and reply.status >= 400:
            error = str(reply.json.get("error", ""))
        operation = Operation(
            client=self.client,
            kind=wish.kind,
            path=wish.path,
            begin=begin,
            end=self.meeting.now(),
            outcome=Outcome.UNKNOWN if was_sent else Outcome.REFUSED,
            status=0 if reply is None else reply.status,
            error=error,
            retry_after="" if reply is None else reply.headers.get("Retry-After", ""),
            steps=wish.steps,
            effect=wish.effect,
            value=wish.value,
        )
        return Asked(self.meeting, operation, reply)

    def abandon(self, wish: Wish) -> None:
        """Ask with half of a body, and leave. That is noted as a refusal, for nothing may come of it."""
        assert wish.body is not None
        begin = self.meeting.now()
        try:
            connection = self._connection = self._connection or self.meeting.connect()
            headers = {"X-API-Key": self.meeting.token, **wish.headers, "Content-Length": str(len(wish.body))}
            connection.request(wish.method, wish.url, wish.body[: len(wish.body) // 2], headers)
        except (OSError, HTTPException):
            pass
        finally:
            self.hang_up()
        operation = Operation(
            client=self.client,
            kind=wish.kind,
            path=wish.path,
            begin=begin,
            end=self.meeting.now(),
            outcome=Outcome.REFUSED,
            error="left",
        )
        self.meeting.history.add(operation)

    def hang_up(self) -> None:
        """Close the connection, if there is one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


@define(eq=False)
class Asked:
    """A request that has ended, and is to be noted."""

    meeting: Meeting
    operation: Operation
    reply: Reply | None

    @property
    def status(self) -> int:
        """Of the answer; 0 where there was none."""
        return self.operation.status

    def note(self, outcome: Outcome, *steps: tuple[str, Step]) -> None:
        """Note what it has done or seen."""
        if self.status not in {0, *_EXPECTED}:
            self.meeting.faults.append(f"unexpected answer: {self.operation}")
        if self.status == 503 and not self.operation.retry_after.isdecimal():
            self.meeting.faults.append(f"no Retry-After: {self.operation}")
        if self.status == 507 and self.operation.begin > self.meeting.full_until:
            self.meeting.faults.append(f"no disk is full: {self.operation}")
        self.meeting.history.add(evolve(self.operation, outcome=outcome, steps=steps))

    def note_failure(self) -> None:
        """Note that it was not done, or that nobody knows."""
        was_refused = self.status != 0 and self.operation.error != _UNKNOWN
        if was_refused or self.operation.outcome is Outcome.REFUSED:
            self.note(Outcome.REFUSED)
        else:
            self.note(Outcome.UNKNOWN, *self.operation.steps)


def ask_json(connection: HTTPConnection, token: str, path: str) -> Any:
    """The answer to a question, or ``None`` where there was none that was right."""
    try:
        connection.request("GET", path, headers={"X-API-Key": token})
        reply = Reply.read(connection.getresponse())
    except (OSError, HTTPException):
        connection.close()
        return None
    return reply.json if reply.status == 200 else None
