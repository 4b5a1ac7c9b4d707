"""Interleavings of two operations, step by step."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field
from twisted.internet.defer import Deferred

from cloudsvc.core.actors import OWNER
from cloudsvc.drive.commands import StoreFile
from cloudsvc.drive.names import parse_path
from cloudsvc.drive.nodes import Blob
from cloudsvc.storage.local import StorageThreads
from tests.support.blobs import SteppingThreads, take_result
from tests.support.opened_drives import OpenDrive, open_drive


@define(eq=False)
class Bench:
    """A drive whose threads go step by step, those that the tests hold back apart from the others."""

    held: SteppingThreads = field(factory=SteppingThreads)
    others: SteppingThreads = field(factory=SteppingThreads)
    opened: OpenDrive = field(init=False)

    def put(self, path: str, blob: Blob) -> None:
        """Make a blob the content of a file, of which it is the only version."""
        command = StoreFile(path=parse_path(path), blob=blob, media_type="text/plain", versions_kept=1)
        self.others.do(self.opened.storage.catalogue.apply(OWNER, [command]))

    def finish(self, started: Deferred[Any]) -> Any:
        """What ``started`` gives, with all the steps it takes."""
        while self.held.step() or self.others.step():
            pass
        return take_result(started)


def open_bench(directory: Path, bench: Bench, pools: StorageThreads) -> Iterator[Bench]:
    opening = open_drive(directory, threads=pools)
    bench.opened = bench.finish(Deferred.fromCoroutine(opening.__aenter__()))
    yield bench
    bench.finish(Deferred.fromCoroutine(opening.__aexit__(None, None, None)))


def test_a_file_whose_blob_was_collected_between_looking_up_and_opening_is_looked_up_again(tmp_path: Path) -> None:
    """A large one: the bytes of a small one come in one step with the look-up."""
    old, new = b"old" * 10**5, b"new" * 10**5
    bench = Bench()
    pools = StorageThreads(writer=bench.others, readers=bench.others, disk=bench.held, uploads=bench.others)
    for opened in open_bench(tmp_path, bench, pools):
        blobs = opened.opened.storage.blobs
        for content in (old, new):
            if content == new:
                reading = Deferred.fromCoroutine(opened.opened.load("a"))
                while opened.others.step():
                    pass
            writer = opened.others.do(blobs.create())
            opened.others.do(writer.write(content))
            opened.put("a", opened.others.do(writer.seal()))
            writer.close()
        assert opened.others.do(opened.opened.collection.collect()) == 1
        assert opened.finish(reading) == new


def test_what_is_stored_while_orphans_are_looked_for_is_none(tmp_path: Path) -> None:
    """Whenever an upload commits: before it, its file is locked; after it, the catalogue knows it."""
    for number in count():
        bench = Bench()
        pools = StorageThreads(writer=bench.others, readers=bench.held, disk=bench.held, uploads=bench.held)
        for opened in open_bench(tmp_path / str(number), bench, pools):
            writer = opened.held.do(opened.opened.storage.blobs.create())
            opened.held.do(writer.write(b"content"))
            blob = opened.held.do(writer.seal())
            clearing = Deferred.fromCoroutine(opened.opened.collection.quarantine_orphans())
            steps = [opened.held.step() for _ in range(number)]
            opened.put("a", blob)
            writer.close()
            assert opened.finish(clearing) == 0
            assert opened.finish(Deferred.fromCoroutine(opened.opened.load("a"))) == b"content"
        if not all(steps):
            break
    assert number >= 5


@pytest.mark.parametrize("kept", [True, False])
def test_what_nobody_stores_is_one(tmp_path: Path, *, kept: bool) -> None:
    bench = Bench()
    pools = StorageThreads(writer=bench.others, readers=bench.held, disk=bench.held, uploads=bench.held)
    for opened in open_bench(tmp_path, bench, pools):
        writer = opened.held.do(opened.opened.storage.blobs.create())
        opened.held.do(writer.write(b"content"))
        opened.held.do(writer.seal())
        if not kept:
            writer.close()
        clearing = Deferred.fromCoroutine(opened.opened.collection.quarantine_orphans())
        assert opened.finish(clearing) == (0 if kept else 1)
        if kept:
            opened.finish(Deferred.fromCoroutine(writer.discard()))
