"""Assembly of the supervisor."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from typing import Any, Final

from cloudsvc.access.throttling import make_windows
from cloudsvc.core.errors import OperatorError
from cloudsvc.core.reactors import IReactor
from cloudsvc.listen.sharing import listen_for
from cloudsvc.observe.lines import LogFormat
from cloudsvc.observe.logs import LogObserver, LogWriter
from cloudsvc.observe.worker_metrics import SupervisorMetrics
from cloudsvc.server.control.messages import Orders
from cloudsvc.server.extensions import find_applications, find_providers
from cloudsvc.server.parts import (
    choose_endpoints,
    locate_certificate,
    name_process,
    open_console,
    open_targets,
    uses_our_tls,
)
from cloudsvc.server.supervisor import Notifier
from cloudsvc.server.workers.counting import Counting
from cloudsvc.server.workers.supervision import Supervisor, SupervisorParts
from cloudsvc.settings.loading import Loaded, load
from cloudsvc.tls.context import load_certificate
from cloudsvc.web.http1.elsewhere import make_counts

_PATIENCE: Final = 60.0
"""Seconds after which a worker that says nothing counts as hanging, where systemd asks for no other number."""


def build_supervisor(
    loaded: Loaded, *, reactor: IReactor, endpoints: Sequence[str] = (), owns_console: bool = True
) -> Supervisor:
    """
    The supervisor of the workers that ``loaded`` describes, bound to its addresses; nothing runs yet.

    :param reactor: any full reactor.
    :param endpoints: endpoint descriptions instead of the configured ones.
    :param owns_console: whether to log to standard output.
    :raises OperatorError: something is wrong; nothing stays bound.
    """
    settings = loaded.settings
    descriptions = choose_endpoints(loaded, endpoints)
    check_workers(loaded, descriptions)
    owns_console = owns_console and settings.logging.console
    counting = Counting(reactor, SupervisorMetrics())
    writer = LogWriter(open_targets(loaded, owns_console=owns_console), reactor, counting.metrics.log_lines_dropped.inc)
    try:
        addresses = listen_for(reactor, descriptions, settings.server.workers)
    except OperatorError:
        writer.close()
        raise
    notifier = Notifier.from_environment()
    return Supervisor(
        SupervisorParts(
            reactor=reactor,
            addresses=addresses,
            orders=Orders(
                number=0,
                workers=settings.server.workers,
                home=str(loaded.home.root),
                endpoints=descriptions,
                sockets=tuple(each.sockets for each in addresses),
                reactor=_name_reactor(reactor),
                owns_console=owns_console,
                patience=notifier.patience or _PATIENCE,
                windows=make_windows(),
                connections=make_counts(2 * settings.server.workers),
                place=0,
                places=2 * settings.server.workers,
                key=secrets.token_bytes(32),
            ),
            check=lambda: check_workers(load(loaded.home, os.environ, find_applications, find_providers), descriptions),
            counting=counting,
            console=open_console() if owns_console else None,
            writer=writer,
            observer=LogObserver(
                writer,
                LogFormat(settings.logging.format),
                reactor.callFromThread,
                settings.logging.level,
                name_process(settings, None),
            ),
            notifier=notifier,
            drain_seconds=settings.server.drain_seconds,
            unready_seconds=settings.server.unready_seconds,
        )
    )


def check_workers(loaded: Loaded, descriptions: Sequence[str]) -> None:
    """
    See what would keep workers from starting, as far as one can without starting one.

    :raises OperatorError: something does.
    """
    if uses_our_tls(descriptions):
        files = locate_certificate(loaded)
        load_certificate(files.key, files.certificate)


def _name_reactor(reactor: Any) -> str:
    return str(type(reactor).__module__)
