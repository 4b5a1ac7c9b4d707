"""What can be done to a drive: to the real one, and to the model of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import frozen

from cloudsvc.core.errors import CloudError
from cloudsvc.drive import commands
from cloudsvc.drive.commands import Command, Condition
from cloudsvc.drive.incoming import Incoming
from cloudsvc.drive.names import parse_path
from cloudsvc.drive.nodes import File, Folder, VersionId
from tests.support.drives import OpenDrive
from tests.support.models import (
    ALWAYS,
    LIMITS,
    Binding,
    Content,
    Demand,
    Entry,
    Model,
    Node,
    Refused,
    Token,
    parents,
    refuse_if,
)

KINDS: dict[str | None, Any] = {"file": File, "folder": Folder, None: None}


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
    incoming: Incoming

    async def do(self, opened: OpenDrive, binding: Binding) -> Any:
        stored = await self.incoming.finish()
        return stored.created, describe(stored.file)

    def tell(self, model: Model) -> Any:
        return self.upload.tell(model)


@frozen
class Read(Operation):
    path: str

    async def do(self, opened: OpenDrive, binding: Binding) -> Any:
        found = await opened.drive.open_file(opened.actor, parse_path(self.path))
        try:
            return found.version.validator, await found.reader.read(0, found.reader.size)
        finally:
            await found.reader.close()

    def tell(self, model: Model) -> Any:
        node = model.locate(self.path, "file") if self.path else None
        refuse_if(node is None, "file_not_found")
        return node and node.versions[0]


class Step(Operation):
    """One command."""

    async def do(self, opened: OpenDrive, binding: Binding) -> Any:
        [result] = await opened.drive.apply(opened.actor, [self.spell(binding)])
        return self.read(result)

    def spell(self, binding: Binding) -> Command:
        """The command."""
        raise NotImplementedError

    def read(self, result: Any) -> Any:
        """What is told of its result."""
        return describe(result)


@frozen
class MakeFolder(Step):
    path: str

    def spell(self, binding: Binding) -> Command:
        return commands.MakeFolder(path=parse_path(self.path))

    def read(self, result: Any) -> Any:
        return result.created

    def tell(self, model: Model) -> Any:
        if not self.path:
            return False
        model.open_place(self.path)
        created = self.path not in model.nodes
        refuse_if(model.nodes.setdefault(self.path, None) is not None, "is_file")
        return created


@frozen
class Move(Step):
    path: str
    destination: str
    kind: str | None = None
    demand: Demand = ALWAYS

    def spell(self, binding: Binding) -> Command:
        return commands.Move(
            path=parse_path(self.path),
            destination=parse_path(self.destination),
            kind=KINDS[self.kind],
            condition=require(self.demand, binding),
        )

    def tell(self, model: Model) -> Any:
        refuse_if(not self.path or not self.destination, "root_is_fixed")
        node = model.locate(self.path, self.kind)
        self.demand.check(node)
        refuse_if(node is None and self.path in parents(self.destination), "into_itself")
        model.claim_place(self.destination, mover=self.path)
        model.put(self.destination, model.take(self.path))
        return sketch(node)


@frozen
class Copy(Step):
    path: str
    destination: str

    def spell(self, binding: Binding) -> Command:
        return commands.Copy(source=parse_path(self.path), destination=parse_path(self.destination))

    def tell(self, model: Model) -> Any:
        node = model.locate(self.path)
        refuse_if(not self.destination, "root_is_fixed")
        inside = not self.path or self.path in {self.destination, *parents(self.destination)}
        refuse_if(node is None and inside, "into_itself")
        sources = {each: model.nodes[each] for each in model.below(self.path)}
        model.claim_place(self.destination)
        for path, source in sources.items():
            copy = source and Content(source.tags, ()).add(source.versions[0][1])
            model.nodes[self.destination + path[len(self.path) :]] = copy
        return sketch(model.nodes[self.destination])


@frozen
class Discard(Step):
    path: str
    kind: str | None = None
    demand: Demand = ALWAYS

    def spell(self, binding: Binding) -> Command:
        return commands.Discard(
            path=parse_path(self.path), kind=KINDS[self.kind], condition=require(self.demand, binding)
        )

    def read(self, result: Any) -> Any:
        return result.id, str(result.node.path), describe(result.node)

    def tell(self, model: Model) -> Any:
        refuse_if(not self.path, "root_is_fixed")
        node = model.locate(self.path, self.kind)
        self.demand.check(node)
        entry = Entry(Token(), self.path, model.take(self.path))
        model.trash.append(entry)
        return entry.token, self.path, sketch(node)


@frozen
class Restore(Step):
    entry: Token
    destination: str | None = None

    def spell(self, binding: Binding) -> Command:
        destination = None if self.destination is None else parse_path(self.destination)
        return commands.Restore(entry=binding[self.entry], destination=destination)

    def tell(self, model: Model) -> Any:
        entry = model.find_entry(self.entry)
        destination = entry.path if self.destination is None else self.destination
        model.claim_place(destination)
        model.trash.remove(entry)
        model.put(destination, entry.nodes)
        return sketch(entry.nodes[""])


@frozen
class Purge(Step):
    entry: Token | None

    def spell(self, binding: Binding) -> Command:
        return commands.Purge(entry=None if self.entry is None else binding[self.entry])

    def read(self, result: Any) -> Any:
        return result

    def tell(self, model: Model) -> Any:
        going = [*model.trash] if self.entry is None else [model.find_entry(self.entry)]
        model.trash[:] = [entry for entry in model.trash if entry not in going]
        return len(going)


@frozen
class Tag(Step):
    path: str
    add: tuple[str, ...]
    remove: tuple[str, ...] = ()
    demand: Demand = ALWAYS

    def spell(self, binding: Binding) -> Command:
        return commands.EditTags(
            path=parse_path(self.path),
            add=self.add,
            remove=self.remove,
            most=LIMITS.tags,
            condition=require(self.demand, binding),
        )

    def tell(self, model: Model) -> Any:
        node = model.locate(self.path, "file")
        refuse_if(node is None, "file_not_found")
        assert node is not None
        self.demand.check(node)
        tags = tuple(sorted({*node.tags, *self.add} - {*self.remove}))
        refuse_if(len(tags) > LIMITS.tags, "too_many_tags")
        model.nodes[self.path] = Content(tags, node.versions)
        return sketch(model.nodes[self.path])


@frozen
class Revert(Step):
    """Make an earlier version current again."""

    path: str
    version: Token
    demand: Demand = ALWAYS

    def spell(self, binding: Binding) -> Command:
        return commands.RestoreVersion(
            path=parse_path(self.path),
            version=VersionId(int(binding[self.version].rpartition("-")[2])),
            versions_kept=LIMITS.versions,
            condition=require(self.demand, binding),
        )

    def tell(self, model: Model) -> Any:
        node = model.locate(self.path, "file")
        refuse_if(node is None, "file_not_found")
        assert node is not None
        self.demand.check(node)
        contents = dict(node.versions)
        refuse_if(self.version not in contents, "version_not_found")
        if self.version is not node.token:
            model.nodes[self.path] = node.add(contents[self.version])
        return sketch(model.nodes[self.path])


@frozen
class Batch(Operation):
    steps: Sequence[Step]

    async def do(self, opened: OpenDrive, binding: Binding) -> Any:
        results = await opened.drive.apply(opened.actor, [step.spell(binding) for step in self.steps])
        return [step.read(result) for step, result in zip(self.steps, results, strict=True)]

    def tell(self, model: Model) -> Any:
        return [step.tell(model) for step in self.steps]


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
