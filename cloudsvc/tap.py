"""The ``cloudsvc`` subcommand of ``twistd`` and ``twist``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twisted.application.service import IService
from twisted.logger import ILogObserver, LogEvent
from twisted.python import usage
from zope.interface import provider

from cloudsvc import __version__
from cloudsvc.core.errors import StartFault

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
        """Take the console over from the host program, unless it was told where to log."""
        self.owns_console = _take_console(self.parent)


def makeService(options: Options) -> IService:
    """
    The server, bound to its addresses and ready to start.

    A fault is one line on standard error and exit status 1: ``UsageError`` would print on standard output, and an
    exception a traceback.
    """
    # These import Klein, and with it the reactor, which --reactor must have chosen by now.
    from twisted.internet import reactor  # noqa: PLC0415

    from cloudsvc.applications import find_sections  # noqa: PLC0415
    from cloudsvc.service import build_service  # noqa: PLC0415
    from cloudsvc.settings.home import find_home  # noqa: PLC0415
    from cloudsvc.settings.loading import load  # noqa: PLC0415

    try:
        home = find_home(options["home"], os.environ, options.directory)
        loaded = load(home, os.environ, find_sections)
        service = build_service(
            loaded, reactor=reactor, endpoints=tuple(options["endpoints"]), owns_console=options.owns_console
        )
    except StartFault as fault:
        for line in fault.lines:
            sys.stderr.write(f"cloudsvc: {line}\n")
        raise SystemExit(1) from None
    _console.target = service.log_observer
    return service


class _Console:
    """Stands in for the log observer until the configuration has said what it looks like."""

    target: Callable[[LogEvent], None] | None = None

    def __call__(self, event: LogEvent) -> None:
        if self.target is not None:
            self.target(event)


# Both programs take the name of a function or a factory and call it with nothing of ours: hence a global.
_console: _Console = provider(ILogObserver)(_Console())


def make_log_observer(*_: object) -> _Console:
    """What twistd and twist log to: the pipeline of the service."""
    return _console


def _take_console(host: Any) -> bool:
    """
    Make ``host``, the options of twistd or twist, log to our pipeline instead of a format of its own.

    :returns: whether the pipeline may write to the console; not where the process goes to the background.
    """
    if "fileLogObserverFactory" in host or host.get("logger") or host.get("logfile") or host.get("syslog"):
        return False
    if "nodaemon" in host:
        host["logger"] = f"{__name__}.{make_log_observer.__name__}"
        return bool(host["nodaemon"])
    host["fileLogObserverFactory"] = make_log_observer
    host["logFormat"] = "text"
    return True
