"""Workload of clients until they are killed, with a diary of what they begin and what was acknowledged."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from random import Random
from typing import Any

from attrs import define
from twisted.internet.defer import Deferred, gatherResults

from cloudsvc.drive.names import parse_path
from cloudsvc.drive.nodes import BlobId
from tests.support.blobs import EVER
from tests.support.durability.model import FOLDER, Deed, Tree, do, do_all, is_within, make_command
from tests.support.opened_drives import OpenDrive

CLIENTS = 3
_FILES = "0123"
_FOLDERS = "abc"
_SIZES = (0, 1, 100, 5_000, 70_000, 2_500_000)
_WEIGHTS = (1, 2, 4, 4, 3, 1)
_COMMON = [bytes([number]) * 3000 for number in range(3)]
"""Contents that many files have, so that equal bytes are deduplicated while others let go of them."""


@define
class Diary:
    """What was begun, acknowledged and seen: with the system, whatever becomes of this process, before it goes on."""

    _descriptor: int

    @classmethod
    def open(cls, file: Path) -> Diary:
        """A new one."""
        return cls(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))

    def write(self, *entry: Any) -> None:
        """One more line."""
        os.write(self._descriptor, json.dumps(entry).encode() + b"\n")


def name_root(client: int) -> str:
    """The folder that is a client's own."""
    return f"client {client}"


def make_random(*seeds: int) -> Random:
    """Chance that can be had again."""
    return Random(repr(seeds))  # noqa: S311 - it keeps no secrets


async def work(opened: OpenDrive, diary: Diary, seed: int, found: Tree) -> None:
    """All clients at once, and beside them a collector and one who reads the changes; for ever."""
    clients = [
        Client(opened, diary, number, make_random(seed, number), _cut(found, name_root(number)))
        for number in range(CLIENTS)
    ]
    works = [*(client.work() for client in clients), _collect(opened), _read_changes(opened, diary)]
    works.append(_suspend(opened, diary, make_random(seed, CLIENTS)))
    await gatherResults([Deferred.fromCoroutine(each) for each in works], consumeErrors=True)


def _cut(tree: Tree, folder: str) -> Tree:
    return {path: what for path, what in tree.items() if is_within(path, folder)}


async def _collect(opened: OpenDrive) -> None:
    while True:
        await opened.drive.purge(opened.actor, None)
        await opened.collection.collect()
        await opened.collection.quarantine_orphans()


def make_suspended(blob: BlobId, size: int) -> bytes:
    """The first bytes of a blob that is written in pieces."""
    return hashlib.shake_128(blob.encode()).digest(size)


async def _suspend(opened: OpenDrive, diary: Diary, random: Random) -> None:
    """Write blobs in pieces, each of which is durable, and go on with some of them as somebody else would."""
    blobs = opened.storage.blobs
    async for bundle in blobs.list_suspended(EVER):
        for blob in bundle:
            diary.write("ended", blob)
            await (await blobs.resume(blob)).discard()
    while True:
        writer = await blobs.create()
        for _ in range(random.randint(1, 4)):
            start, stop = writer.size, writer.size + random.choice((0, 1, 70_000, 1_500_000))
            await writer.write(make_suspended(writer.id, stop)[start:])
            if random.random() < 0.5:
                diary.write("durable", writer.id, await writer.sync())
            else:
                diary.write("durable", writer.id, await writer.suspend())
                writer = await blobs.resume(writer.id)
                assert writer.size == stop
        diary.write("ended", writer.id)
        if random.random() < 0.5:
            await writer.seal()
            writer.close()
        else:
            await writer.discard()


async def _read_changes(opened: OpenDrive, diary: Diary) -> None:
    last = 0
    while True:
        changes = await opened.drive.read_changes(opened.actor, last, 1000)
        assert all(change.number > last for change in changes.items)
        last = changes.last
        diary.write("seen", last)


@define
class Client:
    """Does what comes to its mind in a folder of its own."""

    _opened: OpenDrive
    _diary: Diary
    _number: int
    _random: Random
    _tree: Tree

    async def work(self) -> None:
        """For ever."""
        while True:
            choice = self._random.random()
            if choice < 0.5 or not self._tree:
                await self._store()
            elif choice < 0.9:
                await self._change([self._choose(self._tree)])
            else:
                await self._change(self._choose_some(self._random.randint(2, 4)))

    async def _store(self) -> None:
        content = self._make_content()
        digest = hashlib.sha256(content).hexdigest()
        path = f"{name_root(self._number)}/{self._random.choice(_FOLDERS)}/{self._random.choice(_FILES)}"
        deeds = [["store", path, digest]]
        self._begin(deeds)
        length = self._random.choice([None, len(content)])
        async with self._opened.drive.receive(self._opened.actor, parse_path(path), length=length) as upload:
            for start in range(0, len(content), 65_536):
                await upload.write(content[start : start + 65_536])
            stored = await upload.finish(digest=bytes.fromhex(digest))
        assert stored.file.version.blob.digest == bytes.fromhex(digest)
        self._acknowledge(deeds)

    def _make_content(self) -> bytes:
        if self._random.random() < 0.2:
            return self._random.choice(_COMMON)
        [size] = self._random.choices(_SIZES, _WEIGHTS)
        return self._random.randbytes(size)

    async def _change(self, deeds: list[Deed]) -> None:
        self._begin(deeds)
        await self._opened.drive.apply(self._opened.actor, [make_command(deed) for deed in deeds])
        self._acknowledge(deeds)

    def _choose_some(self, number: int) -> list[Deed]:
        tree, deeds = self._tree, []
        for _ in range(number):
            deed = self._choose(tree)
            deeds.append(deed)
            tree, _notes = do(tree, deed)
        return deeds

    def _choose(self, tree: Tree) -> Deed:
        """Something that can be done to ``tree``."""
        root = name_root(self._number)
        chosen = self._random.choice([path for path in tree if path != root] or [root])
        if chosen == root:
            return ["folder", f"{root}/{self._random.choice(_FOLDERS)}"]
        folders = [f"{root}/{name}" for name in _FOLDERS]
        places = folders if tree[chosen] == FOLDER else [f"{folder}/{name}" for folder in folders for name in _FILES]
        free = [place for place in places if place not in tree]
        kind = self._random.choice(["discard", "move", "move", "copy"] if free else ["discard"])
        return [kind, chosen] if kind == "discard" else [kind, chosen, self._random.choice(free)]

    def _begin(self, deeds: list[Deed]) -> None:
        self._diary.write("begin", self._number, deeds)

    def _acknowledge(self, deeds: list[Deed]) -> None:
        self._diary.write("done", self._number)
        self._tree, _ = do_all(self._tree, deeds)
