"""The requests of a guest: each route of the drive, asked about two paths."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import Any, Final, TypeAlias
from urllib.parse import quote

from tests.support.drive_site import FORM, make_form
from tests.support.two_drives import UNKNOWN, World

_FUTURE: Final = {"If-Unmodified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"}
_PAST: Final = {"If-Unmodified-Since": "Sat, 01 Jan 2000 00:00:00 GMT"}

Told: TypeAlias = AsyncIterator[Any]
Asking: TypeAlias = Callable[[World, str, str], Told]


async def follow(world: World, target: str) -> Told:
    """All pages of a list, one entry at a time, with the cursors between them."""
    cursor: str | None = ""
    while cursor is not None:
        more = f"&cursor={quote(cursor)}" if cursor else ""
        told, cursor = await world.ask("GET", f"{target}{'&' if '?' in target else '?'}limit=2{more}")
        yield told


async def send(world: World, method: str, target: str, body: Any = None, headers: Any = None) -> Any:
    """The answer to one request; a body that is no bytes is sent as JSON."""
    content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    declared = {} if body is None or isinstance(body, bytes) else {"Content-Type": "application/json"}
    told, _ = await world.ask(method, target, content, {**declared, **(headers or {})})
    return told


async def get_file(world: World, path: str, other: str) -> Told:
    for method, headers in (("GET", {}), ("HEAD", {}), ("GET", {"Range": "bytes=1-"}), ("GET", {"If-Match": "*"})):
        yield await send(world, method, f"/files/{quote(path)}", headers=headers)
    for version in (await world.find_version(path), await world.find_version(other), UNKNOWN):
        yield await send(world, "GET", f"/files/{quote(path)}?version={version}")


async def get_thumbnail(world: World, path: str, other: str) -> Told:
    yield await send(world, "GET", f"/files/{quote(path)}/thumbnail")


async def put_file(world: World, path: str, other: str) -> Told:
    for headers in ({"If-Match": "*"}, {"If-None-Match": "*"}, _PAST, _FUTURE, {}):
        yield await send(world, "PUT", f"/files/{quote(path)}", b"put", headers)


async def post_file(world: World, path: str, other: str) -> Told:
    yield await send(world, "POST", f"/files/{quote(path)}", make_form(b"posted"), FORM)


async def patch_file(world: World, path: str, other: str) -> Told:
    yield await send(world, "PATCH", f"/files/{quote(path)}", {"add_tags": ["patched"]}, {"If-Match": '"none"'})
    yield await send(world, "PATCH", f"/files/{quote(path)}", {"add_tags": ["patched"]})
    yield await send(world, "PATCH", f"/files/{quote(path)}", {"new_filepath": other})


async def delete_file(world: World, path: str, other: str) -> Told:
    for headers in (_PAST, {"If-None-Match": "*"}, {}):
        yield await send(world, "DELETE", f"/files/{quote(path)}", headers=headers)


async def list_files(world: World, path: str, other: str) -> Told:
    for query in ("sort=path", "sort=-created", "sort=name", "sort=-size&tag=t1", "sort=updated&q=h", "type=text"):
        async for told in follow(world, f"/files?prefix={quote(path)}&{query}"):
            yield told
    yield await send(world, "GET", "/files", headers={"Accept": "application/x-ndjson"})


async def post_list(world: World, path: str, other: str) -> Told:
    for body in ({}, {"tag": "t1"}, {"offset": 1, "limit": 2}):
        yield await send(world, "POST", "/files", body)


async def list_root(world: World, path: str, other: str) -> Told:
    async for told in follow(world, "/folders"):
        yield told


async def list_folder(world: World, path: str, other: str) -> Told:
    async for told in follow(world, f"/folders/{quote(path)}"):
        yield told


async def put_folder(world: World, path: str, other: str) -> Told:
    for headers in ({"If-None-Match": "*"}, {}):
        yield await send(world, "PUT", f"/folders/{quote(path)}", headers=headers)


async def patch_folder(world: World, path: str, other: str) -> Told:
    yield await send(world, "PATCH", f"/folders/{quote(path)}", {"new_path": other})


async def delete_folder(world: World, path: str, other: str) -> Told:
    yield await send(world, "DELETE", f"/folders/{quote(path)}")


async def list_versions(world: World, path: str, other: str) -> Told:
    async for told in follow(world, f"/versions/{quote(path)}"):
        yield told


async def restore_version(world: World, path: str, other: str) -> Told:
    for version in (await world.find_version(path), await world.find_version(other), UNKNOWN):
        yield await send(world, "POST", f"/versions/{quote(path)}", {"restore": version})


async def list_trash(world: World, path: str, other: str) -> Told:
    async for told in follow(world, "/trash"):
        yield told


async def restore(world: World, path: str, other: str) -> Told:
    for entry in await world.name_entries():
        yield await send(world, "POST", f"/trash/{entry}/restore?destination={quote(other)}")
    for entry in await world.name_entries():
        yield await send(world, "POST", f"/trash/{entry}/restore")


async def purge(world: World, path: str, other: str) -> Told:
    for entry in await world.name_entries():
        yield await send(world, "DELETE", f"/trash/{entry}")


async def empty_trash(world: World, path: str, other: str) -> Told:
    yield await send(world, "DELETE", "/trash")


async def copy(world: World, path: str, other: str) -> Told:
    yield await send(world, "POST", "/copies", {"source": path, "destination": other})


async def batch(world: World, path: str, other: str) -> Told:
    steps: list[dict[str, Any]] = [
        {"make_folder": {"path": other}},
        {"tag": {"path": path, "add": ["batch"]}},
        {"copy": {"source": path, "destination": f"{other}/copied"}},
        {"move": {"path": path, "new_path": other}},
        {"delete": {"path": other}},
        *({"restore": {"id": entry}} for entry in await world.name_entries()),
    ]
    for step in steps:
        yield await send(world, "POST", "/batch", {"operations": [step]})
    yield await send(world, "POST", "/batch", {"operations": steps[:3]})


async def list_changes(world: World, path: str, other: str) -> Told:
    yield await send(world, "GET", "/changes")
    since: str | None = await world.find_beginning()
    while since is not None:
        told, since = await world.ask("GET", f"/changes?since={since}")
        yield told
    for number in (1, UNKNOWN):
        yield await send(world, "GET", f"/changes?since={await world.find_beginning(number)}")


async def follow_events(world: World, path: str, other: str) -> Told:
    for number in (0, 1, UNKNOWN):
        since = await world.find_beginning(number)
        yield await send(world, "HEAD", f"/events?since={since}")
        yield await world.follow(f"/events?since={since}")


READING: Final[dict[tuple[str, str], Asking]] = {
    ("GET", "/files/<path:path>"): get_file,
    ("GET", "/files/<path:path>/thumbnail"): get_thumbnail,
    ("GET", "/files"): list_files,
    ("POST", "/files"): post_list,
    ("GET", "/folders"): list_root,
    ("GET", "/folders/<path:path>"): list_folder,
    ("GET", "/versions/<path:path>"): list_versions,
    ("GET", "/trash"): list_trash,
    ("GET", "/changes"): list_changes,
    ("GET", "/events"): follow_events,
}
CHANGING: Final[dict[tuple[str, str], Asking]] = {
    ("PUT", "/files/<path:path>"): put_file,
    ("POST", "/files/<path:path>"): post_file,
    ("PATCH", "/files/<path:path>"): patch_file,
    ("DELETE", "/files/<path:path>"): delete_file,
    ("PUT", "/folders/<path:path>"): put_folder,
    ("PATCH", "/folders/<path:path>"): patch_folder,
    ("DELETE", "/folders/<path:path>"): delete_folder,
    ("POST", "/versions/<path:path>"): restore_version,
    ("POST", "/trash/<int:number>/restore"): restore,
    ("DELETE", "/trash/<int:number>"): purge,
    ("DELETE", "/trash"): empty_trash,
    ("POST", "/copies"): copy,
    ("POST", "/batch"): batch,
}
"""How each route is asked about two paths."""
