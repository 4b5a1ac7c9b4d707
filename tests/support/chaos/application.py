"""Application of the nodes: the change feed, which has no route of its own yet, and who leads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from attrs import frozen
from msgspec import Meta

from cloudsvc.extend import (
    Application,
    Drive,
    Klein,
    Leader,
    Message,
    NoSettings,
    Request,
    accepts_query,
    authorized,
    route,
)

NAME = "tests.support.chaos.application:Watching"
"""What ``config.applications`` calls it."""

_PAGE = 500
"""Changes in one answer."""


@frozen(kw_only=True)
class After:
    """What a reader has already."""

    after: Annotated[int, Meta(ge=0)] = 0


@frozen(kw_only=True)
class Note:
    """A change."""

    number: int
    kind: str
    path: str
    source: str | None
    is_folder: bool


@frozen(kw_only=True)
class FeedMessage(Message):
    """What comes after a number."""

    epoch: str
    items: Sequence[Note]


@frozen(kw_only=True)
class LeadingMessage(Message):
    """Whether this process leads."""

    leads: bool


class Watching(Application[NoSettings]):
    """What readers of a run ask."""

    name = "chaos"
    mounts = ("chaos",)
    settings_type = NoSettings
    needs = (Drive, Leader)
    app = Klein()

    @route(app, "GET", "/chaos/changes")
    @authorized()
    @accepts_query(After)
    async def list_changes(self, request: Request, query: After) -> FeedMessage:
        """Tell what comes after a number."""
        drive = self.tools.services.get(Drive)
        changes = await drive.read_changes(request.actor, query.after, _PAGE)
        items = tuple(
            Note(
                number=each.number,
                kind=each.kind.value,
                path=str(each.path),
                source=None if each.source is None else str(each.source),
                is_folder=each.is_folder,
            )
            for each in changes.items
        )
        return FeedMessage(message="Changes listed.", epoch=changes.epoch, items=items)

    @route(app, "GET", "/chaos/leader")
    @authorized()
    async def tell_leader(self, request: Request) -> LeadingMessage:
        """Say whether this process leads."""
        return LeadingMessage(message="So it is.", leads=self.tools.services.get(Leader).leads)
