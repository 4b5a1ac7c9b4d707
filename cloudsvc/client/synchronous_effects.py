"""Effects, carried out by whoever waits for each."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from typing import Any, Self, TypeVar

import httpx2
from attrs import define, evolve, field

from cloudsvc.client.connecting import LARGEST_ANSWER, Line, as_answer, too_large
from cloudsvc.client.effects import Answer, Call, Effect, Emit, Flow, Open, Read, Run, Send, Sleep
from cloudsvc.client.errors import ClientError

T = TypeVar("T")


@define
class World:
    """Carries out the effects of one flow, with one answer open at a time."""

    _http: httpx2.Client
    _line: Line
    _sleep: Callable[[float], None]
    _response: httpx2.Response | None = field(default=None, init=False)
    _pieces: Iterator[bytes] = field(factory=lambda: iter(()), init=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._let_go()

    def run(self, flow: Flow[T]) -> Generator[Any, None, T]:
        """Hand on what ``flow`` emits; the value of the generator is its result."""
        with closing(flow):
            result: Any = None
            error: ClientError | None = None
            while True:
                try:
                    effect = flow.send(result) if error is None else flow.throw(error)
                except StopIteration as stop:
                    value: T = stop.value
                    return value
                result, error = None, None
                if isinstance(effect, Emit):
                    yield effect.value
                    continue
                try:
                    result = self._carry_out(effect)
                except ClientError as problem:
                    error = problem

    def _carry_out(self, effect: Effect) -> Any:
        match effect:
            case Run(work):
                return work()
            case Sleep(seconds):
                return self._sleep(seconds)
            case Read():
                return self._read()
            case Send(call):
                return self._send(call)
            case Open(call):
                answer = self._open(call)
                return answer if answer.status < httpx2.codes.MULTIPLE_CHOICES else self._complete(answer)
        raise AssertionError(effect)

    def _send(self, call: Call[Any]) -> Answer:
        return self._complete(self._open(call))

    def _open(self, call: Call[Any]) -> Answer:
        self._let_go()
        url, headers, timeout = self._line.describe(call)
        content = call.content if call.content is None or isinstance(call.content, bytes) else call.content.open()
        try:
            request = self._http.build_request(call.method, url, headers=headers, content=content, timeout=timeout)
            self._response = self._http.send(request, stream=True)
        except httpx2.HTTPError as problem:
            raise self._line.explain(problem) from problem
        self._pieces = self._response.iter_raw()
        return as_answer(self._response)

    def _read(self) -> bytes:
        try:
            return next(self._pieces, b"")
        except httpx2.HTTPError as problem:
            raise self._line.explain(problem) from problem

    def _complete(self, head: Answer) -> Answer:
        """The answer that was opened, with its content."""
        content = bytearray()
        while piece := self._read():
            content += piece
            if len(content) > LARGEST_ANSWER:
                raise too_large()
        self._let_go()
        return evolve(head, content=bytes(content))

    def _let_go(self) -> None:
        if self._response is not None:
            self._response.close()
            self._response, self._pieces = None, iter(())
