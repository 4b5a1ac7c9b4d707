"""Parts of a server that are made the same way with and without workers."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from cloudsvc.listen.endpoints import PREFIX, compose_description
from cloudsvc.observe.files import RotatingFile, Stream, Target
from cloudsvc.observe.records import Plain
from cloudsvc.settings.loading import Loaded
from cloudsvc.settings.model import Settings
from cloudsvc.tls.files import CertificateFiles


def choose_endpoints(loaded: Loaded, endpoints: Sequence[str]) -> tuple[str, ...]:
    """The descriptions of where to listen: ``endpoints``, if there are any, or the configured ones."""
    server = loaded.settings.server
    return tuple(endpoints or server.endpoints or (compose_description(server.host, server.port),))


def uses_our_tls(descriptions: Sequence[str]) -> bool:
    """Whether one of ``descriptions`` asks for this server's TLS."""
    return any(f"{PREFIX}:" in each for each in descriptions)


def locate_certificate(loaded: Loaded) -> CertificateFiles:
    """Where the certificate lies."""
    settings = loaded.settings.certificate
    directory = loaded.home.resolve(settings.directory)
    return CertificateFiles.locate(directory, directory / settings.ssl_keyfile, directory / settings.ssl_certfile)


def name_process(settings: Settings, worker: int | None) -> dict[str, Plain]:
    """
    What every line of the log says of the process that has written it.

    :param worker: its number among several, if it is one of several.
    """
    names: dict[str, Plain] = {} if settings.node.name is None else {"node": settings.node.name}
    return names if worker is None else {**names, "worker": worker}


def open_console() -> Stream:
    """Standard output as a target of the log."""
    return Stream(sys.stdout.fileno(), "standard output")


def open_targets(loaded: Loaded, *, owns_console: bool) -> tuple[Target, ...]:
    """
    Where log lines go.

    :raises OperatorError: the log file cannot be opened.
    """
    logging = loaded.settings.logging
    path = loaded.home.resolve(logging.directory, "server.log")
    file = RotatingFile.open(path, max_bytes=logging.max_bytes, backups=logging.backups)
    return (open_console(), file) if logging.console and owns_console else (file,)
