"""A credential source of tests, whose credentials come and go."""

from __future__ import annotations

from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred, fail

from cloudsvc.access.credentials import CredentialSource, Identified, RequestHead
from cloudsvc.core.actors import Actor, Principal


@define(eq=False)
class Tickets(CredentialSource):
    """
    ``X-Ticket: NAME``, good for an actor of that name while it is in ``valid``.

    :ivar problem: what look-ups raise: at once, or when they are awaited (``late``).
    :ivar pending: look-ups that wait, which they do while ``slow``.
    :ivar asked_below: the paths for which there is a challenge.
    :ivar seen: method, path and credential of each look-up.
    """

    valid: set[str] = field(factory=lambda: {"guest"})
    scopes: frozenset[str] = frozenset({"common"})
    problem: Exception | None = None
    late: bool = False
    slow: bool = False
    asked_below: bytes = b"/"
    pending: list[Deferred[Any]] = field(factory=list)
    cancelled: int = 0
    seen: list[tuple[bytes, bytes, bytes]] = field(factory=list)

    name = "ticket"
    scheme = {"type": "apiKey", "in": "header", "name": "X-Ticket"}  # noqa: RUF012  # of a test, which leaves it alone

    @property
    def configured(self) -> bool:
        return bool(self.valid)

    def find(self, head: RequestHead, /) -> bytes | None:
        lines = head.requestHeaders.getRawHeaders(b"x-ticket")
        return None if lines is None else lines[0]

    def identify(self, credential: bytes, head: RequestHead, /) -> Identified:
        self.seen.append((head.method, head.path, credential))
        if self.problem is not None:
            if self.late:
                return fail(self.problem)
            raise self.problem
        if self.slow:
            waiting: Deferred[None] = Deferred(self._cancel)
            self.pending.append(waiting)
            return waiting.addCallback(lambda _: self._find_principal(credential))
        return self._find_principal(credential)

    def challenge(self, head: RequestHead, /) -> bytes | None:
        return b'Ticket realm="tests"' if head.path.startswith(self.asked_below) else None

    def _cancel(self, _waiting: Deferred[None]) -> None:
        self.cancelled += 1

    def _find_principal(self, credential: bytes) -> Principal | None:
        name = credential.decode()
        return Principal(actor=Actor(name=name, scopes=self.scopes), via=self.name) if name in self.valid else None
