"""An application that lets people in by tickets, which it issues and revokes while the server runs."""

from __future__ import annotations

from types import MappingProxyType

from twisted.internet.interfaces import IReactorTime

from cloudsvc.extend import (
    NO_CONTENT,
    Actor,
    Application,
    CredentialCache,
    CredentialSource,
    Identified,
    Klein,
    Message,
    NoSettings,
    Principal,
    Request,
    RequestHead,
    Response,
    ThreadRunner,
    Tools,
    authorized,
    route,
    throttled,
)

NAME = "tests.support.ticket_office:TicketOffice"
"""What ``config.applications`` calls it."""


class Tickets(CredentialSource):
    """``X-Ticket: NAME``, looked up in a thread as if that took long."""

    name = "ticket"
    scheme = MappingProxyType({"type": "apiKey", "in": "header", "name": "X-Ticket"})

    def __init__(self, valid: set[str], clock: IReactorTime, threads: ThreadRunner) -> None:
        self._valid = valid
        self._threads = threads
        self._cache = CredentialCache(self._look_up, clock.seconds)

    def find(self, head: RequestHead, /) -> bytes | None:
        lines = head.requestHeaders.getRawHeaders(b"x-ticket")
        return lines[0] if lines else None

    def identify(self, credential: bytes, head: RequestHead, /) -> Identified:
        return self._cache.identify(credential)

    def challenge(self, head: RequestHead, /) -> bytes | None:
        return b'Ticket realm="office"'

    async def _look_up(self, credential: bytes) -> Principal | None:
        name = credential.decode("latin-1")
        if not await self._threads.run(lambda: name in self._valid):
            return None
        return Principal(actor=Actor(name=name, scopes=frozenset({"*"})), via=self.name)


class TicketOffice(Application[NoSettings]):
    """Tickets, by name."""

    name = "office"
    mounts = ("office",)
    app = Klein()

    def __init__(self, settings: NoSettings, tools: Tools) -> None:
        super().__init__(settings, tools)
        self._valid = set[str]()
        self._tickets = Tickets(self._valid, tools.clock, tools.threads)

    def credential_sources(self) -> tuple[CredentialSource, ...]:
        return (self._tickets,)

    @route(app, "PUT", "/office/tickets/<string:name>")
    @authorized("office")
    async def issue(self, request: Request, name: str) -> Message:
        """Issue a ticket."""
        self._valid.add(name)
        return Message(message="Issued.")

    @route(app, "DELETE", "/office/tickets/<string:name>", status=204)
    @authorized("office")
    async def revoke(self, request: Request, name: str) -> Response:
        """Revoke a ticket, wherever it is remembered still."""
        self._valid.discard(name)
        return NO_CONTENT

    @route(app, "GET", "/office/seats")
    @authorized()
    @throttled("api", by="principal")
    async def sit(self, request: Request) -> Message:
        """Say who sits."""
        return Message(message=request.actor.name)
