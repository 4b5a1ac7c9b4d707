"""Commands of a batch, carried out on the real drive and on the model of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import frozen

from cloudsvc.drive import commands
from cloudsvc.drive.commands import Command
from cloudsvc.drive.names import parse_path
from cloudsvc.drive.nodes import File, Folder, VersionId
from tests.support.drive_model.model import (
    ALWAYS,
    LIMITS,
    Binding,
    Content,
    Demand,
    Entry,
    Model,
    Token,
    parents,
    refuse_if,
)
from tests.support.drive_model.operations import Operation, describe, require, sketch
from tests.support.opened_drives import OpenDrive

KINDS: dict[str | None, Any] = {"file": File, "folder": Folder, None: None}


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
        refuse_if(not self.path or not self.destination, "root_immutable")
        node = model.locate(self.path, self.kind)
        self.demand.check(node, is_folder=node is None)
        refuse_if(node is None and self.path in parents(self.destination), "destination_inside_source")
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
        refuse_if(not self.destination, "root_immutable")
        inside = not self.path or self.path in {self.destination, *parents(self.destination)}
        refuse_if(node is None and inside, "destination_inside_source")
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
        refuse_if(not self.path, "root_immutable")
        node = model.locate(self.path, self.kind)
        self.demand.check(node, is_folder=node is None)
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
        node = model.locate_file(self.path)
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
        node = model.locate_file(self.path)
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
