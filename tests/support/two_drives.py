"""Two drives that differ only in what a guest may not see, and answers of both in a form in which they are equal."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, Final

import attrs
import psycopg
from attrs import define, field
from msgspec import Struct

from cloudsvc.access.credentials import CredentialSource, RequestHead
from cloudsvc.core.actors import OWNER, Actor, Principal, Role
from cloudsvc.core.errors import CloudError
from cloudsvc.drive.changes import Position, parse_position
from cloudsvc.drive.commands import Command, Copy, Discard, EditTags, MakeFolder, Move, Purge
from cloudsvc.drive.drive import Drive
from cloudsvc.drive.names import DrivePath, parse_path
from cloudsvc.drive.pages import Page
from cloudsvc.storage.database.sqlite.connections import connect
from tests.support.actors import make_guest
from tests.support.catalogues import NAME, Watch, read_empty
from tests.support.drive_site import DriveSite, open_site
from tests.support.postgresql import find_database
from tests.support.site import Answer
from tests.support.thumbnails.in_memory import MemoryThumbnails

GRANTED: Final = ("way/in", "x/y")
"""The folders that are granted."""

WAYS: Final = ("way", "x")
"""The folders on the way to them."""

SEEN: Final = ("way/in/a", "way/in/b.png", "way/in/deep/c", "way/in/deep", "x/y/g", "x/y/way")
"""Paths in them that the owner fills in both drives."""

HIDDEN: Final = ("way/hidden", "way/out/d", "secret/e", "root.txt", "x/h", "x/yy/f")
"""Paths of what is in the second drive alone."""

UNKNOWN: Final = 999_999
"""An id of nothing."""

EXEMPT: Final = {
    "X-Request-ID, request_id": "random in every answer",
    "ids": "numbers of one sequence for the whole drive, versions in entity tags and marks in cursors among them: gaps"
    " tell that something happened somewhere, and not what. That equal ids are equal things is compared",
    "507 and 413": "the capacity is that of the whole drive; what counts to a quota may be hidden in its folder, as"
    " folders are that an uploader had to make. Neither is reached here. What is outside of a folder with a quota"
    " makes no difference to that: tests/drive/test_quotas.py",
    "epochs": "random in every catalogue; part of entity tags",
    "boundaries": "random between the parts of every answer that has some",
}
"""What is left out where answers are compared, and why."""


_LONG: Final = 20_000
"""Seconds of the site's clock that pass while a stream is read."""

_JSON: Final = frozenset({"application/json", "application/problem+json"})

_IDS: Final = {"id": "", "trash_id": "entry", "number": "change", "last": "change", "node": "node"}
"""Fields with ids, and of what; where that is empty, what the field is one of tells."""

_OWNERS: Final = {"File": "node", "Folder": "node", "Trashed": "entry", "entries": "entry", "Version": "number"}


@define
class Impersonation(CredentialSource):
    """Whoever sends a credential is the guest."""

    guest: Actor = OWNER
    name = "impersonation"

    def find(self, head: RequestHead, /) -> bytes | None:
        """See :class:`CredentialSource`."""
        return next(iter(head.requestHeaders.getRawHeaders(b"x-guest", ())), None)

    def identify(self, credential: bytes, head: RequestHead, /) -> Principal:
        """See :class:`CredentialSource`."""
        return Principal(actor=self.guest, via=self.name)


@define(eq=False)
class World:
    """
    One of the two drives.

    :ivar elsewhere: a folder that is not seen, where what crosses the border comes from and goes to.
    """

    site: DriveSite
    watch: Watch
    source: Impersonation
    elsewhere: str
    _labels: dict[tuple[str, Any], str] = field(factory=dict)

    @property
    def guest(self) -> Actor:
        """Who asks."""
        return self.source.guest

    @property
    def drive(self) -> Drive:
        """The drive itself."""
        return self.site.opened.drive

    async def grant(self, role: Role) -> None:
        """Let the guest have a role on the granted folders."""
        # When a folder on the way came to be is hidden as well.
        self.watch.now = (1_600_000_000 + len(self.elsewhere)) * 1_000_000
        for path in (self.elsewhere, *WAYS):
            await self.do(MakeFolder(path=parse_path(path)))
        self.watch.now = 1_650_000_000 * 1_000_000
        for path in GRANTED:
            await self.do(MakeFolder(path=parse_path(path)))
        nodes = [await self.drive.find(OWNER, parse_path(path)) for path in GRANTED]
        self.source.guest = make_guest(*((role, node.id) for node in nodes))

    async def do(self, *commands: Command) -> str | None:
        """Do something as the owner; the code of the refusal, if any."""
        try:
            await self.drive.apply(OWNER, commands)
        except CloudError as problem:
            return problem.code
        return None

    async def take(self, step: tuple[str, str, str], number: int) -> str | None:
        """One step of the owner, at a moment of its own."""
        self.watch.now = (1_700_000_000 + number) * 1_000_000
        what, text, other = step
        path, destination = parse_path(text), parse_path(other)
        outside = parse_path(f"{self.elsewhere}/{number}")
        if what == "store":
            return await self._store(text, f"{other} {number % 3}".encode())
        if what == "bring":
            await self._store(str(outside), b"brought")
        commands: dict[str, Command] = {
            "tag": EditTags(path=path, add=(f"t{number % 2}",), most=9),
            "move": Move(path=path, destination=destination),
            "copy": Copy(source=path, destination=destination),
            "discard": Discard(path=path),
            "bring": Move(path=outside, destination=path),
            "carry away": Move(path=path, destination=outside),
        }
        return await self.do(commands[what])

    async def purge_hidden(self) -> None:
        """Remove the oldest thing from the trash that the guest does not see."""
        hidden = await self.find_hidden_entry()
        if hidden != UNKNOWN:
            await self.do(Purge(entry=hidden))  # type: ignore[arg-type]  # it is one

    async def _store(self, path: str, content: bytes) -> str | None:
        try:
            await self.site.opened.store(path, content)
        except CloudError as problem:
            return problem.code
        return None

    # -- what the guest names by its id -----------------------------------------------------------------------------

    async def find_seen_entries(self) -> list[int]:
        """The entries of the trash that the guest sees, the newest first."""
        page = await self.drive.list_trash(self.guest, 1000)
        return [entry.id for entry in page.items]

    async def find_hidden_entry(self) -> int:
        """One that there is, and that the guest does not see."""
        seen = {*await self.find_seen_entries()}
        page = await self.drive.list_trash(OWNER, 1000)
        return min((entry.id for entry in page.items if entry.id not in seen), default=UNKNOWN)

    async def name_entries(self) -> list[int]:
        """Entries of the trash: one that is seen, if any, one that is not, and one of nothing."""
        return [*(await self.find_seen_entries())[:1], await self.find_hidden_entry(), UNKNOWN]

    async def find_version(self, path: str) -> int:
        """The oldest version of a file, whoever may see it."""
        try:
            page = await self.drive.list_versions(OWNER, parse_path(path), 1000)
        except CloudError:
            return UNKNOWN
        return page.items[-1].id

    async def find_beginning(self, number: int = 0) -> str:
        """The position of a change, as this drive tells it."""
        return str(Position(epoch=(await self.drive.find_last_change(OWNER)).epoch, number=number))

    # -- answers ----------------------------------------------------------------------------------------------------

    async def ask(self, method: str, target: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Any:
        """What the guest is answered, in a form that is the same in both drives; and the cursor, as it is."""
        fields = {"X-Guest": "1", **(headers or {})}
        answer = await self.site.ask(method, target, body, fields, key=False)
        return self._reduce_answer(answer), _find_cursor(answer)

    async def follow(self, target: str) -> Any:
        """What a stream of events says to the guest at first, or the refusal."""
        clock = self.site.site.clock
        end = clock.seconds() + _LONG
        # What has happened comes before the first beat.
        client = await self.site.follow(target, b"\n:\n", {"X-Guest": "1"}, key=False)
        # How long that took is up to the machine, and answers tell the time.
        clock.advance(end - clock.seconds())
        if b"HTTP/1.1 200" not in client.received:
            answer = client.answer()
            client.leave()
            return answer.status, answer.json["error"]
        events = re.findall(rb"data: (.*)\n\n", client.received)
        client.leave()
        return [self.reduce(json.loads(each)) for each in events]

    def _reduce_answer(self, answer: Answer) -> Any:
        media_type, _, boundary = answer.headers.get("Content-Type", "").partition("; boundary=")
        fields = {
            name: self._label("version", value) if name == "etag" else value
            for name, value in answer.headers.items()
            if name != "x-request-id"
        }
        if boundary:
            del fields["content-type"]
            return answer.status, fields, answer.body.replace(boundary.encode(), b"boundary")
        is_json = media_type in _JSON and answer.body
        return answer.status, fields, self.reduce(answer.json) if is_json else answer.body

    def reduce(self, value: Any, kind: str = "") -> Any:
        """A value as it is in both drives."""
        match value:
            case dict():
                return {name: self._reduce_field(name, each, kind) for name, each in value.items()}
            case list() | tuple():
                return [self.reduce(each, kind) for each in value]
            case DrivePath():
                return str(value)
            case Page():
                return [self.reduce(value.items), self._reduce_cursor(value.cursor)]
            case _ if isinstance(value, Struct) or attrs.has(type(value)):
                names = value.__struct_fields__ if isinstance(value, Struct) else attrs.fields_dict(type(value))
                return self.reduce({name: getattr(value, name) for name in names}, type(value).__name__)
        return value

    def _reduce_field(self, name: str, value: Any, kind: str) -> Any:
        if name in _IDS and isinstance(value, int):
            return self._label(_IDS[name] or _OWNERS.get(kind, kind), value)
        if name in {"position", "id"} and isinstance(value, str) and kind != "Blob":
            return self._label("change", parse_position(value).number)
        if name in {"etag", "validator"} and value is not None:
            return self._label("version", value)
        if name in {"epoch", "request_id", "looked"} or (name == "id" and kind == "Blob"):
            return None
        if name == "cursor":
            return self._reduce_cursor(value)
        return self.reduce(value, name if isinstance(value, list) else "")

    def _reduce_cursor(self, cursor: str | None) -> Any:
        if cursor is None:
            return None
        *values, last = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return [*values, self._label(f"cursor {values[0]}", last) if isinstance(last, int) and last else last]

    def _label(self, kind: str, value: Any) -> str:
        """The same for the same thing, in both drives."""
        key = kind, str(value).strip('"').removeprefix("W/")
        return self._labels.setdefault(key, f"{kind} {sum(each == kind for each, _ in self._labels)}")


def _find_cursor(answer: Answer) -> str | None:
    if answer.headers.get("Content-Type") != "application/json" or not answer.body:
        return None
    if answer.json.get("changes"):
        position: str = answer.json["position"]
        return position
    cursor: str | None = answer.json.get("cursor")
    return cursor


_NUMBERED: Final = ("node", "version", "trash")
_FIRST: Final = 100_000
"""Ids are all of one length."""


def _make_sqlite(directory: Path) -> None:
    directory.mkdir()
    # An empty one takes long to make.
    (directory / NAME).write_bytes(read_empty())
    with closing(connect(directory / NAME)) as connection:
        for table in _NUMBERED:
            connection.execute("DELETE FROM sqlite_sequence WHERE name = ?", (table,))
            connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table, _FIRST))
        connection.execute("UPDATE state SET last_change = ?", (_FIRST,))


def _make_postgresql(directory: Path) -> None:
    directory.mkdir()
    with psycopg.connect(find_database(directory).reveal()) as connection:
        for table in _NUMBERED:
            connection.execute("SELECT setval(%s, %s)", (f"{table}_id_seq", _FIRST))
        connection.execute("UPDATE state SET last_change = %s", (_FIRST,))


_MAKERS: Final = {"sqlite": _make_sqlite, "postgresql": _make_postgresql}


@asynccontextmanager
async def open_world(directory: Path, elsewhere: str, *, engine: str = "sqlite") -> AsyncIterator[World]:
    """One of the two, closed at the end; ``engine`` is that of its catalogue."""
    _MAKERS[engine](directory)
    watch, source, thumbnails = Watch(), Impersonation(), MemoryThumbnails()
    async with open_site(
        directory,
        more_sources=(source,),
        make_thumbnails=thumbnails.serve,
        now=watch,
        engine=engine,
    ) as site:
        yield World(site=site, watch=watch, source=source, elsewhere=elsewhere)
