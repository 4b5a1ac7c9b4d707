"""Contract of replacements: a storage of any kind becomes what one of any kind was backed up as, or stays as it is."""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, nullcontext
from itertools import product
from pathlib import Path
from typing import IO, Final, TypeAlias

import pytest
from attrs import define
from twisted.internet.defer import CancelledError, Deferred

from cloudsvc.administration.backup import Backup
from cloudsvc.administration.faults import DriveNotEmptyError
from cloudsvc.administration.progress import SILENCE
from cloudsvc.administration.restoration import Restoration, Restored
from cloudsvc.core.actors import OWNER
from cloudsvc.core.errors import OperatorError
from cloudsvc.drive.freezing import ARRIVING, Beginning
from cloudsvc.drive.names import parse_path
from cloudsvc.drive.nodes import Blob, BlobId
from cloudsvc.drive.replacement import Unusable
from cloudsvc.storage.blobs.memory import Shelf
from cloudsvc.storage.catalogue import migrate
from cloudsvc.storage.memory_catalogue import Memory
from tests.support.administration import fill, store
from tests.support.blobs import load_blob
from tests.support.catalogues import gather
from tests.support.furnished_drives import describe, furnish
from tests.support.inline_threads import Inline
from tests.support.object_stores import run_moto
from tests.support.reactors import in_reactor
from tests.support.replacements import PLACES, BucketPlace, MemoryPlace, Place, SharedPlace

OLD = {"old": b"what was there before", "folder/old": b"more of it"}
LOST_NODES: Final = 2**32
"""At least so many ids are left out."""


MakePlace: TypeAlias = Callable[[Path], Place]

BUCKET: Final = "bucket"
"""The name of one that needs a program: it takes part once on each side, and never on both."""

SHARED: Final = "shared"
"""The name of one that needs a database server: as with a bucket, but that it is also restored into its like."""

FROM_BUCKET: Final = (BUCKET, "local")

PAIRS: Final = {
    pair: pytest.param(pair, id="-".join(pair), marks=pytest.mark.slow if BUCKET in pair else ())
    for pair in (
        *product(PLACES, PLACES),
        *(FROM_BUCKET, ("memory", BUCKET)),
        *((SHARED, "local"), ("memory", SHARED), (SHARED, SHARED)),
    )
}


@pytest.fixture(scope="module", params=PAIRS.values())
def engines(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[MakePlace, MakePlace]]:
    """Ways to what is backed up, and to what is replaced."""
    with ExitStack() as stack:

        def find(name: str) -> MakePlace:
            if name == SHARED:
                return SharedPlace
            if name != BUCKET:
                return PLACES[name]
            server = stack.enter_context(run_moto(tmp_path_factory.mktemp("moto")))
            return lambda directory: BucketPlace(directory, server, server.choose_prefix())

        source, target = request.param
        yield find(source), find(target)


@pytest.fixture
def source(engines: tuple[MakePlace, MakePlace], tmp_path: Path) -> Place:
    """What is backed up."""
    return engines[0](tmp_path / "source")


@pytest.fixture
def target(engines: tuple[MakePlace, MakePlace], tmp_path: Path) -> Place:
    """What is replaced."""
    return engines[1](tmp_path / "target")


async def look(place: Place) -> list[str]:
    async with place.open() as drive:
        return await describe(drive)


async def find_epoch(place: Place) -> str:
    async with place.open() as drive:
        return (await drive.catalogue.read_changes(OWNER, 0, 1)).epoch


async def back_up(place: Place, file: Path) -> None:
    async with place.open() as drive:
        await furnish(drive)
        await Backup(copies=drive.copies, blobs=drive.blobs, disk=drive.disk, now=drive.now).write(file, SILENCE)


async def restore(file: Path, place: Place, *, replace: bool = False) -> Restored:
    async with place.replace() as replacement:
        return await Restoration(replacement=replacement, disk=Inline()).run(file, SILENCE, replace=replace)


@in_reactor
async def test_it_is_the_same_drive(source: Place, target: Place, tmp_path: Path) -> None:
    await back_up(source, tmp_path / "backup.tar")
    restored = await restore(tmp_path / "backup.tar", target)
    before = await look(source)
    assert await look(target) == before
    async with target.open() as drive:
        sizes = [blob.size for blob in await gather(drive.catalogue.list_blobs)]
    assert restored == Restored(blobs=len(sizes), size=sum(sizes), kept=None)
    assert await find_epoch(source) != await find_epoch(target)


@in_reactor
async def test_it_goes_on_without_giving_an_id_again(source: Place, target: Place, tmp_path: Path) -> None:
    await back_up(source, tmp_path / "backup.tar")
    await restore(tmp_path / "backup.tar", target)
    async with source.open() as drive:
        given = (await store(drive, "lost", b"lost")).id
        last = (await drive.catalogue.read_changes(OWNER, 0, 1000)).last
    async with target.open() as drive:
        file = await store(drive, "e\N{COMBINING ACUTE ACCENT}/tagged", b"newer")
        assert (file.tags, (await drive.catalogue.read_changes(OWNER, 0, 1000)).last) == (("blue", "red"), last)
        assert (await store(drive, "younger", b"young")).id > given + LOST_NODES // 2
        _, last_thrown, *_ = (await drive.drive.list_trash(OWNER, 10)).items
        back = await drive.drive.restore(OWNER, last_thrown.id)
        assert str(back.path) == "folder/kept"
        await drive.drive.purge(OWNER, None)
        await drive.collection.collect()
        assert await drive.collection.quarantine_orphans() == 0
        assert await drive.catalogue.find_miscounts() == []
        await describe(drive)


@in_reactor
async def test_what_holds_something_is_replaced_only_when_one_says_so(
    source: Place, target: Place, tmp_path: Path
) -> None:
    await back_up(source, tmp_path / "backup.tar")
    async with target.open() as drive:
        await fill(drive, OLD)
    before = await look(target)
    with pytest.raises(DriveNotEmptyError):
        await restore(tmp_path / "backup.tar", target)
    assert await look(target) == before
    await restore(tmp_path / "backup.tar", target, replace=True)
    assert await look(target) == await look(source)


@in_reactor
async def test_what_was_only_discarded_is_something_and_what_is_new_is_nothing(target: Place) -> None:
    async with target.replace() as replacement:
        assert replacement.is_empty
    async with target.open() as drive:
        await store(drive, "a", b"a")
        await drive.drive.discard(OWNER, parse_path("a"))
    async with target.replace() as replacement:
        assert not replacement.is_empty


@define
class Parts:
    """A catalogue and the bytes of blobs, as a backup brings them, and ways to spoil them."""

    catalogue: bytes
    blobs: dict[BlobId, bytes]

    async def supply(self, blob: Blob) -> IO[bytes]:
        return io.BytesIO(self.blobs[blob.id])

    def run(self, script: str) -> None:
        """Change the catalogue."""
        with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
            connection.deserialize(self.catalogue)
            connection.executescript(script)
            self.catalogue = connection.serialize()

    def spoil(self, change: Callable[[bytes], bytes]) -> None:
        """Change the bytes of one blob, of which the digest is known."""
        [blob] = [blob for blob, content in self.blobs.items() if content == b"tagged"]
        self.blobs[blob] = change(self.blobs[blob])


async def take_apart(place: Place) -> Parts:
    async with place.open() as drive:
        await furnish(drive)
        async with drive.catalogue.snapshot() as snapshot:
            blobs = {
                blob.id: await load_blob(drive.blobs, blob) for blob in await gather(snapshot.catalogue.list_blobs)
            }
            parts = Parts(snapshot.content.read(), blobs)
    # It says that there is a log, which nothing in memory has.
    parts.catalogue = parts.catalogue[:18] + b"\1\1" + parts.catalogue[20:]
    return parts


SPOILED: Final[dict[str, Callable[[Parts], object]]] = {
    "no database": lambda parts: setattr(parts, "catalogue", b"no database" * 1000),
    "nothing at all": lambda parts: setattr(parts, "catalogue", b""),
    "half a database": lambda parts: setattr(parts, "catalogue", parts.catalogue[: len(parts.catalogue) // 2]),
    "a newer program's": lambda parts: parts.run("UPDATE alembic_version SET version_num = '9999'"),
    "a view": lambda parts: parts.run("CREATE VIEW v AS SELECT 1"),
    "a name that leads up": lambda parts: parts.run("UPDATE node SET name = '..', key = '..' WHERE name = 'tagged'"),
    "folders that are none": lambda parts: parts.run("UPDATE trash SET chain = '/1/05/'"),
    "folders that have never been": lambda parts: parts.run("UPDATE change SET chain = '/1/' || (1 << 60) || '/'"),
    "no state": lambda parts: parts.run("DELETE FROM state"),
    "another blob's id": lambda parts: parts.run("UPDATE blob SET id = '../../' || substr(id, 7)"),
    "another CRC-32": lambda parts: parts.run("UPDATE blob SET crc32 = crc32 + 1 WHERE digest IS NOT NULL"),
    "another CRC-32 where no digest is known": lambda parts: parts.run(
        "UPDATE blob SET crc32 = 1 WHERE digest IS NULL"
    ),
    "a flipped bit": lambda parts: parts.spoil(lambda content: bytes([content[0] ^ 1]) + content[1:]),
    "a byte less": lambda parts: parts.spoil(lambda content: content[:-1]),
    "a byte more": lambda parts: parts.spoil(lambda content: content + b"\0"),
    "a blob less": lambda parts: parts.blobs.popitem(),
}


# A bucket as the source has nothing to do with it.
@pytest.mark.parametrize("engines", [each for pair, each in PAIRS.items() if pair != FROM_BUCKET], indirect=True)
@pytest.mark.parametrize("how", SPOILED)
@in_reactor
async def test_what_is_refused_changes_nothing(source: Place, target: Place, how: str) -> None:
    parts = await take_apart(source)
    SPOILED[how](parts)
    async with target.open() as drive:
        await fill(drive, OLD)
    before, kept = await look(target), target.list_kept()
    async with target.replace() as replacement:
        with pytest.raises(Unusable):
            await replacement.take(io.BytesIO(parts.catalogue), parts.supply, Beginning())
        with pytest.raises(ValueError, match="nothing was taken"):
            await replacement.install()
    assert target.list_kept() == kept
    assert await look(target) == before


@in_reactor
async def test_what_is_not_installed_changes_nothing(source: Place, target: Place) -> None:
    parts = await take_apart(source)
    async with target.open() as drive:
        await fill(drive, OLD)
    before, kept = await look(target), target.list_kept()
    async with target.replace() as replacement:
        await replacement.take(io.BytesIO(parts.catalogue), parts.supply, Beginning())
    assert target.list_kept() == kept
    assert await look(target) == before
    # The parts were whole, and so what was spoiled above is why they were refused.
    async with target.replace() as replacement:
        await replacement.take(io.BytesIO(parts.catalogue), parts.supply, Beginning())
        await replacement.install()
    assert await look(target) == await look(source)


@in_reactor
async def test_it_is_installed_while_others_go_on_and_to_its_end_though_nobody_wants_it_any_more(
    source: Place, target: Place
) -> None:
    parts = await take_apart(source)
    async with target.open() as drive:
        await fill(drive, OLD)
    async with target.replace() as replacement:
        await replacement.take(io.BytesIO(parts.catalogue), parts.supply, Beginning())
        installing = Deferred.fromCoroutine(replacement.install())
        # Where it takes long, it is not the reactor's thread that does it. In memory it is done at once.
        is_done = installing.called
        assert is_done == isinstance(target, MemoryPlace)
        for _ in range(2):
            installing.cancel()
        with nullcontext() if is_done else pytest.raises(CancelledError):
            await installing
    assert await look(target) == await look(source)


@in_reactor
async def test_a_catalogue_of_an_older_program_is_taken_and_begins_as_is_said(target: Place, tmp_path: Path) -> None:
    migrate(tmp_path / "older", "0001")
    parts, beginning = Parts((tmp_path / "older").read_bytes(), {}), Beginning(freeze=ARRIVING)
    async with target.replace() as replacement:
        await replacement.take(io.BytesIO(parts.catalogue), parts.supply, beginning)
        await replacement.install()
    async with target.open() as drive:
        standing = await drive.catalogue.find_standing()
        assert (standing.epoch, standing.freeze) == (beginning.epoch, beginning.freeze)
        await drive.catalogue.thaw(even_moved=True)
        await store(drive, "a", b"a")
        assert (await drive.catalogue.usage(OWNER)).files == 1


@in_reactor
async def test_a_memory_that_is_too_small_stays_as_it_is(source: Place, tmp_path: Path) -> None:
    await back_up(source, tmp_path / "backup.tar")
    target = MemoryPlace(tmp_path / "target", Memory(), Shelf(capacity=1000))
    before = await look(target)
    with pytest.raises(OperatorError, match="too many; nothing was replaced"):
        await restore(tmp_path / "backup.tar", target)
    assert (target.list_kept(), await look(target)) == (set(), before)
