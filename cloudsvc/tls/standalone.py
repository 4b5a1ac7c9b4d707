"""The endpoint prefix outside a running server of ours, as in ``twistd web --listen cloudsvc:tcp:8443``."""

from __future__ import annotations

import os
import time
from pathlib import Path

from twisted.internet.interfaces import IReactorCore, IReactorFromThreads, IReactorThreads, IReactorTime

from cloudsvc.core.threads import PoolRunner
from cloudsvc.tls.files import CertificateFiles
from cloudsvc.tls.reloading import ReloadingCertificate


def serve_home(reactor: IReactorCore) -> ReloadingCertificate:
    """
    The certificate of the home that ``CLOUDSVC_HOME`` names, else of the current directory: ``certs/key.pem`` and
    ``certs/cert.pem``. It is reloaded while ``reactor`` runs; renewing it is left to the server or the command.

    :raises OperatorError: when it cannot be served.
    """
    directory = Path(os.environ.get("CLOUDSVC_HOME") or ".").absolute() / "certs"
    certificate = ReloadingCertificate(
        CertificateFiles.locate(directory, directory / "key.pem", directory / "cert.pem"),
        clock=IReactorTime(reactor),
        wall_clock=time.time,
        threads=PoolRunner(IReactorFromThreads(reactor), IReactorThreads(reactor).getThreadPool()),
        renewal=None,
        names=(),
    )
    reactor.callWhenRunning(certificate.startService)
    reactor.addSystemEventTrigger("before", "shutdown", certificate.stopService)
    return certificate
