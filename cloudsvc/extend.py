"""
Everything an extension imports.

An application is a subclass of :class:`Application` with routes on a Klein app of its own. ``docs/extending.md`` walks
through one from an empty directory to a running route. The server's own routes are made of the same pieces.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from attrs import frozen
from klein import Klein
from twisted.internet.interfaces import IReactorProcess, IReactorTime

from cloudsvc.core.actors import Actor, Principal
from cloudsvc.core.clock import WallClock, format_timestamp
from cloudsvc.core.errors import CloudError, Kind, StartFault
from cloudsvc.core.secrets import Secret
from cloudsvc.core.structuring import Check as ValueCheck
from cloudsvc.core.threads import ThreadRunner
from cloudsvc.observe.health import Check, Finding
from cloudsvc.observe.instruments import Instruments
from cloudsvc.web.body import Body
from cloudsvc.web.errors import HTTPError
from cloudsvc.web.guards import authorized, throttled
from cloudsvc.web.request import Request
from cloudsvc.web.responses import NO_CONTENT, Message, Reply, Response, StreamedMessage
from cloudsvc.web.routes import accepts_body, accepts_json, accepts_no_body, accepts_query, route

__all__ = [
    "NO_CONTENT",
    "Actor",
    "Application",
    "Body",
    "Check",
    "CloudError",
    "Finding",
    "HTTPError",
    "Instruments",
    "Kind",
    "Klein",
    "Message",
    "NoSettings",
    "Principal",
    "Reply",
    "Request",
    "Response",
    "Secret",
    "StartFault",
    "StreamedMessage",
    "ThreadRunner",
    "Tools",
    "ValueCheck",
    "WallClock",
    "accepts_body",
    "accepts_json",
    "accepts_no_body",
    "accepts_query",
    "authorized",
    "format_timestamp",
    "route",
    "throttled",
]


@frozen(kw_only=True)
class NoSettings:
    """The config section of an application that has nothing to set."""


@frozen(kw_only=True)
class Tools:
    """
    What the server lends to an application.

    :ivar clock: the reactor's monotonic clock, for timers.
    :ivar now: the wall clock, seconds since the epoch.
    :ivar threads: runs blocking functions outside the reactor's thread, among those of everyone.
    :ivar make_threads: gives threads of the application's own, that many at most; for its constructor only, since they
        start and stop with the server.
    :ivar processes: starts other programs.
    :ivar instruments: makes metrics whose names begin with the application's.
    :ivar data: a directory of its own below the home's ``data/``; it exists.
    """

    clock: IReactorTime
    now: WallClock
    threads: ThreadRunner
    make_threads: Callable[[int], ThreadRunner]
    processes: IReactorProcess
    instruments: Instruments
    data: Path


S = TypeVar("S")


class Application(Generic[S]):
    """
    Routes with what belongs to them.

    :cvar name: of its config section and the prefix of its metrics; a lower-case identifier.
    :cvar section: of the configuration, where it is called something else.
    :cvar mounts: the first segments below ``/api`` that its routes begin with.
    :cvar settings_type: the attrs class of its config section.
    :cvar app: the Klein app with its routes.
    """

    name: ClassVar[str]
    section: ClassVar[str]
    mounts: ClassVar[tuple[str, ...]]
    settings_type: ClassVar[type] = NoSettings
    app: ClassVar[Klein]

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        if "name" in vars(cls) and "section" not in vars(cls):
            cls.section = cls.name

    def __init__(self, settings: S, tools: Tools) -> None:
        self.settings = settings
        self.tools = tools

    async def start(self) -> None:
        """
        Get ready; no request arrives before this returns.

        :raises StartFault: the server does not start, and says why.
        """

    async def stop(self) -> None:
        """Let go of everything; no request arrives any more. It is called where :meth:`start` has returned."""

    def checks(self) -> Sequence[Check]:
        """Health checks of its own."""
        return ()
