"""Link routes: links are made, listed, changed and revoked."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final

from attrs import field, frozen
from msgspec import Meta

from cloudsvc.api.drive.descriptions import OptionalPathText
from cloudsvc.api.identity.descriptions import (
    FAILED,
    IN_THE_WAY,
    NO_RIGHT,
    READ,
    WRITE,
    DisplayText,
    ExpiryText,
    ListQuery,
    NoQuery,
)
from cloudsvc.api.identity.expiry import read_expiry
from cloudsvc.api.identity.links.messages import (
    LinkEntry,
    LinkMessage,
    LinkPage,
    LinkRole,
    LinkText,
    MadeLinkMessage,
)
from cloudsvc.extend import (
    Klein,
    Request,
    Role,
    Secret,
    accepts_json,
    accepts_no_body,
    accepts_query,
    authorized,
    route,
    throttled,
)
from cloudsvc.extend.identity import MAX_LINK_USES, MAX_PASSWORD, MIN_LINK_PASSWORD, Link, Linker, LinkFields

_NO_LINK: Final = "There is no such link."
_NOTHING: Final = "There is nothing there."
_PASSWORD: Final = rf"^([^\x00-\x1f\x7f-\x9f]{{{MIN_LINK_PASSWORD},}})?$"
LinkPasswordText = Annotated[Secret, Meta(extra_json_schema={"pattern": _PASSWORD, "maxLength": MAX_PASSWORD})]
"""A password of a link, or nothing."""


@frozen(kw_only=True)
class LinkChanges:
    """
    What is said of a link; what is left out stays as it is.

    :ivar password: That whoever visits has to know; empty for none.
    :ivar limit: How many files may be sent or received by it; 0 for any number.
    :ivar expires_at: From when on it is no good any more; empty for never.
    """

    label: DisplayText | None = None
    password: LinkPasswordText | None = field(default=None, repr=False)
    limit: Annotated[int, Meta(ge=0, le=MAX_LINK_USES)] | None = None
    expires_at: ExpiryText | None = None

    def read(self) -> LinkFields:
        """It as the use-cases take it."""
        return LinkFields(
            label=self.label,
            password=self.password,
            most_uses=self.limit,
            expires_at=read_expiry(self.expires_at),
        )


@frozen(kw_only=True)
class NewLink(LinkChanges):
    """
    A link.

    :ivar path: Of the file or folder that it is for; empty for the root.
    :ivar role: What it lets do.
    """

    path: OptionalPathText
    role: LinkRole = LinkRole.VIEWER


@frozen(kw_only=True)
class LinkQuery(ListQuery):
    """Which links to list."""

    path: Annotated[OptionalPathText | None, Meta(description="Only those to what is there, and to what is in it.")] = (
        None
    )


@frozen(kw_only=True)
class LinkRoutes:
    """``/links`` and ``/links/{id}``: one's own, and those to what one manages."""

    app: ClassVar[Klein] = Klein()
    linker: Linker

    @route(app, "GET", "/links", errors={404: _NOTHING, 503: FAILED})
    @authorized(READ)
    @throttled("api")
    @accepts_query(LinkQuery)
    async def list_links(self, request: Request, query: LinkQuery) -> LinkPage:
        """List links by their ids, without their secrets: one's own, and those to what one manages."""
        found = await self.linker.list_links(request.actor, query.limit + 1, after=query.cursor, path=query.path)
        links = found[: query.limit]
        paths = await self.linker.tell_paths(request.actor, links)
        entries = tuple(LinkEntry.of(link, paths) for link in links)
        cursor = links[-1].id if len(found) > len(links) else None
        return LinkPage(message="Links listed.", links=entries, cursor=cursor)

    @route(
        app,
        "POST",
        "/links",
        status=201,
        errors={403: NO_RIGHT, 404: _NOTHING, 409: IN_THE_WAY, 503: FAILED},
    )
    @authorized(WRITE)
    @throttled("api")
    @accepts_query(NoQuery)
    @accepts_json(NewLink)
    async def add_link(self, request: Request, query: NoQuery, body: NewLink) -> MadeLinkMessage:
        """
        Make a link to a file or folder, for whoever has its address.

        It lets do what its maker may at each moment, and no more. Its address is told in this answer alone.
        """
        made = await self.linker.make(request.actor, body.path, Role(body.role), body.read())
        request.target_id = str(made.link.id)
        return MadeLinkMessage.of(made, await self.linker.tell_paths(request.actor, [made.link]))

    @route(app, "GET", "/links/<link>", errors={404: _NO_LINK, 503: FAILED})
    @authorized(READ)
    @throttled("api")
    @accepts_query(NoQuery)
    async def get_link(self, request: Request, link: LinkText, query: NoQuery) -> LinkMessage:
        """Show a link, without its secret."""
        return await self._tell(request, "Link found.", await self.linker.find_link(request.actor, link))

    @route(app, "PATCH", "/links/<link>", errors={403: NO_RIGHT, 404: _NO_LINK, 409: IN_THE_WAY, 503: FAILED})
    @authorized(WRITE)
    @throttled("api")
    @accepts_query(NoQuery)
    @accepts_json(LinkChanges)
    async def patch_link(self, request: Request, link: LinkText, query: NoQuery, body: LinkChanges) -> LinkMessage:
        """Change a link of one's own."""
        return await self._tell(request, "Link changed.", await self.linker.edit_link(request.actor, link, body.read()))

    @route(app, "DELETE", "/links/<link>", errors={404: _NO_LINK, 409: IN_THE_WAY, 503: FAILED})
    @authorized(WRITE)
    @throttled("api")
    @accepts_query(NoQuery)
    @accepts_no_body
    async def revoke_link(self, request: Request, link: LinkText, query: NoQuery) -> LinkMessage:
        """End a link, now and for good, and what is under way by it."""
        return await self._tell(request, "Link revoked.", await self.linker.revoke(request.actor, link))

    async def _tell(self, request: Request, message: str, link: Link) -> LinkMessage:
        paths = await self.linker.tell_paths(request.actor, [link])
        return LinkMessage(message=message, link=LinkEntry.of(link, paths))
