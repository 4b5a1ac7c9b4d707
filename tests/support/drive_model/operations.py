"""Operations on a drive: on the real one, and on the model of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import frozen

from cloudsvc.core.errors import CloudError
from cloudsvc.drive.commands import Condition
from cloudsvc.drive.names import parse_path
from cloudsvc.drive.nodes import File, Folder
from cloudsvc.drive.upload import Upload as OpenUpload
from tests.support.blobs import read_all
from tests.support.drive_model.model import (
    ALWAYS,
    Binding,
    Content,
    Demand,
    Entry,
    Model,
    Node,
    Refused,
    Token,
    refuse_if,
)
from tests.support.opened_drives import OpenDrive


class Operation:
    """Something to be done, in both worlds. It results in plain values, with tokens where the model is asked."""

    async def do(self, opened: OpenDrive, binding: Binding) -> Any:
        """Do it to a real drive."""
        raise NotImplementedError

    def tell(self, model: Model) -> Any:
        """Do it to a model."""
        raise NotImplementedError


async def perform(operation: Operation, opened: OpenDrive, binding: Binding) -> Any:
    """What ``operation`` results in on a real drive, or how it is refused."""
    try:
        return "done", await operation.do(opened, binding)
    except CloudError as problem:
        return "refused", problem.code


def foretell(operation: Operation, model: Model) -> tuple[Any, Model]:
    """What ``operation`` should result in, and the model after it."""
    after = model.copy()
    try:
        return ("done", operation.tell(after)), after
    except Refused as refused:
        return ("refused", str(refused)), model


async def observe(opened: OpenDrive) -> Any:
    """Everything that a real drive shows, all contents read."""
    nodes: dict[str, Any] = {}
    waiting = [""]
    while waiting:
        page = await opened.drive.list_children(opened.actor, parse_path(waiting.pop()), 1000)
        for node in page.items:
            path = str(node.path)
            if isinstance(node, File):
                versions = (await opened.drive.list_versions(opened.actor, node.path, 1000)).items
                assert versions[0] == node.version
                contents = [(each.validator, await opened.load(path, version=each.id)) for each in versions]
                assert await opened.load(path) == contents[0][1]
                nodes[path] = node.tags, contents
            else:
                nodes[path] = None
                waiting.append(path)
    trash = (await opened.drive.list_trash(opened.actor, 1000)).items
    return dict(sorted(nodes.items())), [
        (entry.id, str(entry.node.path), isinstance(entry.node, Folder)) for entry in trash
    ]


def require(demand: Demand, binding: Binding) -> Condition:
    """``demand`` as the real drive takes it."""
    return Condition(
        absent=demand.absent,
        present=demand.present,
        validators=None if demand.tokens is None else frozenset(binding[token] for token in demand.tokens),
        excluded=frozenset(binding[token] for token in demand.excluded),
    )


def describe(node: Any) -> Any:
    """What is told of a file or folder in a result."""
    return (node.version.validator, node.tags) if isinstance(node, File) else None


def sketch(node: Node) -> Any:
    """The same of one of a model."""
    return node and (node.token, node.tags)


@frozen
class Upload(Operation):
    path: str
    content: bytes
    demand: Demand = ALWAYS
    replace: bool = True

    async def do(self, opened: OpenDrive, binding: Binding) -> Any:
        stored = await opened.store(
            self.path, self.content, condition=require(self.demand, binding), replace=self.replace
        )
        return stored.created, describe(stored.file)

    def tell(self, model: Model) -> Any:
        model.open_place(self.path)
        before = model.nodes.get(self.path)
        refuse_if(self.path in model.nodes and before is None, "is_folder")
        self.demand.check(before)
        refuse_if(before is not None and not self.replace, "already_exists")
        if before is None or before.versions[0][1] != self.content:
            model.nodes[self.path] = (before or Content((), ())).add(self.content)
        return before is None, sketch(model.nodes[self.path])


@frozen
class Finish(Operation):
    """The end of an upload whose bytes are there."""

    upload: Upload
    open_upload: OpenUpload

    async def do(self, opened: OpenDrive, binding: Binding) -> Any:
        stored = await self.open_upload.finish()
        return stored.created, describe(stored.file)

    def tell(self, model: Model) -> Any:
        return self.upload.tell(model)


@frozen
class Read(Operation):
    path: str

    async def do(self, opened: OpenDrive, binding: Binding) -> Any:
        found = await opened.drive.open_file(opened.actor, parse_path(self.path))
        try:
            return found.version.validator, await read_all(found.reader)
        finally:
            await found.reader.close()

    def tell(self, model: Model) -> Any:
        return model.locate_file(self.path).versions[0]


@frozen
class Collect(Operation):
    """Nobody sees anything of it."""

    async def do(self, opened: OpenDrive, binding: Binding) -> Any:
        await opened.collection.collect()

    def tell(self, model: Model) -> Any:
        return None


@frozen
class Expire(Operation):
    """Give up the ``entries`` of the trash, or the superseded ``versions``, that there were at a moment."""

    moment: int
    entries: Sequence[Token] = ()
    versions: Sequence[Token] = ()

    async def do(self, opened: OpenDrive, binding: Binding) -> Any:
        await opened.storage.catalogue.expire(
            trash_before=self.moment if self.entries else 0,
            versions_before=self.moment if self.versions else 0,
            changes_before=0,
        )

    def tell(self, model: Model) -> Any:
        model.trash[:] = [entry for entry in model.trash if entry.token not in self.entries]
        model.nodes = {path: self._prune(node) for path, node in model.nodes.items()}
        model.trash[:] = [
            Entry(entry.token, entry.path, {path: self._prune(node) for path, node in entry.nodes.items()})
            for entry in model.trash
        ]

    def _prune(self, node: Node) -> Node:
        return node and Content(node.tags, tuple(each for each in node.versions if each[0] not in self.versions))
