"""Places of the server's own, which nothing else is to lie in, and nobody else to read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from cloudsvc.settings.home import Home
from cloudsvc.settings.model import Settings


def list_own(home: Home, settings: Settings) -> Iterator[Path]:
    """Files and directories that the server alone writes to, but for those of its log."""
    yield home.env_file
    yield home.config_file.parent
    yield home.data
    yield home.resolve(settings.certificate.directory)
    yield home.resolve(settings.certificate.directory, settings.certificate.ssl_keyfile)


def follow_links(path: Path) -> Path:
    """Where ``path`` leads to. Unlike :meth:`~pathlib.Path.resolve`, it has an answer to a loop of links too."""
    return Path(os.path.realpath(path))
