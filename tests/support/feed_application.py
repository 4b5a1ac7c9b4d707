"""Application that tells what happened in the drive since a number, as a feed of changes will."""

from __future__ import annotations

from typing import Annotated

from attrs import frozen
from msgspec import Meta

from cloudsvc.extend import Application, Drive, Klein, Message, NoSettings, Request, accepts_query, authorized, route

FEED = "tests.support.feed_application:Feed"
"""What ``config.applications`` calls it."""


@frozen(kw_only=True)
class Position:
    """Where to begin."""

    after: Annotated[int, Meta(ge=0)] = 0


@frozen(kw_only=True)
class FeedMessage(Message):
    """
    What happened.

    :ivar epoch: of the numbers.
    :ivar paths: what became what it is, as ``NUMBER KIND PATH``, in order.
    """

    epoch: str
    changes: list[str]


class Feed(Application[NoSettings]):
    """The feed."""

    name = "feed"
    mounts = ("feed",)
    settings_type = NoSettings
    needs = (Drive,)
    app = Klein()

    @route(app, "GET", "/feed")
    @authorized()
    @accepts_query(Position)
    async def tell(self, request: Request, query: Position) -> FeedMessage:
        """Say what happened after a number."""
        assert request.principal is not None
        changes = await self.tools.services.get(Drive).read_changes(request.principal.actor, query.after, 1000)
        told = [f"{each.number} {each.kind.value} {each.path}" for each in changes.items]
        return FeedMessage(message="So it is.", epoch=changes.epoch, changes=told)
