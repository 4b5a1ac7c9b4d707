"""Where the routes of the drive are registered, and what their handlers share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from werkzeug.routing import PathConverter

from cloudsvc.api.drive.conditions import Preconditions
from cloudsvc.api.drive.settings import StorageSettings
from cloudsvc.drive.commands import Condition
from cloudsvc.drive.drive import Drive
from cloudsvc.drive.names import Path
from cloudsvc.drive.nodes import File, Node
from cloudsvc.extend import Actor, Application, CloudError, Kind, Klein, Request

if TYPE_CHECKING:
    from cloudsvc.drive.thumbnails import Thumbnails

READ: Final = "files:read"
"""The scope of whoever may see what is in the drive."""

WRITE: Final = "files:write"
"""The scope of whoever may change it."""


class _AnyPath(PathConverter):
    """Also what is no path, with slashes too many and line breaks, so that it is refused with the reason."""

    part_isolating = False
    regex = "(?s:.*)"


app = Klein()
app.url_map.converters["path"] = _AnyPath


class DriveHandlers(Application[StorageSettings]):
    """
    The base of those who have routes of the drive.

    :ivar drive: set before the first request arrives.
    :ivar thumbnails: likewise.
    """

    drive: Drive
    thumbnails: Thumbnails

    async def _read_condition(self, request: Request, path: Path) -> Condition:
        """
        What ``request`` demands of what is at ``path``.

        :raises CloudError: the file has changed since the moment that it names.
        """

        async def find() -> File | None:
            node = await self._look(request.actor, path)
            return node if isinstance(node, File) else None

        return await Preconditions.of(request).for_writing(find)

    async def _look(self, actor: Actor, path: Path) -> Node | None:
        """What is at ``path``, if anything."""
        try:
            return await self.drive.find(actor, path)
        except CloudError as problem:
            if problem.kind is not Kind.NOT_FOUND:
                raise
            return None
