"""Public directory: its files are for everybody, and it lies apart from what is private."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from cloudsvc.settings.home import Home
from cloudsvc.settings.model import Settings
from cloudsvc.settings.places import follow_links, list_own


def check_static(home: Home, settings: Settings) -> Iterator[str]:
    """What is wrong with ``static.directory``. Links are followed, as whoever serves it does."""
    if settings.static.directory is None:
        return
    directory = home.resolve(settings.static.directory)
    try:
        # The point, which a Path would drop, takes a directory and the right to enter it.
        os.stat(f"{directory}/.")  # noqa: PTH116  # see above
    except OSError as problem:
        yield f"config.static.directory: {directory} cannot be served: {problem.strerror}; make it, or write null"
        return
    served = follow_links(directory)
    private = map(follow_links, _list_private(home, settings))
    exposed = [str(place) for place in private if place.is_relative_to(served) or served.is_relative_to(place)]
    if exposed:
        yield (
            f"config.static.directory: {directory} holds, or lies in, what is private ({', '.join(exposed)}); "
            "serve a directory apart from it"
        )


def _list_private(home: Home, settings: Settings) -> Iterator[Path]:
    yield from list_own(home, settings)
    yield home.resolve(settings.logging.directory)
    if settings.audit.file is not None:
        yield home.resolve(settings.audit.file)
