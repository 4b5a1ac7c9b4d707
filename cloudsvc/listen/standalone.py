"""The endpoint prefix outside a running server of ours, as in ``twistd web --listen cloudsvc:tcp:8443``."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

from twisted.internet.interfaces import IReactorCore, IReactorTime

from cloudsvc.listen.files import CertificateFiles
from cloudsvc.listen.reloading import ReloadingCertificate

P = ParamSpec("P")
T = TypeVar("T")


class _Inline:
    """Runs the few file operations of a reload where they are: there is no thread pool to borrow here."""

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return function(*args, **kwargs)


def serve_home(reactor: IReactorCore) -> ReloadingCertificate:
    """
    The certificate of the home that ``CLOUDSVC_HOME`` names, else of the current directory: ``certs/key.pem`` and
    ``certs/cert.pem``. It is reloaded while ``reactor`` runs; renewing it is left to the server or the command.

    :raises StartFault: when it cannot be served.
    """
    directory = Path(os.environ.get("CLOUDSVC_HOME") or ".").absolute() / "certs"
    certificate = ReloadingCertificate(
        CertificateFiles.locate(directory, directory / "key.pem", directory / "cert.pem"),
        clock=IReactorTime(reactor),
        wall_clock=time.time,
        threads=_Inline(),
        renewal=None,
    )
    reactor.callWhenRunning(certificate.startService)
    reactor.addSystemEventTrigger("before", "shutdown", certificate.stopService)
    return certificate
