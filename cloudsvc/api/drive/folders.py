"""Folder routes: list, make, move, delete."""

from __future__ import annotations

from typing import ClassVar

from attrs import frozen

from cloudsvc.api.drive.conditions import read_condition
from cloudsvc.api.drive.descriptions import (
    CHANGED,
    FAILED,
    FOLDER_CONDITIONS,
    LOCATION,
    NO_RIGHT,
    NO_ROOM,
    NOT_CHANGED,
    SAME_PATH,
    SHORTAGE,
    THROWN_AWAY,
    TOO_MUCH_TO_MOVE,
    PathText,
)
from cloudsvc.api.drive.messages import ChildrenPage, DeletedFolderMessage, NodeEntry, NodeMessage
from cloudsvc.api.drive.paths import locate, parse_named
from cloudsvc.api.drive.requests import NoQuery, PageQuery
from cloudsvc.api.drive.routing import READ, WRITE, make_app
from cloudsvc.extend import (
    Drive,
    DrivePath,
    Folder,
    Klein,
    Reply,
    Request,
    accepts_json,
    accepts_no_body,
    accepts_query,
    authorized,
    route,
    throttled,
)
from cloudsvc.extend.drive import ROOT

_NO_FOLDER = "There is no such folder."


@frozen(kw_only=True)
class FolderChanges:
    """Where a folder goes."""

    new_path: PathText


@frozen(kw_only=True)
class FolderRoutes:
    """``/folders`` and ``/folders/{path}``."""

    app: ClassVar[Klein] = make_app()
    drive: Drive

    @route(app, "GET", "/folders", errors={503: FAILED})
    @authorized(READ)
    @throttled("api")
    @accepts_query(PageQuery)
    async def list_root(self, request: Request, query: PageQuery) -> ChildrenPage:
        """List what is directly in the root folder, by name."""
        return await self._list_children(request, ROOT, query)

    @route(app, "GET", "/folders/<path:path>", errors={404: _NO_FOLDER, 503: FAILED})
    @authorized(READ)
    @throttled("api")
    @accepts_query(PageQuery)
    async def list_folder(self, request: Request, path: PathText, query: PageQuery) -> ChildrenPage:
        """List what is directly in a folder, by name."""
        return await self._list_children(request, parse_named(path), query)

    @route(
        app,
        "PUT",
        "/folders/<path:path>",
        status=201,
        headers=FOLDER_CONDITIONS,
        response_headers={201: LOCATION, 507: SHORTAGE},
        answers={200: "The folder has been there already."},
        links=dict.fromkeys(("list_folder", "patch_folder", "delete_folder"), SAME_PATH),
        errors={
            403: NO_RIGHT,
            409: "A file is in its place, or where a folder above it should be.",
            412: CHANGED,
            503: NOT_CHANGED,
            507: NO_ROOM,
        },
    )
    @authorized(WRITE)
    @throttled("api")
    @accepts_query(NoQuery)
    @accepts_no_body
    async def put_folder(self, request: Request, path: PathText, query: NoQuery) -> Reply[NodeMessage]:
        """Make a folder, and those above it that are missing."""
        place = parse_named(path)
        made = await self.drive.make_folder(request.actor, place, read_condition(request))
        request.target_id = str(made.folder.id)
        if not made.created:
            return Reply(message=NodeMessage.of("The folder is there.", made.folder), status=200)
        location = locate(request, made.folder)
        return Reply(message=NodeMessage.of("Folder made.", made.folder), status=201, headers=(location,))

    @route(
        app,
        "PATCH",
        "/folders/<path:path>",
        headers=FOLDER_CONDITIONS,
        response_headers={507: SHORTAGE},
        errors={
            403: NO_RIGHT,
            404: _NO_FOLDER,
            409: "Something is there already, or the folder would be in itself.",
            412: CHANGED,
            413: f"{TOO_MUCH_TO_MOVE} Or the body is too large.",
            503: NOT_CHANGED,
            507: NO_ROOM,
        },
    )
    @authorized(WRITE)
    @throttled("api")
    @accepts_query(NoQuery)
    @accepts_json(FolderChanges)
    async def patch_folder(self, request: Request, path: PathText, query: NoQuery, body: FolderChanges) -> NodeMessage:
        """Rename or move a folder with all that is in it."""
        place, destination = parse_named(path), parse_named(body.new_path)
        condition = read_condition(request)
        node = await self.drive.move(request.actor, place, destination, Folder, condition)
        request.target_id = str(node.id)
        return NodeMessage.of("Folder moved.", node)

    @route(
        app,
        "DELETE",
        "/folders/<path:path>",
        headers=FOLDER_CONDITIONS,
        errors={403: NO_RIGHT, 404: _NO_FOLDER, 412: CHANGED, 503: NOT_CHANGED},
        links=THROWN_AWAY,
    )
    @authorized(WRITE)
    @throttled("api")
    @accepts_query(NoQuery)
    @accepts_no_body
    async def delete_folder(self, request: Request, path: PathText, query: NoQuery) -> DeletedFolderMessage:
        """Put a folder into the trash with all that is in it."""
        place = parse_named(path)
        entry = await self.drive.discard(request.actor, place, Folder, read_condition(request))
        request.target_id = str(entry.node.id)
        message = "Folder put into the trash."
        return DeletedFolderMessage(message=message, path=str(entry.node.path), trash_id=entry.id)

    async def _list_children(self, request: Request, folder: DrivePath, query: PageQuery) -> ChildrenPage:
        page = await self.drive.list_children(request.actor, folder, query.limit, query.cursor)
        children = tuple(map(NodeEntry.of, page.items))
        return ChildrenPage(message="Folder listed.", path=str(folder), children=children, cursor=page.cursor)
