"""Synchronous face of the client."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx2

from cloudsvc.client.calls import Search
from cloudsvc.client.connecting import Line, Timeouts
from cloudsvc.client.effects import Flow
from cloudsvc.client.flows import Flows
from cloudsvc.client.links import Link, LinkRole, LinkWish, Profile, Shared
from cloudsvc.client.operations import Operation
from cloudsvc.client.retrying import RetryPolicy
from cloudsvc.client.sources import Progress, Uploadable, as_source
from cloudsvc.client.synchronous_effects import World
from cloudsvc.client.values import (
    Change,
    Done,
    Downloaded,
    Health,
    ListedFile,
    Node,
    Purged,
    Status,
    Stored,
    Tagged,
    Trashed,
    Version,
)
from cloudsvc.core.secrets import Secret

T = TypeVar("T")


class Client:
    """
    A server, for a program that waits for each answer. Several threads can use one client.

    Every method raises a :class:`~cloudsvc.client.ClientError`: a :class:`~cloudsvc.client.RefusedError` where the
    server says no, an :class:`~cloudsvc.client.UnreachableError` where it does not answer. What can safely be sent
    again is sent again by itself, as far as ``retries`` allows.

    :param url: ``https://HOST`` or ``https://HOST:PORT``, with a path where a proxy puts the server below one.
    :param key: an API key; without one only the health of the server can be asked.
    :param ca_file: PEM of the authorities that are trusted, and no others; without it those of the system. Of a server
        with an authority of its own it is a copy of its ``certs/ca.pem`` or ``certs/cert.pem``.
    """

    def __init__(
        self,
        url: str,
        key: Secret | None = None,
        *,
        ca_file: Path | str | None = None,
        timeouts: Timeouts | None = None,
        retries: RetryPolicy | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._line = Line.of(url, key, ca_file, timeouts or Timeouts())
        self._flows = Flows(origin=self._line.base, policy=retries or RetryPolicy())
        self._http = httpx2.Client(**self._line.options)
        self._sleep = sleep

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client({self._line.base!r})"

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def read_health(self) -> Health:
        """How the server is. Asks without the key. One that is unhealthy is a ``RefusedError`` of status 500."""
        return self._run(self._flows.read_health())

    def log_in(self) -> None:
        """
        Nothing, where the key is valid. Nothing is kept of it: each request carries the key.

        :raises UnauthenticatedError: it is not.
        """
        self._run(self._flows.log_in())

    def stat(self, path: str) -> Status:
        """What is at ``path``; the root is the empty path."""
        return self._run(self._flows.stat(path))

    def list_folder(self, path: str = "") -> Iterator[Node]:
        """What is directly in a folder, by name, fetched in pages as they are wanted."""
        return self._iterate(self._flows.list_folder(path))

    def search(
        self,
        folder: str = "",
        *,
        tag: str | None = None,
        media_type: str | None = None,
        text: str | None = None,
        sort: str = "path",
    ) -> Iterator[ListedFile]:
        """
        Files below ``folder``, at whatever depth, fetched in pages as they are wanted.

        :param tag: only those with this tag.
        :param media_type: only those of this type, such as ``image/png``, or ``image`` for all of them.
        :param text: only those whose name contains it, whatever its case.
        :param sort: ``path``, ``name``, ``created``, ``updated`` or ``size``; with ``-`` before it, the greatest first.
        """
        wanted = Search(folder=folder, tag=tag, media_type=media_type, text=text, sort=sort)
        return self._iterate(self._flows.search(wanted))

    def list_versions(self, path: str) -> Iterator[Version]:
        """The versions of a file, the newest first."""
        return self._iterate(self._flows.list_versions(path))

    def list_trash(self) -> Iterator[Trashed]:
        """What is in the trash, the last deleted first."""
        return self._iterate(self._flows.list_trash())

    def find_position(self) -> str:
        """
        Where the changes of the drive stand now.

        Whoever asks first, then lists what is there, and then follows from that position, misses nothing.
        """
        return self._run(self._flows.find_position())

    def follow(self, since: str | None = None) -> Iterator[Change]:
        """
        Each change after the position ``since``, or from now on, as it happens, without an end. The ``id`` of a change
        is the position after it.

        :raises GoneError: what came after ``since`` is not remembered any more: list everything, and begin anew.
        """
        return self._iterate(self._flows.follow(since))

    def upload(
        self,
        content: Uploadable,
        path: str,
        *,
        length: int | None = None,
        if_absent: bool = False,
        if_match: str | None = None,
        media_type: str | None = None,
        modified_at: datetime | None = None,
        sha256: bytes | None = None,
        progress: Progress | None = None,
    ) -> Stored:
        """
        Keep ``content`` at ``path``, in place of what is there. Missing folders are made. When it returns, the file is
        on the server's disk, and its digest is that of what was sent.

        A ``Path`` is a local file, and must not change meanwhile. Of an upload that breaks off nothing is kept.

        :param length: of an open file or of pieces, in bytes, where it is known.
        :param if_absent: only where there is no file yet.
        :param if_match: only in place of the content with this entity tag.
        :param media_type: of the file; without it, its name tells.
        :param modified_at: when it was last changed, with its offset from UTC; without it, now.
        :param sha256: what the server is to compare the bytes with before it keeps them.
        :raises PreconditionFailedError: ``if_absent`` or ``if_match`` does not hold.
        :raises ChangedError: there is more or less to send than when it began, or the local file was written.
        :raises DamagedError: the server has kept other bytes than were sent.
        """
        return self._run(
            self._flows.upload(
                as_source(content, length),
                path,
                if_absent=if_absent,
                if_match=if_match,
                media_type=media_type,
                modified_at=modified_at,
                sha256=sha256,
                progress=progress,
            )
        )

    def download(
        self,
        path: str,
        destination: Path,
        *,
        version: int | None = None,
        replace: bool = False,
        progress: Progress | None = None,
    ) -> Downloaded:
        """
        Bring a file to a local one, which appears when it is whole, durable, and compared with its digest.

        Until then what has come is in a hidden file beside it, and the next attempt goes on from there if the file of
        the drive is still the same.

        :param replace: whether a local file that is there makes way. One with the very content is left as it is.
        :raises LocalError: there is a local file, or none can be written.
        :raises DamagedError: what came has another digest than the server says.
        """
        flow = self._flows.download(path, destination, version=version, replace=replace, progress=progress)
        return self._run(flow)

    def read(
        self, path: str, *, version: int | None = None, start: int = 0, stop: int | None = None
    ) -> Iterator[bytes]:
        """
        The bytes of a file from ``start`` on and before ``stop``, as they come. Nothing is compared with a digest.

        :raises ChangedError: the file was replaced before all had come.
        """
        return self._iterate(self._flows.read(path, version=version, start=start, stop=stop))

    def read_thumbnail(self, path: str) -> bytes:
        """A JPEG of what a file shows."""
        return self._run(self._flows.read_thumbnail(path))

    def make_folder(self, path: str) -> Done:
        """Make a folder, and those above it that are missing."""
        return self._run(self._flows.make_folder(path))

    def move(self, path: str, destination: str, *, if_match: str | None = None) -> Done:
        """
        Give a file or folder another path.

        :raises ConflictError: there is something.
        """
        return self._run(self._flows.move(path, destination, if_match))

    def copy(self, source: str, destination: str) -> Done:
        """
        Copy a file or folder, within the server.

        :raises ConflictError: there is something at ``destination``.
        """
        return self._run(self._flows.copy(source, destination))

    def delete(self, path: str, *, if_match: str | None = None) -> Done:
        """Put a file, or a folder with all that is in it, into the trash."""
        return self._run(self._flows.delete(path, if_match))

    def apply(self, operations: Iterable[Operation]) -> tuple[Done, ...]:
        """Make all changes, in order, or none. What came of each."""
        return self._run(self._flows.apply(operations))

    def edit_tags(self, path: str, *, add: Iterable[str] = (), remove: Iterable[str] = ()) -> Tagged:
        """Add and remove tags of a file."""
        return self._run(self._flows.edit_tags(path, tuple(add), tuple(remove)))

    def restore_version(self, path: str, version: int) -> None:
        """Make a version the content of its file again, as a new version."""
        self._run(self._flows.restore_version(path, version))

    def restore(self, entry: int, destination: str | None = None) -> Done:
        """Take an entry out of the trash: to where it was, or to ``destination``."""
        return self._run(self._flows.restore(entry, destination))

    def purge(self, entry: int | None = None) -> Purged:
        """Remove an entry of the trash for good; without one, all of them."""
        return self._run(self._flows.purge(entry))

    def find_self(self) -> Profile:
        """Who one is, and what one may do, by the key that is shown."""
        return self._run(self._flows.find_self())

    def share(
        self,
        path: str,
        *,
        role: LinkRole = "viewer",
        label: str | None = None,
        password: Secret | None = None,
        limit: int | None = None,
        expires_at: datetime | None = None,
    ) -> Shared:
        """
        Make a link to a file or folder, for whoever has its address.

        :param role: ``viewer`` to see it, or ``uploader`` to bring files into a folder and see nothing.
        :param password: that visitors have to know.
        :param limit: how many files may be sent or received by it.
        :param expires_at: from when on it is no good any more, with its offset from UTC.
        """
        wish = LinkWish(path=path, role=role, label=label, password=password, limit=limit, expires_at=expires_at)
        return self._run(self._flows.share(wish))

    def list_links(self, path: str | None = None) -> Iterator[Link]:
        """Links of one's own and to what one manages; with ``path``, those to what is there or in it."""
        return self._iterate(self._flows.list_links(path))

    def revoke_link(self, link: str) -> Link:
        """End a link, by its id, now and for good."""
        return self._run(self._flows.revoke_link(link))

    def _run(self, flow: Flow[T]) -> T:
        with World(self._http, self._line, self._sleep) as world:
            run = world.run(flow)
            try:
                while True:
                    next(run)
            except StopIteration as stop:
                result: T = stop.value
                return result

    def _iterate(self, flow: Flow[None]) -> Iterator[Any]:
        with World(self._http, self._line, self._sleep) as world, closing(world.run(flow)) as run:
            yield from run
