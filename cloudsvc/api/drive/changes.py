"""Changes route: what has happened since, at once or as soon as something does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Final

from attrs import frozen
from msgspec import Meta

from cloudsvc.api.drive.descriptions import FAILED, PositionText
from cloudsvc.api.drive.messages import ChangesMessage
from cloudsvc.api.drive.routing import READ, make_app
from cloudsvc.api.drive.telling import ToldChange
from cloudsvc.extend import Klein, Reply, Request, Standings, accepts_query, authorized, route, throttled
from cloudsvc.extend.drive import Feed, Position, parse_position

EXPIRED: Final = (
    "`changes_expired`: what came after it is not remembered, a backup was restored since, or what was granted is not"
    " there any more. Begin anew: ask where the changes stand, list everything, and follow from there."
)
INVALID: Final = "`invalid_position`: it is nothing that an answer or an event has said."
BUSY: Final = f"{FAILED} `too_many_followers`: too many follow the changes already."

_NOT_KEPT: Final = ((b"Cache-Control", b"no-store"),)


@frozen(kw_only=True)
class ChangesQuery:
    """From where on, and for how long to wait."""

    since: Annotated[
        PositionText | None, Meta(description="Up to where the client has read: a `position`, or the `id` of a change.")
    ] = None
    wait: Annotated[
        int, Meta(ge=0, le=60, description="Seconds for which to wait for a change where there is none yet.")
    ] = 0


@frozen(kw_only=True)
class ChangesRoutes:
    """``/changes``."""

    app: ClassVar[Klein] = make_app()
    feed: Feed[ToldChange]
    standings: Standings

    @route(app, "GET", "/changes", errors={400: INVALID, 410: EXPIRED, 503: BUSY})
    @authorized(READ)
    @throttled("api")
    @accepts_query(ChangesQuery)
    async def list_changes(self, request: Request, query: ChangesQuery) -> Reply[ChangesMessage]:
        """
        Tell what has changed since, in order, or where the changes stand now.

        Without `since` there are no changes in the answer, only the `position` from which to follow. With it, there are
        up to 100, or fewer long ones, and the `position` to ask with next; there may be more at once. What a file
        contains is told as it is when the server reads the change.
        """
        if query.since is None:
            return _answer(await self.feed.locate(request.actor))
        follower = await self.feed.follow(request.actor, parse_position(query.since), is_fresh=not query.wait)
        stop = self.standings.watch(request, follower.end)
        try:
            told = await follower.read(query.wait)
        finally:
            stop()
            follower.leave()
        return _answer(follower.position, told)


def _answer(position: Position, told: Sequence[ToldChange] = ()) -> Reply[ChangesMessage]:
    changes = tuple(each.entry for each in told)
    message = ChangesMessage(message="Changes listed.", changes=changes, position=str(position))
    return Reply(message=message, status=200, headers=_NOT_KEPT)
