"""
Worker process: a server that accepts from sockets that its supervisor has bound.

Its arguments are its number, for whoever looks at the list of processes, and the descriptors of the control connection
and of the lifeline, a pipe that ends with the supervisor.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

from cloudsvc.core.errors import OperatorError

if TYPE_CHECKING:
    from cloudsvc.server.control.messages import Orders


def main() -> None:
    """Serve until told otherwise."""
    _, control, lifeline = map(int, sys.argv[1:])
    # Ctrl-C is for the supervisor alone; and what this process starts is found and ended with it.
    os.setpgid(0, 0)
    # Descriptions of systemd's sockets are understood where these seem to be this process's own. Twisted looks when it
    # is imported, so whatever imports it comes later.
    os.environ["LISTEN_PID"] = str(os.getpid())

    from cloudsvc.server.control.connection import receive  # noqa: PLC0415  # see above
    from cloudsvc.server.control.messages import Orders  # noqa: PLC0415  # see above

    end = socket.socket(fileno=control)
    try:
        orders = receive(end)
    except EOFError:
        raise SystemExit(1) from None
    if not isinstance(orders, Orders):
        raise SystemExit("cloudsvc: only a supervisor starts this program")
    import_module(orders.reactor).install()
    try:
        _serve(orders, end, lifeline)
    except OperatorError as fault:
        for line in fault.lines:
            sys.stderr.write(f"cloudsvc: {line}\n")
        raise SystemExit(1) from None


def _serve(orders: Orders, end: socket.socket, lifeline: int) -> None:
    # These import the reactor, which is installed by now.
    from twisted.internet import reactor as installed  # noqa: PLC0415  # see above
    from twisted.logger import globalLogBeginner  # noqa: PLC0415  # see above

    from cloudsvc.server.assembly import build_service  # noqa: PLC0415  # see above
    from cloudsvc.server.clock import keep_steady_time  # noqa: PLC0415  # see above
    from cloudsvc.server.extensions import find_applications, find_providers  # noqa: PLC0415  # see above
    from cloudsvc.server.membership import Membership  # noqa: PLC0415  # see above
    from cloudsvc.server.service import LATE_SECONDS  # noqa: PLC0415  # see above
    from cloudsvc.settings.home import Home  # noqa: PLC0415  # see above
    from cloudsvc.settings.loading import load  # noqa: PLC0415  # see above

    reactor: Any = installed  # no interface of Twisted's says all that it is
    keep_steady_time(reactor)
    loaded = load(Home(root=Path(orders.home)), os.environ, find_applications, find_providers)
    server = loaded.settings.server
    _end_with(lifeline, server.unready_seconds + server.drain_seconds + LATE_SECONDS)
    membership = Membership(orders)
    service = build_service(
        loaded,
        reactor=reactor,
        endpoints=orders.endpoints,
        owns_console=orders.owns_console,
        membership=membership,
    )
    globalLogBeginner.beginLoggingTo([service.log_observer], redirectStandardIO=False)
    membership.connect(reactor, end)
    service.startService()
    reactor.addSystemEventTrigger("before", "shutdown", service.stopService)
    reactor.run()


def _end_with(lifeline: int, seconds: float) -> None:
    """
    End this process in good order when the supervisor has ended, and after so many ``seconds`` in any case: whatever
    the reactor does, a thread sees to it.
    """

    def wait() -> None:
        while os.read(lifeline, 1):
            pass
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(seconds)
        os._exit(1)

    Thread(target=wait, name="lifeline", daemon=True).start()


if __name__ == "__main__":
    main()
