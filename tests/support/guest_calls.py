"""The calls of a guest: each method of the drive, about two paths."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final, TypeAlias

from cloudsvc.core.actors import MAX_GRANTS
from cloudsvc.core.errors import CloudError
from cloudsvc.drive.commands import EditTags
from cloudsvc.drive.names import DrivePath, parse_path
from cloudsvc.drive.nodes import NodeId, TrashId, VersionId
from cloudsvc.drive.pages import FileQuery, Order
from tests.support.blobs import read_all
from tests.support.two_drives import UNKNOWN, World

Calling: TypeAlias = Callable[[World, DrivePath, DrivePath], AsyncIterator[Awaitable[Any]]]


async def call(world: World, calling: Calling, path: str, other: str) -> list[Any]:
    """What each call comes to: a result in the form that is the same in both drives, or the refusal."""
    found: list[Any] = []
    async for work in calling(world, parse_path(path), parse_path(other)):
        try:
            found.append(world.reduce(await work))
        except CloudError as problem:
            found.append((problem.kind, problem.code, problem.message))
    return found


async def find(world: World, path: DrivePath, other: DrivePath) -> AsyncIterator[Awaitable[Any]]:
    yield world.drive.find(world.guest, path)


async def find_file(world: World, path: DrivePath, other: DrivePath) -> AsyncIterator[Awaitable[Any]]:
    yield world.drive.find_file(world.guest, path)


async def find_folder(world: World, path: DrivePath, other: DrivePath) -> AsyncIterator[Awaitable[Any]]:
    yield world.drive.find_folder(world.guest, path)


async def tell_paths(world: World, path: DrivePath, other: DrivePath) -> AsyncIterator[Awaitable[Any]]:
    async def tell() -> Any:
        # Ids differ between the drives; those of what is hidden are in one of them alone.
        ids = [NodeId(number) for number in range(1, MAX_GRANTS)]
        return sorted(str(each) for each in (await world.drive.tell_paths(world.guest, ids)).values())

    yield tell()


async def find_file_with(world: World, path: DrivePath, other: DrivePath) -> AsyncIterator[Awaitable[Any]]:
    yield world.drive.find_file_with(world.guest, path, lambda blob: blob.size)


async def open_file(world: World, path: DrivePath, other: DrivePath) -> AsyncIterator[Awaitable[Any]]:
    async def read(version: VersionId | None = None) -> bytes:
        opened = await world.drive.open_file(world.guest, path, version)
        try:
            return await read_all(opened.reader)
        finally:
            await opened.reader.close()

    yield read()
    for version in (await world.find_version(str(path)), await world.find_version(str(other)), UNKNOWN):
        yield read(VersionId(version))


async def find_version(world: World, path: DrivePath, other: DrivePath) -> AsyncIterator[Awaitable[Any]]:
    yield world.drive.find_version(world.guest, path)
    for version in (await world.find_version(str(path)), await world.find_version(str(other)), UNKNOWN):
        yield world.drive.find_version(world.guest, path, VersionId(version))


async def list_children(world: World, path: DrivePath, other: DrivePath) -> AsyncIterator[Awaitable[Any]]:
    for limit in (1, 100):
        yield world.drive.list_children(world.guest, path, limit)


async def list_files(world: World, path: DrivePath, other: DrivePath) -> AsyncIterator[Awaitable[Any]]:
    for order in Order:
        yield world.drive.list_files(world.guest, FileQuery(folder=path, order=order), 1)


async def list_versions(world: World, path: DrivePath, other: DrivePath) -> AsyncIterator[Awaitable[Any]]:
    yield world.drive.list_versions(world.guest, path, 1)


async def list_trash(world: World, path: DrivePath, other: DrivePath) -> AsyncIterator[Awaitable[Any]]:
    yield world.drive.list_trash(world.guest, 1)


async def read_changes(world: World, path: DrivePath, other: DrivePath) -> AsyncIterator[Awaitable[Any]]:
    yield world.drive.read_changes(world.guest, 0, 3)
    last = (await world.drive.read_changes(world.guest, 0, 1000)).last
    for after in (last, last + 1, last + 2, UNKNOWN):
        yield world.drive.read_changes(world.guest, after, 3)
    yield world.drive.read_changes(world.guest, 0, 1000)


async def find_last_change(world: World, path: DrivePath, other: DrivePath) -> AsyncIterator[Awaitable[Any]]:
    yield world.drive.find_last_change(world.guest)


async def usage(world: World, path: DrivePath, other: DrivePath) -> AsyncIterator[Awaitable[Any]]:
    yield world.drive.usage(world.guest)


async def receive(world: World, path: DrivePath, other: DrivePath) -> AsyncIterator[Awaitable[Any]]:
    async def store(*, replace: bool) -> Any:
        async with world.drive.receive(world.guest, path, length=8, replace=replace) as upload:
            await upload.write(b"received")
            # Whether the same bytes were stored before is nothing that clients are told.
            return (await upload.finish()).file

    yield store(replace=False)
    yield store(replace=True)


async def apply(world: World, path: DrivePath, other: DrivePath) -> AsyncIterator[Awaitable[Any]]:
    yield world.drive.apply(world.guest, [EditTags(path=path, add=(tag,), most=9) for tag in ("one", "two")])


async def make_folder(world: World, path: DrivePath, other: DrivePath) -> AsyncIterator[Awaitable[Any]]:
    yield world.drive.make_folder(world.guest, other / path.name if path else other)


async def move(world: World, path: DrivePath, other: DrivePath) -> AsyncIterator[Awaitable[Any]]:
    yield world.drive.move(world.guest, path, other)


async def edit_file(world: World, path: DrivePath, other: DrivePath) -> AsyncIterator[Awaitable[Any]]:
    yield world.drive.edit_file(world.guest, path, destination=path, add=("edited",))
    yield world.drive.edit_file(world.guest, path, destination=other, add=("edited",))


async def discard(world: World, path: DrivePath, other: DrivePath) -> AsyncIterator[Awaitable[Any]]:
    yield world.drive.discard(world.guest, path)


async def restore(world: World, path: DrivePath, other: DrivePath) -> AsyncIterator[Awaitable[Any]]:
    for entry in await world.name_entries():
        yield world.drive.restore(world.guest, TrashId(entry), other)


async def purge(world: World, path: DrivePath, other: DrivePath) -> AsyncIterator[Awaitable[Any]]:
    for entry in await world.name_entries():
        yield world.drive.purge(world.guest, TrashId(entry))
    yield world.drive.purge(world.guest, None)


async def copy(world: World, path: DrivePath, other: DrivePath) -> AsyncIterator[Awaitable[Any]]:
    yield world.drive.copy(world.guest, path, other)


async def restore_version(world: World, path: DrivePath, other: DrivePath) -> AsyncIterator[Awaitable[Any]]:
    for version in (await world.find_version(str(path)), await world.find_version(str(other)), UNKNOWN):
        yield world.drive.restore_version(world.guest, path, VersionId(version))


async def set_quota(world: World, path: DrivePath, other: DrivePath) -> AsyncIterator[Awaitable[Any]]:
    for quota in (10**9, None):
        yield world.drive.set_quota(world.guest, path, quota)


CALLS: Final[dict[str, Calling]] = {
    calling.__name__: calling
    for calling in (
        find,
        find_file,
        find_folder,
        tell_paths,
        find_file_with,
        open_file,
        find_version,
        list_children,
        list_files,
        list_versions,
        list_trash,
        read_changes,
        find_last_change,
        usage,
        receive,
        apply,
        make_folder,
        copy,
        edit_file,
        move,
        restore_version,
        set_quota,
        discard,
        restore,
        purge,
    )
}
"""How each method is called about two paths; those that only read come first."""
