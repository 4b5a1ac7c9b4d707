"""The ``cloudsvc`` subcommand of ``twistd`` and ``twist``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twisted.application.service import IService
from twisted.logger import ILogObserver, LogEvent, LogLevel, globalLogPublisher
from twisted.python import usage
from zope.interface import provider

from cloudsvc import __version__
from cloudsvc.core.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Callable


class Options(usage.Options):
    """What can be said on the command line; everything else is in the configuration."""

    synopsis = "[options]"
    longdesc = "Serve the home DIR over HTTPS. `cloudsvc init DIR` writes one."
    optParameters = (("home", None, None, "Directory with config/, certs/, data/ and logs/ [CLOUDSVC_HOME or here]."),)

    def __init__(self) -> None:
        super().__init__()
        self["endpoints"] = []
        # twistd changes the directory before the service starts, so a relative home is resolved now.
        self.directory = Path.cwd()

    def opt_endpoint(self, description: str) -> None:
        """Listen at this Twisted endpoint description instead of the configured ones; may be repeated."""
        self["endpoints"].append(description)

    opt_e = opt_endpoint

    def opt_version(self) -> None:
        """Print the version of cloudsvc."""
        sys.stdout.write(f"cloudsvc {__version__}\n")
        raise SystemExit(0)

    def postOptions(self) -> None:
        """Take logging over from the host program, unless its command line says where or how to log."""
        host: Any = self.parent
        self.takes_log = _take_log(host)
        # A daemon has no console, and neither twist nor `twistd -n` is one.
        self.owns_console = self.takes_log and bool(host.get("nodaemon", True))


def makeService(options: Options) -> IService:
    """
    The server, or the supervisor of its workers, bound to its addresses and ready to start.

    A fault is one line on standard error and exit status 1: ``UsageError`` would print on standard output, and an
    exception a traceback.
    """
    # These import Klein, and with it the reactor, which --reactor must have chosen by now.
    from twisted.internet import reactor as installed  # noqa: PLC0415  # see above

    from cloudsvc.server.assembly import build_service  # noqa: PLC0415  # see above
    from cloudsvc.server.clock import keep_steady_time  # noqa: PLC0415  # see above
    from cloudsvc.server.extensions import find_applications, find_providers  # noqa: PLC0415  # see above
    from cloudsvc.server.workers.build import build_supervisor  # noqa: PLC0415  # see above
    from cloudsvc.settings.home import find_home  # noqa: PLC0415  # see above
    from cloudsvc.settings.loading import load  # noqa: PLC0415  # see above

    reactor: Any = installed  # no interface of Twisted's says all that it is
    keep_steady_time(reactor)
    try:
        home = find_home(options["home"], os.environ, options.directory)
        loaded = load(home, os.environ, find_applications, find_providers)
        build = build_supervisor if loaded.settings.server.workers > 1 else build_service
        service = build(
            loaded, reactor=reactor, endpoints=tuple(options["endpoints"]), owns_console=options.owns_console
        )
    except OperatorError as fault:
        for line in fault.lines:
            sys.stderr.write(f"cloudsvc: {line}\n")
        raise SystemExit(1) from None
    if options.takes_log:
        _taken_log.target = service.log_observer
    else:
        globalLogPublisher.addObserver(service.log_observer)
    return service


class _TakenLog:
    """Stands in for the log observer until the configuration has said what it looks like."""

    target: Callable[[LogEvent], None] | None = None

    def __call__(self, event: LogEvent) -> None:
        if self.target is not None:
            self.target(event)


# Both programs take the name of a function or a factory and call it with nothing of ours: hence a global.
_taken_log: _TakenLog = provider(ILogObserver)(_TakenLog())


def make_log_observer(*_: object) -> _TakenLog:
    """What twistd and twist log to: the pipeline of the service."""
    return _taken_log


def _take_log(host: Any) -> bool:
    """
    Make ``host``, the options of twistd or twist, log to our pipeline instead of a format of its own.

    :returns: whether it does; not where its command line says otherwise.
    """
    if "nodaemon" in host:
        if host["logger"] or host["logfile"] or host["syslog"]:
            return False
        host["logger"] = f"{__name__}.{make_log_observer.__name__}"
        return True
    # Twist has filled in its defaults by now: what equals them was not asked for.
    if host["logFile"] is not sys.stdout or host["logFormat"] != ("text" if sys.stdout.isatty() else "json"):
        return False
    host["fileLogObserverFactory"] = make_log_observer
    if host["logLevel"] is host.defaultLogLevel:
        host["logLevel"] = LogLevel.debug  # the configuration says what is logged
    return True
