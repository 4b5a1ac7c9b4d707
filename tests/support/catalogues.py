"""Catalogues in tests: every implementation, with a clock that tests set, and short ways to say what is done."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, TypeAlias, TypeVar

from attrs import define, evolve
from msgspec.structs import replace

from cloudsvc.core.actors import Actor, Grant, Role, make_full_actor
from cloudsvc.core.secrets import Secret
from cloudsvc.drive.catalogue import Catalogue
from cloudsvc.drive.changes import Change
from cloudsvc.drive.checksums import Checksums
from cloudsvc.drive.commands import Command, Discard, MadeFolder, MakeFolder, StoredFile, StoreFile
from cloudsvc.drive.freezing import ARRIVING
from cloudsvc.drive.names import parse_path
from cloudsvc.drive.nodes import Blob, BlobId, File, Instant, Node, Trashed
from cloudsvc.drive.pages import FileQuery, Page
from cloudsvc.storage.catalogue import READER_THREADS, SQLiteCatalogue, migrate, open_catalogue
from cloudsvc.storage.catalogue.catalogue import DatabaseCatalogue
from cloudsvc.storage.catalogue.postgresql.opening import PostgreSQLCatalogue, open_postgresql
from cloudsvc.storage.database.sqlite.connections import SQLiteConnection
from cloudsvc.storage.database.sqlite.transactions import SQLiteTransactions
from cloudsvc.storage.memory_catalogue import Memory, MemoryCatalogue
from cloudsvc.storage.meters import UNMETERED, DatabaseMeter
from tests.support.postgresql import find_database
from tests.support.reactors import run_threads

T = TypeVar("T")

SECOND: Final = 1_000_000
"""In microseconds."""

NAME: Final = "catalogue.sqlite3"

TESTER: Final = make_full_actor("tester")
"""Who does what tests do, unless they say otherwise."""


@define
class Watch:
    """A clock that shows what tests say."""

    now: Instant = 1_000 * SECOND

    def __call__(self) -> Instant:
        return self.now

    def pass_seconds(self, seconds: int) -> Instant:
        """Go on by so many seconds; the moment that is then."""
        self.now += seconds * SECOND
        return self.now


async def let_arrive(catalogue: Catalogue) -> None:
    """Let one be that of a drive which is about to arrive, as its replacement would."""
    if isinstance(catalogue, MemoryCatalogue):
        catalogue._set_freeze(ARRIVING)
    else:
        assert isinstance(catalogue, DatabaseCatalogue)
        await catalogue._writer.run(lambda connection: connection.execute("UPDATE state SET arriving = 1"))


OpenCatalogue: TypeAlias = Callable[[Path, Watch], AbstractAsyncContextManager[Catalogue]]
"""A way to the catalogue in a directory, which may be empty, closed at the end."""


def writing_connection(catalogue: SQLiteCatalogue) -> SQLiteConnection:
    """The connection by which one in SQLite writes."""
    transactions = catalogue._writer.transactions
    assert isinstance(transactions, SQLiteTransactions)
    return transactions.connection


@asynccontextmanager
async def open_sqlite(directory: Path, watch: Watch) -> AsyncIterator[SQLiteCatalogue]:
    """One in SQLite, closed at the end."""
    file = directory / NAME
    if not file.exists():
        file.write_bytes(read_empty())
    with run_threads(1) as writer, run_threads(READER_THREADS) as readers:
        catalogue = await open_catalogue(file, writer=writer, readers=readers, now=watch)
        try:
            yield catalogue
        finally:
            await catalogue.close()


@cache
def read_empty() -> bytes:
    """An empty database, which takes long to make."""
    with TemporaryDirectory() as directory:
        migrate(Path(directory) / NAME)
        return (Path(directory) / NAME).read_bytes()


_MEMORIES: Final[dict[Path, Memory]] = {}
"""What catalogues in memory have kept, by the directories where others would have kept it."""


@asynccontextmanager
async def open_memory(directory: Path, watch: Watch) -> AsyncIterator[MemoryCatalogue]:
    """One in memory: of a directory, all have the same."""
    yield MemoryCatalogue(now=watch, memory=_MEMORIES.setdefault(directory, Memory()))


@asynccontextmanager
async def open_postgres(
    directory: Path,
    watch: Watch,
    url: Secret | None = None,
    meter: DatabaseMeter = UNMETERED,
    *,
    look_seconds: float = 86_400.0,
) -> AsyncIterator[PostgreSQLCatalogue]:
    """
    One in PostgreSQL: of a directory, all have the same database.

    :param url: another way there, or to another database.
    :param meter: is told how the database is used.
    :param look_seconds: between two looks for changes; so long that tests know why somebody is woken.
    """
    from twisted.internet import reactor  # noqa: PLC0415  # installed by then

    with run_threads(1) as writer, run_threads(READER_THREADS) as readers:
        catalogue = await open_postgresql(
            find_database(directory) if url is None else url,
            work=directory / "work",
            writer=writer,
            readers=readers,
            now=watch,
            reactor=reactor,  # type: ignore[arg-type]  # the module stands for it
            meter=meter,
            look_seconds=look_seconds,
        )
        try:
            yield catalogue
        finally:
            await catalogue.close()


CATALOGUES: Final[dict[str, OpenCatalogue]] = {
    "sqlite": open_sqlite,
    "postgresql": open_postgres,
    "memory": open_memory,
}
"""Every implementation of ``Catalogue``."""


def make_blob(content: bytes) -> Blob:
    """A blob with ``content`` under a new id, as a store would have sealed it."""
    checksums = Checksums()
    checksums.add(content)
    blob_id = BlobId(secrets.token_hex(16))
    return Blob(id=blob_id, size=len(content), digest=checksums.digest, crc32=checksums.crc32)


def hide_checksums(blob: Blob) -> Blob:
    """``blob`` as a store seals one that it has not read to its end."""
    return replace(blob, digest=None, crc32=None)


def store(path: str, content: bytes | Blob = b"content", **fields: Any) -> StoreFile:
    """The command that stores ``content``."""
    blob = content if isinstance(content, Blob) else make_blob(content)
    return StoreFile(path=parse_path(path), blob=blob, **{"media_type": "text/plain", "versions_kept": 10, **fields})


@define(eq=False)
class Trial:
    """
    An open catalogue, its clock, and short ways to use it.

    :ivar actor: who uses it.
    """

    catalogue: Catalogue
    watch: Watch
    actor: Actor = TESTER

    def as_actor(self, *grants: tuple[Role, int]) -> Trial:
        """The same for somebody who has these roles on these nodes."""
        granted = tuple(Grant(role=role, folder=folder) for role, folder in grants)
        return evolve(self, actor=Actor(name="somebody", scopes=frozenset({"*"}), grants=granted))

    async def do(self, *commands: Command) -> Any:
        """The result of the last of ``commands``, which are done together."""
        return (await self.catalogue.apply(self.actor, commands))[-1]

    async def store(self, path: str, content: bytes | Blob = b"content", **fields: Any) -> StoredFile:
        """Store a file."""
        stored: StoredFile = await self.do(store(path, content, **fields))
        return stored

    async def make_folder(self, path: str) -> MadeFolder:
        """Make a folder."""
        made: MadeFolder = await self.do(MakeFolder(path=parse_path(path)))
        return made

    async def discard(self, path: str) -> Trashed:
        """Put something into the trash."""
        thrown: Trashed = await self.do(Discard(path=parse_path(path)))
        return thrown

    async def find(self, path: str) -> Node | None:
        """What is at a path."""
        return await self.catalogue.find(self.actor, parse_path(path))

    async def find_file(self, path: str) -> File:
        """The file at a path."""
        found = await self.find(path)
        assert isinstance(found, File)
        return found

    async def tree(self) -> dict[str, Node]:
        """Everything that is there, by its path."""
        found: dict[str, Node] = {}
        waiting = [""]
        while waiting:
            folder = parse_path(waiting.pop())
            for node in await gather(lambda *page: self.catalogue.list_children(self.actor, folder, *page)):  # noqa: B023  # awaited
                found[str(node.path)] = node
                if not isinstance(node, File):
                    waiting.append(str(node.path))
        return dict(sorted(found.items()))

    async def trash(self) -> list[Trashed]:
        """What is in the trash, the last deleted first."""
        return await gather(lambda *page: self.catalogue.list_trash(self.actor, *page))

    async def versions(self, path: str) -> list[Any]:
        """The versions of a file, the newest first."""
        return await gather(lambda *page: self.catalogue.list_versions(self.actor, parse_path(path), *page))

    async def files(self, size: int = 100, **query: Any) -> list[str]:
        """The paths of the files that are asked for."""
        asked = FileQuery(**query)
        return [
            str(file.path)
            for file in await gather(lambda *page: self.catalogue.list_files(self.actor, asked, *page), size)
        ]

    async def changes(self, after: int = 0) -> Sequence[Change]:
        """What happened since."""
        return (await self.catalogue.read_changes(self.actor, after, 1000)).items

    async def collect(self) -> list[BlobId]:
        """Which blobs the catalogue lets go of, as a collection would ask."""
        while await self.catalogue.remove_purged(100):
            pass
        gone: list[BlobId] = []
        while marked := await self.catalogue.mark_for_deletion(100):
            await self.catalogue.forget(marked)
            gone += marked
        return gone

    async def expire(self, **moments: Instant) -> None:
        """Give up what is older than ``moments``; what has none is kept."""
        kept = {"trash_before": 0, "versions_before": 0, "changes_before": 0}
        await self.catalogue.expire(**(kept | moments))


async def gather(ask: Callable[[int, str | None], Awaitable[Page[T]]], size: int = 100) -> list[T]:
    """All items of a list that comes in pages of ``size``."""
    found: list[T] = []
    cursor: str | None = None
    while True:
        page = await ask(size, cursor)
        assert len(page.items) <= size
        found += page.items
        cursor = page.cursor
        if cursor is None:
            return found
