"""Batch route: several changes in one transaction, all of them or none."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, TypeAlias

import attrs
from attrs import frozen
from msgspec import Meta

from cloudsvc.api.drive.descriptions import CHANGED, NO_RIGHT, NO_ROOM, NOT_CHANGED, SHORTAGE, PathText, TagText
from cloudsvc.api.drive.messages import NodeKind
from cloudsvc.api.drive.paths import parse_named
from cloudsvc.api.drive.requests import NoQuery, Number
from cloudsvc.api.drive.routing import WRITE, make_app
from cloudsvc.extend import (
    Drive,
    Klein,
    Message,
    Request,
    accepts_json,
    accepts_query,
    authorized,
    parse_tag,
    route,
    throttled,
)
from cloudsvc.extend.drive import (
    Command,
    Condition,
    Copy,
    Discard,
    EditTags,
    Limits,
    MadeFolder,
    MakeFolder,
    Move,
    Restore,
    Trashed,
    TrashId,
    telling_which,
)

_IfMatch: TypeAlias = Annotated[str | None, Meta(description="The entity tag that the file must have.")]
_AddedTags: TypeAlias = Annotated[tuple[TagText, ...], Meta(max_length=1000)]
_RemovedTags: TypeAlias = Annotated[tuple[str, ...], Meta(max_length=1000)]


@frozen(kw_only=True)
class MakeFolderStep:
    """Make a folder, and those above it that are missing."""

    path: PathText

    def to_command(self, limits: Limits) -> Command:
        return MakeFolder(path=parse_named(self.path))


@frozen(kw_only=True)
class MoveStep:
    """Give a file or folder another path."""

    path: PathText
    new_path: PathText
    if_match: _IfMatch = None

    def to_command(self, limits: Limits) -> Command:
        destination = parse_named(self.new_path)
        return Move(path=parse_named(self.path), destination=destination, condition=_require(self.if_match))


@frozen(kw_only=True)
class CopyStep:
    """Copy a file or folder."""

    source: PathText
    destination: PathText

    def to_command(self, limits: Limits) -> Command:
        return Copy(source=parse_named(self.source), destination=parse_named(self.destination))


@frozen(kw_only=True)
class DeleteStep:
    """Put a file or folder into the trash."""

    path: PathText
    if_match: _IfMatch = None

    def to_command(self, limits: Limits) -> Command:
        return Discard(path=parse_named(self.path), condition=_require(self.if_match))


@frozen(kw_only=True)
class RestoreStep:
    """Take something out of the trash."""

    id: Number
    destination: Annotated[PathText | None, Meta(description="A path; without it, where it was.")] = None

    def to_command(self, limits: Limits) -> Command:
        destination = None if self.destination is None else parse_named(self.destination)
        return Restore(entry=TrashId(self.id), destination=destination)


@frozen(kw_only=True)
class TagStep:
    """Add and remove tags of a file."""

    path: PathText
    add: _AddedTags = ()
    remove: _RemovedTags = ()
    if_match: _IfMatch = None

    def to_command(self, limits: Limits) -> Command:
        return EditTags(
            path=parse_named(self.path),
            add=self.add,
            remove=self.remove,
            most=limits.tags,
            condition=_require(self.if_match),
        )


_Step: TypeAlias = MakeFolderStep | MoveStep | CopyStep | DeleteStep | RestoreStep | TagStep


@frozen(kw_only=True)
class BatchOperation:
    """One change: exactly one of these keys."""

    make_folder: MakeFolderStep | None = None
    move: MoveStep | None = None
    copy: CopyStep | None = None
    delete: DeleteStep | None = None
    restore: RestoreStep | None = None
    tag: TagStep | None = None

    def __attrs_post_init__(self) -> None:
        if len(self._list_steps()) != 1:
            names = ", ".join(field.name for field in attrs.fields(type(self)))
            raise ValueError(f"expected exactly one of {names}")

    @property
    def step(self) -> _Step:
        """The one."""
        [step] = self._list_steps()
        return step

    def _list_steps(self) -> list[_Step]:
        steps = (getattr(self, field.name) for field in attrs.fields(type(self)))
        return [step for step in steps if step is not None]


_ONE_KEY = {"minProperties": 1, "maxProperties": 1, "additionalProperties": {"type": "object"}}
_OneChange: TypeAlias = Annotated[BatchOperation, Meta(extra_json_schema=_ONE_KEY)]


@frozen(kw_only=True)
class Batch:
    """Changes, in order."""

    operations: Annotated[tuple[_OneChange, ...], Meta(min_length=1, max_length=1000)]


@frozen(kw_only=True)
class BatchResult:
    """
    What came of one change.

    :ivar path: Where it was after this change; of what was deleted, before.
    :ivar trash_id: Names what was deleted.
    """

    path: PathText
    kind: NodeKind
    trash_id: int | None

    @classmethod
    def of(cls, result: Any) -> BatchResult:
        """The result of a command as clients see it."""
        match result:
            case Trashed(id=number, node=node):
                trash_id: int | None = number
            case MadeFolder(folder=node):
                trash_id = None
            case node:
                trash_id = None
        return cls(path=str(node.path), kind=NodeKind.of(node), trash_id=trash_id)


@frozen(kw_only=True)
class BatchMessage(Message):
    """What came of each change, in order."""

    results: tuple[BatchResult, ...]


@frozen(kw_only=True)
class BatchRoutes:
    """``/batch``."""

    app: ClassVar[Klein] = make_app()
    drive: Drive

    @route(
        app,
        "POST",
        "/batch",
        response_headers={507: SHORTAGE},
        errors={
            403: NO_RIGHT,
            404: "Something is not there.",
            409: "Something is in the way.",
            412: CHANGED,
            413: "It is more than one request can do: files and folders made, names in paths, or bytes of the body.",
            503: NOT_CHANGED,
            507: NO_ROOM,
        },
    )
    @authorized(WRITE)
    @throttled("api")
    @accepts_query(NoQuery)
    @accepts_json(Batch)
    async def apply_batch(self, request: Request, query: NoQuery, body: Batch) -> BatchMessage:
        """
        Make several changes, in order: all of them, or none.

        Each is an object with one key that says what to do, such as `{"move": {"path": "a", "new_path": "b"}}`. A
        refusal says which one cannot be done.
        """
        limits = self.drive.limits
        commands = []
        for number, operation in enumerate(body.operations, 1):
            with telling_which(number, len(body.operations)):
                commands.append(operation.step.to_command(limits))
        results = await self.drive.apply(request.actor, commands)
        return BatchMessage(message="All done.", results=tuple(map(BatchResult.of, results)))


def _require(tag: str | None) -> Condition:
    return Condition() if tag is None else Condition(validators=frozenset({parse_tag(tag)}))
