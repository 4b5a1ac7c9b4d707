"""Coroutine runners: as far as one goes by itself, or to its end whatever happens."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Generator
from types import coroutine
from typing import Any, TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

T = TypeVar("T")

_log = Logger("cloudsvc.core")


def start(work: Coroutine[Any, Any, T]) -> T | Deferred[T]:
    """
    What ``work`` returns, or raises, when it never has to wait; otherwise a Deferred of it, which may be cancelled.

    Most requests are answered without waiting. For them this is a plain call, and saves a Deferred with the generator
    behind it, which cost as much as all guards together.
    """
    try:
        awaited = work.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    return Deferred.fromCoroutine(_go_on(work, awaited))


@coroutine
def _go_on(work: Coroutine[Any, Any, T], awaited: Any) -> Generator[Any, Any, T]:
    """As ``yield from`` would, for a coroutine that has been started already and waits for ``awaited``."""
    try:
        while True:
            try:
                sent = yield awaited
            except GeneratorExit:
                work.close()
                raise
            except BaseException as problem:  # noqa: BLE001  # whatever it is, it is the coroutine's
                awaited = work.throw(problem)
            else:
                awaited = work.send(sent)
    except StopIteration as done:
        result: T = done.value
        return result


def abandon(work: Awaitable[object]) -> None:
    """Let ``work`` be, which nobody will await: a coroutine is closed before it begins, a Deferred cancelled."""
    if isinstance(work, Coroutine):
        work.close()
    elif isinstance(work, Deferred):
        work.addErrback(lambda _: None)
        work.cancel()


def shield(work: Coroutine[Any, Any, T], undo: Callable[[T], object] | None = None) -> Deferred[T]:
    """
    Run ``work`` to its end, even when whoever waits for the result is cancelled.

    A failure that nobody waits for any more is logged.

    :param undo: is called with a result that nobody waits for any more.
    """
    result: Deferred[T] = Deferred()

    def deliver(outcome: T | Failure) -> None:
        if not result.called:
            result.callback(outcome)
        elif isinstance(outcome, Failure):
            _log.failure("work went on after its caller had left, and failed", outcome)
        elif undo is not None:
            undo(outcome)

    Deferred.fromCoroutine(work).addBoth(deliver)
    return result


async def complete(work: Coroutine[Any, Any, T]) -> T:
    """
    What ``work`` returns or raises, which is awaited to its end even when the caller is cancelled: so nobody takes away
    meanwhile what it works with.

    :raises CancelledError: the caller was cancelled, and it has come to its end.
    """
    outcome: list[T | Failure] = []
    waiting: Deferred[None] = Deferred()
    is_cancelled = False

    def end(result: T | Failure) -> None:
        outcome.append(result)
        waiting.callback(None)

    Deferred.fromCoroutine(work).addBoth(end)
    while not outcome:
        try:
            await waiting
        except CancelledError:
            is_cancelled, waiting = True, Deferred()
    [result] = outcome
    if isinstance(result, Failure):
        result.raiseException()
    if is_cancelled:
        raise CancelledError
    return result
