"""
Public interface for extensions: everything that one imports.

An application is a subclass of :class:`Application` with routes on a Klein app of its own. ``docs/extending.md`` walks
through one from an empty directory to a running route. The server's own routes are made of the same pieces.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from attrs import field, frozen
from klein import Klein
from twisted.internet.interfaces import IReactorProcess, IReactorTime

from cloudsvc.access.caching import CredentialCache
from cloudsvc.access.credentials import CredentialSource, Identified, RequestHead
from cloudsvc.access.sessions import read_cookie
from cloudsvc.core.actors import Actor, Grant, Payer, Principal, Role
from cloudsvc.core.clock import WallClock, format_timestamp
from cloudsvc.core.draining import Draining
from cloudsvc.core.errors import CloudError, Kind, OperatorError
from cloudsvc.core.secrets import Secret
from cloudsvc.core.services import Services
from cloudsvc.core.structuring import Check as ValueCheck
from cloudsvc.core.threads import ThreadRunner
from cloudsvc.drive.drive import Drive
from cloudsvc.drive.leadership import Leader
from cloudsvc.drive.names import DrivePath, parse_path
from cloudsvc.drive.nodes import File, Folder
from cloudsvc.drive.thumbnails import Thumbnails
from cloudsvc.observe.health import Check, Finding
from cloudsvc.observe.instruments import Instruments
from cloudsvc.observe.merging import Combine
from cloudsvc.web.codings import GZIPPED, VARIES, accepts_gzip, compress
from cloudsvc.web.conditions import Preconditions, Validators, format_tag, parse_tag
from cloudsvc.web.documents import Document
from cloudsvc.web.errors import HTTPError
from cloudsvc.web.fields import read_field
from cloudsvc.web.guards import authenticate, authenticate_by, authorized, records_change, same_origin, throttled
from cloudsvc.web.http1.body import Body
from cloudsvc.web.http1.request import ErrorRenderer, Request
from cloudsvc.web.mounts import Routes
from cloudsvc.web.negotiation import choose_type
from cloudsvc.web.openapi.description import BINARY
from cloudsvc.web.operations import HeaderField
from cloudsvc.web.ranges import MOST_RANGES
from cloudsvc.web.representations import Representation, Selection
from cloudsvc.web.responses import NO_CONTENT, Message, Reply, Response, StreamedMessage
from cloudsvc.web.routes import accepts_body, accepts_json, accepts_no_body, accepts_query, route
from cloudsvc.web.standing import Standings

__all__ = [
    "BINARY",
    "GZIPPED",
    "MOST_RANGES",
    "NO_CONTENT",
    "VARIES",
    "Actor",
    "Application",
    "Body",
    "Check",
    "CloudError",
    "Combine",
    "CredentialCache",
    "CredentialSource",
    "Document",
    "Draining",
    "Drive",
    "DrivePath",
    "ErrorRenderer",
    "File",
    "Finding",
    "Folder",
    "Grant",
    "HTTPError",
    "HeaderField",
    "Identified",
    "Instruments",
    "Kind",
    "Klein",
    "Leader",
    "Message",
    "NoSettings",
    "OperatorError",
    "Payer",
    "Preconditions",
    "Principal",
    "Reply",
    "Representation",
    "Request",
    "RequestHead",
    "Response",
    "Role",
    "Routes",
    "Secret",
    "Selection",
    "Services",
    "Standings",
    "StreamedMessage",
    "ThreadRunner",
    "Thumbnails",
    "Tools",
    "Validators",
    "ValueCheck",
    "WallClock",
    "accepts_body",
    "accepts_gzip",
    "accepts_json",
    "accepts_no_body",
    "accepts_query",
    "authenticate",
    "authenticate_by",
    "authorized",
    "choose_type",
    "compress",
    "format_tag",
    "format_timestamp",
    "parse_path",
    "parse_tag",
    "read_cookie",
    "read_field",
    "records_change",
    "route",
    "same_origin",
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
    :ivar draining: whether the server stops: streams that go on for ever end then.
    :ivar services: gives what the application declares in ``needs``, such as the opened drive.
    """

    clock: IReactorTime
    now: WallClock
    threads: ThreadRunner
    make_threads: Callable[[int], ThreadRunner]
    processes: IReactorProcess
    instruments: Instruments
    data: Path
    draining: Draining = field(factory=Draining)
    services: Services = field(factory=Services)


S = TypeVar("S")


class Application(Generic[S]):
    """
    Routes with what belongs to them.

    Those of a small application are its own methods, registered with its ``app``. A larger one declares
    ``route_types``, classes with an ``app`` of their own, and gives each of their objects what it needs.

    :cvar name: of its config section and the prefix of its metrics; a lower-case identifier.
    :cvar section: of the configuration, where it is called something else.
    :cvar mounts: what the paths of its routes begin with: a name is the first segment below ``/api``, and ``/dav`` or
        ``/`` a whole path.
    :cvar settings_type: the attrs class of its config section.
    :cvar needs: the types of services that it asks ``tools.services`` for.
    :cvar app: the Klein app with its routes, where they are its own methods.
    :cvar route_types: the classes of the objects that have its routes; without any, itself.
    :ivar error_renderer: what whatever goes wrong below its mounts is reported by; without one, by the server's JSON.
    """

    name: ClassVar[str]
    section: ClassVar[str]
    mounts: ClassVar[tuple[str, ...]]
    settings_type: ClassVar[type] = NoSettings
    needs: ClassVar[tuple[type, ...]] = ()
    app: ClassVar[Klein]
    route_types: ClassVar[tuple[type[Routes], ...]]
    error_renderer: ErrorRenderer | None = None

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        if "name" in vars(cls) and "section" not in vars(cls):
            cls.section = cls.name
        if "app" in vars(cls) and "route_types" not in vars(cls):
            cls.route_types = (cls,)

    def __init__(self, settings: S, tools: Tools) -> None:
        self.settings = settings
        self.tools = tools

    async def start(self) -> None:
        """
        Get ready; no request arrives before this returns.

        :raises OperatorError: the server does not start, and says why.
        """

    async def stop(self) -> None:
        """Let go of everything; no request arrives any more. It is called where :meth:`start` has returned."""

    def make_routes(self) -> Sequence[Routes]:
        """The objects whose routes answer, one of each of ``route_types``, once :meth:`start` has returned."""
        return (self,)

    def refine(self, schemas: Mapping[str, dict[str, Any]]) -> None:
        """
        Add to ``schemas``, the JSON Schemas of the description by the names of their types, what only settings know.

        They are those of all applications: it is for each to change its own.
        """

    def credential_sources(self) -> Sequence[CredentialSource]:
        """
        Kinds of credentials of its own, which then let in to every route: a source sees the path, and may find nothing.

        They are asked before the server's own, those of the application that is configured first before others.
        """
        return ()

    def checks(self) -> Sequence[Check]:
        """Health checks of its own."""
        return ()
