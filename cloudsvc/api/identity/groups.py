"""Group routes: groups with their roles."""

from __future__ import annotations

from typing import ClassVar

from attrs import frozen

from cloudsvc.api.identity.descriptions import (
    FAILED,
    IN_THE_WAY,
    NO_GROUP,
    NO_RIGHT,
    READ,
    TAKEN,
    WRITE,
    FolderNumber,
    ListQuery,
    NameText,
    NoQuery,
    RoleOnPath,
)
from cloudsvc.api.identity.group_messages import GroupEntry, GroupMessage, GroupPage
from cloudsvc.api.identity.roles import Paths
from cloudsvc.extend import (
    Klein,
    Message,
    Request,
    accepts_json,
    accepts_no_body,
    accepts_query,
    authorized,
    route,
    throttled,
)
from cloudsvc.extend.identity import Directory, Group


@frozen(kw_only=True)
class NewGroup:
    """A group without roles."""

    name: NameText


@frozen(kw_only=True)
class GroupRoutes:
    """``/groups``, ``/groups/{name}`` and ``/groups/{name}/roles``: for who manages the accounts."""

    app: ClassVar[Klein] = Klein()
    directory: Directory

    @route(app, "GET", "/groups", errors={403: NO_RIGHT, 503: FAILED})
    @authorized(READ)
    @throttled("api")
    @accepts_query(ListQuery)
    async def list_groups(self, request: Request, query: ListQuery) -> GroupPage:
        """List groups by their names."""
        found = await self.directory.list_groups(request.actor, query.limit + 1, after=query.cursor or "")
        groups = found[: query.limit]
        paths = await Paths.find(self.directory, request.actor, [grant for group in groups for grant in group.grants])
        entries = tuple(GroupEntry.of(group, paths) for group in groups)
        cursor = groups[-1].name.key if len(found) > len(groups) else None
        return GroupPage(message="Groups listed.", groups=entries, cursor=cursor)

    @route(app, "POST", "/groups", status=201, errors={403: NO_RIGHT, 409: TAKEN, 503: FAILED})
    @authorized(WRITE)
    @throttled("api")
    @accepts_query(NoQuery)
    @accepts_json(NewGroup)
    async def add_group(self, request: Request, query: NoQuery, body: NewGroup) -> GroupMessage:
        """Add a group."""
        return await self._tell(request, "Group added.", await self.directory.add_group(request.actor, body.name))

    @route(app, "GET", "/groups/<name>", errors={403: NO_RIGHT, 404: NO_GROUP, 503: FAILED})
    @authorized(READ)
    @throttled("api")
    @accepts_query(NoQuery)
    async def get_group(self, request: Request, name: NameText, query: NoQuery) -> GroupMessage:
        """Show a group."""
        return await self._tell(request, "Group found.", await self.directory.find_group(request.actor, name))

    @route(app, "DELETE", "/groups/<name>", errors={403: NO_RIGHT, 404: NO_GROUP, 503: FAILED})
    @authorized(WRITE)
    @throttled("api")
    @accepts_query(NoQuery)
    @accepts_no_body
    async def delete_group(self, request: Request, name: NameText, query: NoQuery) -> Message:
        """Remove a group; who was in it has its roles no more."""
        await self.directory.remove_group(request.actor, name)
        return Message(message="Group removed.")

    @route(app, "PUT", "/groups/<name>/roles", errors={403: NO_RIGHT, 404: NO_GROUP, 409: IN_THE_WAY, 503: FAILED})
    @authorized(WRITE)
    @throttled("api")
    @accepts_query(NoQuery)
    @accepts_json(RoleOnPath)
    async def grant_group_role(
        self, request: Request, name: NameText, query: NoQuery, body: RoleOnPath
    ) -> GroupMessage:
        """Give a group a role on a folder."""
        group = await self.directory.grant_group_role(request.actor, name, body.path, body.role)
        return await self._tell(request, "Role given.", group)

    @route(
        app,
        "DELETE",
        "/groups/<name>/roles/<int:folder>",
        errors={403: NO_RIGHT, 404: NO_GROUP, 409: IN_THE_WAY, 503: FAILED},
    )
    @authorized(WRITE)
    @throttled("api")
    @accepts_query(NoQuery)
    @accepts_no_body
    async def withdraw_group_role(
        self, request: Request, name: NameText, folder: FolderNumber, query: NoQuery
    ) -> GroupMessage:
        """Take from a group what it has on a folder itself."""
        group = await self.directory.withdraw_group_role(request.actor, name, folder)
        return await self._tell(request, "Role taken.", group)

    async def _tell(self, request: Request, message: str, group: Group) -> GroupMessage:
        request.target_id = str(group.name)
        paths = await Paths.find(self.directory, request.actor, group.grants)
        return GroupMessage(message=message, group=GroupEntry.of(group, paths))
