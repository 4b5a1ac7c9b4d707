"""Use-cases of the client as flows: what both faces offer, written once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from operator import attrgetter
from pathlib import Path
from typing import Any, TypeVar

from attrs import frozen

from cloudsvc.client import calls, links
from cloudsvc.client.calls import Search
from cloudsvc.client.downloads import Download, read_pieces
from cloudsvc.client.effects import Call, Flow, Source
from cloudsvc.client.errors import LocalError
from cloudsvc.client.following import find_position, follow
from cloudsvc.client.listing import find, list_all, list_children
from cloudsvc.client.operations import Delete, Move, Operation
from cloudsvc.client.retrying import RetryPolicy, ask
from cloudsvc.client.sources import Progress
from cloudsvc.client.uploads import upload
from cloudsvc.client.values import Done, Downloaded, Health, Purged, Status, Stored, Tagged
from cloudsvc.core.secrets import Secret

T = TypeVar("T")


@frozen(kw_only=True)
class Flows:
    """
    What a client can do. A flow of no result hands entries on.

    :ivar origin: the URL of the server, by which partial files are told apart.
    """

    origin: str
    policy: RetryPolicy

    def read_health(self) -> Flow[Health]:
        return self._ask(calls.get_health())

    def log_in(self) -> Flow[None]:
        return self._ask(calls.log_in())

    def stat(self, path: str) -> Flow[Status]:
        return find(path, self.policy)

    def list_folder(self, path: str) -> Flow[None]:
        return list_children(path, self.policy)

    def search(self, wanted: Search) -> Flow[None]:
        return list_all(lambda cursor: calls.list_files(wanted, cursor), attrgetter("files"), self.policy)

    def list_versions(self, path: str) -> Flow[None]:
        return list_all(lambda cursor: calls.list_versions(path, cursor), attrgetter("versions"), self.policy)

    def list_trash(self) -> Flow[None]:
        return list_all(calls.list_trash, attrgetter("entries"), self.policy)

    def find_position(self) -> Flow[str]:
        return find_position(self.policy)

    def follow(self, since: str | None) -> Flow[None]:
        return follow(since, self.policy)

    def upload(
        self,
        source: Source,
        path: str,
        *,
        if_absent: bool,
        if_match: str | None,
        media_type: str | None,
        modified_at: datetime | None,
        sha256: bytes | None,
        progress: Progress | None,
    ) -> Flow[Stored]:
        return upload(
            source,
            path,
            self.policy,
            if_absent=if_absent,
            if_match=if_match,
            media_type=media_type,
            modified_at=modified_at,
            sha256=sha256,
            progress=progress,
        )

    def download(
        self, path: str, destination: Path, *, version: int | None, replace: bool, progress: Progress | None
    ) -> Flow[Downloaded]:
        download = Download(
            origin=self.origin,
            path=path,
            destination=destination,
            policy=self.policy,
            version=version,
            replace=replace,
            progress=progress,
        )
        return download.run()

    def read(self, path: str, *, version: int | None, start: int, stop: int | None) -> Flow[None]:
        if start < 0 or (stop is not None and stop <= start):
            raise LocalError("invalid_range", "A range begins at 0 or later, and ends after it begins.")
        return read_pieces(path, self.policy, version=version, start=start, stop=stop)

    def read_thumbnail(self, path: str) -> Flow[bytes]:
        return self._ask(calls.get_thumbnail(path))

    def make_folder(self, path: str) -> Flow[Done]:
        return self._ask(calls.make_folder(path))

    def move(self, path: str, destination: str, if_match: str | None) -> Flow[Done]:
        return self._apply_one(Move(path, destination, if_match))

    def copy(self, source: str, destination: str) -> Flow[Done]:
        return self._ask(calls.copy(source, destination))

    def delete(self, path: str, if_match: str | None) -> Flow[Done]:
        return self._apply_one(Delete(path, if_match))

    def apply(self, operations: Iterable[Operation]) -> Flow[tuple[Done, ...]]:
        return self._ask(calls.apply_batch(operations))

    def edit_tags(self, path: str, add: Sequence[str], remove: Sequence[str]) -> Flow[Tagged]:
        return self._ask(calls.edit_tags(path, add, remove))

    def restore_version(self, path: str, version: int) -> Flow[None]:
        return self._ask(calls.restore_version(path, version))

    def restore(self, entry: int, destination: str | None) -> Flow[Done]:
        return self._ask(calls.restore(entry, destination))

    def purge(self, entry: int | None) -> Flow[Purged]:
        return self._ask(calls.purge(entry))

    def find_self(self) -> Flow[links.Profile]:
        return self._ask(links.find_self())

    def share(self, wish: links.LinkWish) -> Flow[links.Shared]:
        made = yield from self._ask(links.make_link(wish))
        return links.Shared(link=made.link, url=Secret(f"{self.origin}{made.location}"))

    def list_links(self, path: str | None) -> Flow[None]:
        return list_all(lambda cursor: links.list_links(path, cursor), attrgetter("links"), self.policy)

    def revoke_link(self, link: str) -> Flow[links.Link]:
        changed = yield from self._ask(links.revoke_link(link))
        return changed.link

    def _ask(self, call: Call[T]) -> Flow[T]:
        return ask(call, self.policy)

    def _apply_one(self, operation: Operation) -> Flow[Any]:
        [done] = yield from self._ask(calls.apply_batch([operation]))
        return done
