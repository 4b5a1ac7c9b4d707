"""File of the audit: it is written to, and it is nothing that something else is kept in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cloudsvc.settings.home import Home
from cloudsvc.settings.model import Settings
from cloudsvc.settings.places import follow_links, list_own

_LOG: Final = "server.log"
"""How the names of the log and its backups begin."""


def check_audit(home: Home, settings: Settings) -> Iterator[str]:
    """What is wrong with ``audit.file``. Links are followed, as whoever writes to it does."""
    if settings.audit.file is None:
        return
    if not settings.audit.enabled:
        yield "config.audit.file: there are no entries to copy; set config.audit.enabled to true, or write null here"
    file = home.resolve(settings.audit.file)
    target = follow_links(file)
    logs = follow_links(home.resolve(settings.logging.directory))
    is_log = target.parent == logs and target.name.startswith(_LOG)
    if is_log or any(target.is_relative_to(follow_links(place)) for place in list_own(home, settings)):
        yield f"config.audit.file: {file} is, or lies in, what the server keeps for itself; name a file of its own"
