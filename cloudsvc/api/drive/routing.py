"""Registration of the drive's routes: the map of each of their classes, and the scopes that they ask for."""

from __future__ import annotations

from typing import Final

from werkzeug.routing import PathConverter

from cloudsvc.extend import Klein

READ: Final = "files:read"
"""The scope of whoever may see what is in the drive."""

WRITE: Final = "files:write"
"""The scope of whoever may change it."""


class AnyPath(PathConverter):
    """Also what is no path, with slashes too many and line breaks, so that it is refused with the reason."""

    part_isolating = False
    regex = "(?s:.*)"


def make_app() -> Klein:
    """Where one class registers its routes."""
    app = Klein()
    app.url_map.converters["path"] = AnyPath
    return app
