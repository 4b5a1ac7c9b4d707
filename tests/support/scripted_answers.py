"""A world for flows of the client in which a script answers, without sockets and without time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any, TypeAlias

from attrs import define, field, frozen

from cloudsvc.client.effects import Answer, Call, Effect, Emit, Flow, Open, Read, Run, Send, Sleep
from cloudsvc.client.errors import ClientError, UnreachableError


@frozen
class Streamed:
    """An answer whose content comes in pieces, and may break off."""

    answer: Answer
    pieces: Iterable[bytes | ClientError] = ()


def lost(*, begun: bool = True) -> UnreachableError:
    """A connection that was cut, or that never stood."""
    return UnreachableError("connection_lost", "The connection was lost.", begun=begun)


def refuse(status: int, error: str = "refused", **headers: str) -> Answer:
    """A refusal."""
    fields = {name.replace("_", "-"): text for name, text in headers.items()}
    return Answer(status=status, headers=fields, content=b'{"error": "%b", "message": "No."}' % error.encode())


_Item: TypeAlias = Answer | Streamed | ClientError


def _queue(items: Iterable[_Item]) -> deque[_Item]:
    return deque(items)


@define
class Script:
    """
    What answers, in order.

    :ivar asked: the requests that were sent.
    :ivar emitted: what was handed on.
    :ivar slept: seconds of each wait.
    """

    answers: deque[_Item] = field(converter=_queue)
    asked: list[Call[Any]] = field(factory=list)
    emitted: list[Any] = field(factory=list)
    slept: list[float] = field(factory=list)
    _pieces: deque[bytes | ClientError] = field(factory=deque)

    def run(self, flow: Flow[Any]) -> Any:
        """The result of ``flow``."""
        result, error = None, None
        while True:
            try:
                effect = flow.send(result) if error is None else flow.throw(error)
            except StopIteration as stop:
                assert not self.answers
                return stop.value
            result, error = None, None
            try:
                result = self._carry_out(effect)
            except ClientError as problem:
                error = problem

    def _carry_out(self, effect: Effect) -> Any:
        match effect:
            case Run(work):
                return work()
            case Sleep(seconds):
                self.slept.append(seconds)
            case Emit(value):
                self.emitted.append(value)
            case Read():
                piece = self._pieces.popleft() if self._pieces else b""
                if isinstance(piece, ClientError):
                    raise piece
                return piece
            case Send(call) | Open(call):
                return self._answer(call)
        return None

    def _answer(self, call: Call[Any]) -> Answer:
        self.asked.append(call)
        answer = self.answers.popleft()
        if isinstance(answer, ClientError):
            raise answer
        if isinstance(answer, Streamed):
            self._pieces = deque(answer.pieces)
            return answer.answer
        return answer
