"""Deadlines of a connection: what it is doing, by when that has to be over, and what follows where it is not."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any, Protocol

from attrs import define, field

from cloudsvc.web.errors import HTTPError
from cloudsvc.web.http1.body import Body
from cloudsvc.web.http1.bounds import Phase
from cloudsvc.web.http1.connections import Connections
from cloudsvc.web.http1.descriptors import count_pending
from cloudsvc.web.http1.intake import Intake
from cloudsvc.web.http1.lingering import Lingering
from cloudsvc.web.http1.pace import Pace


class SlowRequest(Protocol):
    """What is asked of a request whose body arrives too slowly."""

    body: Body
    finished: int


class TimedConnection(Protocol):
    """What deadlines need of their connection, with the requests that are under way, the newest last."""

    transport: Any

    @property
    def requests(self) -> Sequence[SlowRequest]: ...

    def close(self) -> None:
        """Close: nothing is under way."""

    def abort(self) -> None:
        """Close at once. What has arrived whole is carried through all the same."""

    def refuse(self, error: HTTPError) -> None:
        """Answer bytes that are no acceptable request, then close."""


@define(eq=False)
class Deadlines:
    """
    The phase of one connection, and its deadline.

    :ivar pace: that of the client.
    :ivar at: when :meth:`evaluate` is called, in seconds on the register's clock; infinite where nothing presses.
    """

    _connection: TimedConnection
    _register: Connections
    pace: Pace
    _intake: Intake
    phase: Phase = Phase.CONNECTED
    at: float = inf
    _allowed: tuple[float, ...] = field(init=False)
    _lingering: Lingering | None = None

    def __attrs_post_init__(self) -> None:
        self._allowed = self._register.bounds.by_phase

    def enter(self, phase: Phase) -> None:
        """Begin a phase, with the time that it may take."""
        self.phase = phase
        self.at = self._register.clock.seconds() + self._allowed[phase]
        if phase is Phase.BODY:
            self._intake.until = self.at

    def enter_handling(self) -> None:
        """Begin the phase that may take as long as it likes. It begins at each request, so the clock is not asked."""
        self.phase, self.at = Phase.HANDLING, inf

    def await_taking(self) -> None:
        """From now on the client has to take what waits for it."""
        self.pace.await_taking(count_pending(self._connection.transport), self._register.clock.seconds())
        self.check_later()

    def end_waiting(self) -> None:
        """The client has taken what waited for it: the phase begins anew, but for a body that goes on arriving."""
        self.pace.end_waiting()
        if self.phase is not Phase.BODY:
            self.enter(self.phase)

    def check_later(self) -> None:
        """Look next at what the client has taken, or at its body, whichever is due first."""
        self.at = min(self.pace.checks_at, self._intake.until if self.phase is Phase.BODY else inf)

    def linger(self) -> None:
        """The last answer has been written: the client has to take it, and may then go on for a while."""
        self._lingering = Lingering.begin(self._connection.transport)
        self.await_taking()

    @property
    def spare_since(self) -> float:
        """
        From when on nobody has waited for anything: a request has been answered and no other head has come whole, or
        the last answer has been taken and the client not gone. Infinite where somebody does.
        """
        if count_pending(self._connection.transport):
            return inf
        if self.phase in {Phase.IDLE, Phase.HEADERS} and not self.pace.is_waiting:
            return self.at - self._allowed[self.phase]
        return inf if self._lingering is None else self._lingering.taken_at

    def evaluate(self) -> None:
        """The current phase has taken too long, or it is time to look at what the client has taken."""
        match self.phase:
            case Phase.BODY:
                self._evaluate_body_rate()
            case Phase.CLOSING:
                self._evaluate_closing()
            case _ if self.pace.is_waiting:
                self._evaluate_taking()
            case Phase.CONNECTED | Phase.IDLE:
                self._connection.close()
            case Phase.HEADERS:
                self._connection.refuse(
                    HTTPError(408, "headers_too_slow", "The request's headers took too long to arrive.")
                )

    def _evaluate_body_rate(self) -> None:
        if self._register.clock.seconds() < self._intake.until:
            self._evaluate_taking()
            return
        request = self._connection.requests[-1]
        arrives = self._intake.comes_fast_enough(request.body.received, held=self.pace.is_waiting)
        self.enter(Phase.BODY)
        if arrives:
            self._evaluate_taking()
        elif request.finished or request.body.failed:
            self._connection.abort()
        else:
            request.body.fail(HTTPError(408, "body_too_slow", "The request's body arrived too slowly."))

    def _evaluate_closing(self) -> None:
        if count_pending(self._connection.transport):
            self._evaluate_taking()
        elif self._lingering is None:
            self._connection.abort()
        else:
            self.at = self._lingering.evaluate(self._register.clock.seconds(), self._register.bounds)

    def _evaluate_taking(self) -> None:
        now = self._register.clock.seconds()
        if self.pace.checks_at > now or self.pace.has_taken(count_pending(self._connection.transport), now):
            self.check_later()
        else:
            self._connection.abort()
