"""The catalogue itself: which query of the tree runs in which thread."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any, Final, TypeVar

from attrs import define

from cloudsvc.core.actors import Actor
from cloudsvc.drive.catalogue import Location, Place, Usage
from cloudsvc.drive.changes import Changes, ChangeSignal, Looked
from cloudsvc.drive.commands import (
    Command,
    Copy,
    DateFile,
    Discard,
    EditTags,
    MakeFolder,
    Move,
    Purge,
    Restore,
    RestoreVersion,
    SetQuota,
    StoreFile,
)
from cloudsvc.drive.errors import telling_which
from cloudsvc.drive.names import DrivePath
from cloudsvc.drive.nodes import Blob, File, Node, NodeId, Trashed, Version, VersionId
from cloudsvc.drive.pages import FileQuery, Order, Page
from cloudsvc.drive.permissions import Right, is_permitted_everywhere, is_unlimited
from cloudsvc.storage.catalogue import (
    accounts,
    changing,
    counting,
    discarding,
    freezing,
    history,
    identity,
    payers,
    quotas,
    storing,
)
from cloudsvc.storage.catalogue.identity import Identity
from cloudsvc.storage.catalogue.listing import Lists
from cloudsvc.storage.catalogue.nodes import make_node
from cloudsvc.storage.catalogue.places import check_place
from cloudsvc.storage.catalogue.searching import Search
from cloudsvc.storage.catalogue.seen_files import SeenSearch
from cloudsvc.storage.catalogue.sight import find_seen, locate, look_as
from cloudsvc.storage.catalogue.tree import Context
from cloudsvc.storage.catalogue.upkeep import STEP, C, Upkeep
from cloudsvc.storage.catalogue.walking import Walk
from cloudsvc.storage.database.group_commit import Weight
from cloudsvc.storage.database.lanes import Lane
from cloudsvc.storage.database.polling import Lookout
from cloudsvc.storage.database.reading import Turn
from cloudsvc.storage.database.statements import Connection

T = TypeVar("T")

_FREEING: Final = (Discard, Purge)
"""Commands at the beginning of the way on which space is given back."""

_DEEDS: Final[dict[type, Callable[[Context, Any], Any]]] = {
    StoreFile: storing.store_file,
    RestoreVersion: storing.restore_version,
    MakeFolder: changing.make_folder,
    Move: changing.move,
    EditTags: changing.edit_tags,
    DateFile: changing.date_file,
    Copy: changing.copy,
    Discard: discarding.discard,
    Restore: discarding.restore,
    Purge: discarding.purge,
    SetQuota: quotas.set_quota,
}


_EVERYTHING: Final = Purge(entry=None)
"""What empties the trash."""

_FEW: Final = 16
"""Commands that change little together."""


def _do(context: Context, command: Command) -> Any:
    return _DEEDS[type(command)](context.begin(command), command)


def _weigh(commands: Sequence[Command]) -> Weight:
    is_light = len(commands) <= _FEW and not any(isinstance(command, (Copy, SetQuota)) for command in commands)
    return Weight.LIGHT if is_light else Weight.HEAVY


@define(eq=False, kw_only=True)
class DatabaseCatalogue(Upkeep[C]):
    """A :class:`cloudsvc.drive.catalogue.Catalogue` in a database. Several processes may have it open."""

    _epoch: str
    _signal: ChangeSignal
    _lookout: Lookout | None = None

    async def close(self) -> None:
        """Finish what was asked for, and let go of the database."""
        try:
            if self._lookout is not None:
                await self._lookout.stop()
            await self._readers.close()
        finally:
            await self._writer.close()

    async def identify(self) -> Identity:
        """Whose it is."""
        return await self._readers.run(identity.find_identity)

    async def claim(self, installation: str) -> Identity:
        """Let it belong to ``installation``, unless it belongs to one already; whose it is then."""
        return await self._writer.run(lambda connection: identity.claim(connection, installation))

    async def apply(self, actor: Actor, commands: Sequence[Command]) -> list[Any]:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.apply`."""
        if len(commands) == 1 and commands[0] == _EVERYTHING:
            return [await self._empty_trash(actor)]
        return await self._writer.run(
            lambda connection: self._apply(connection, actor, commands),
            weight=_weigh(commands),
            frees=all(isinstance(command, _FREEING) for command in commands),
        )

    async def find(self, actor: Actor, path: DrivePath) -> Node | None:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.find`."""
        return await self._readers.run(lambda connection: self._find(connection, actor, path))

    async def locate(self, nodes: Collection[NodeId]) -> Mapping[NodeId, Location]:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.locate`."""
        return await self._readers.run(lambda connection: locate(connection, nodes))

    async def check_place(self, actor: Actor, path: DrivePath, *, replace: bool) -> Place:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.check_place`."""
        return await self._readers.run(lambda connection: self._check_place(connection, actor, path, replace=replace))

    async def find_version(
        self, actor: Actor, path: DrivePath, version: VersionId | None
    ) -> tuple[File, Version] | None:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.find_version`."""
        return await self._list(actor, lambda lists: lists.find_version(path, version), Lane.LOOKUPS)

    async def open_version(
        self, actor: Actor, path: DrivePath, version: VersionId | None, read: Callable[[Blob], T]
    ) -> tuple[File, Version, T] | None:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.open_version`."""

        def find(lists: Lists) -> tuple[File, Version, T] | None:
            found = lists.find_version(path, version)
            return None if found is None else (*found, read(found[1].blob))

        return await self._list(actor, find, Lane.LOOKUPS)

    async def list_children(self, actor: Actor, folder: DrivePath, limit: int, cursor: str | None = None) -> Page[Node]:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.list_children`."""
        return await self._list(actor, lambda lists: lists.children(folder, limit, cursor))

    async def list_files(
        self,
        actor: Actor,
        query: FileQuery,
        limit: int,
        cursor: str | None = None,
        *,
        caller: str = "",
        goes_on: bool = False,
    ) -> Page[File]:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.list_files`."""
        turn = self._readers.make_turn(Lane.SCANS)
        return await self._readers.run(
            lambda connection: self._search(connection, actor, query, turn).run(limit, cursor),
            Lane.SCANS,
            caller=caller,
            goes_on=goes_on,
            turn=turn,
        )

    async def list_versions(
        self, actor: Actor, path: DrivePath, limit: int, cursor: str | None = None
    ) -> Page[Version]:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.list_versions`."""
        return await self._list(actor, lambda lists: lists.versions(path, limit, cursor))

    async def list_trash(self, actor: Actor, limit: int, cursor: str | None = None) -> Page[Trashed]:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.list_trash`."""
        return await self._list(actor, lambda lists: lists.trash(limit, cursor))

    def on_change(self, listener: Callable[[], None]) -> Callable[[], None]:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.on_change`."""
        return self._signal.add(listener)

    async def read_changes(
        self, actor: Actor, after: int, limit: int, *, epoch: str | None = None, looked: Looked | None = None
    ) -> Changes:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.read_changes`."""
        return await self._readers.run(
            lambda connection: history.read_changes(
                connection, after, limit, look_as(connection, actor), epoch=epoch, looked=looked
            ),
            # Who sees a part passes all that has happened elsewhere since, unless it was looked through before.
            Lane.PAGES if looked is not None or is_permitted_everywhere(actor, Right.SEE) else Lane.SCANS,
            caller=actor.name,
        )

    async def find_last_change(self, actor: Actor) -> Changes:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.find_last_change`."""
        return await self._readers.run(
            lambda connection: history.find_last_seen(connection, look_as(connection, actor)),
            # Who sees a part may have seen nothing happen for long.
            Lane.LOOKUPS if is_permitted_everywhere(actor, Right.SEE) else Lane.SCANS,
            caller=actor.name,
        )

    async def usage(self, actor: Actor) -> Usage:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.usage`."""
        return await self._readers.run(lambda connection: self._count_usage(connection, actor), Lane.COUNTS)

    async def _list(self, actor: Actor, ask: Callable[[Lists], T], lane: Lane = Lane.PAGES) -> T:
        return await self._readers.run(
            lambda connection: ask(Lists(connection=connection, epoch=self._epoch, sight=look_as(connection, actor))),
            lane,
        )

    async def _empty_trash(self, actor: Actor) -> int:
        purge: Callable[[Connection, int, int], int] = discarding.purge_up_to
        if not is_unlimited(actor):
            purge = partial(discarding.purge_granted, actor)
        newest = await self._writer.run(self._find_newest, frees=True)
        purged, weight = 0, Weight.HEAVY
        while some := await self._writer.run(
            lambda connection: self._purge(connection, purge, newest), weight=weight, frees=True
        ):
            # What has begun is not refused.
            purged, weight = purged + some, Weight.UPKEEP
        return purged

    def _find_newest(self, connection: C) -> int:
        freezing.check_thawed(freezing.find_standing(connection).freeze, self._now())
        return discarding.find_newest(connection)

    def _purge(self, connection: C, purge: Callable[[Connection, int, int], int], newest: int) -> int:
        freezing.admit_change(connection, freezing.find_standing(connection).freeze, self._now())
        return purge(connection, newest, STEP)

    def _apply(self, connection: Connection, actor: Actor, commands: Sequence[Command]) -> list[Any]:
        context = Context(connection=connection, now=self._now(), epoch=self._epoch, actor=actor)
        results = []
        for number, command in enumerate(commands, 1):
            with telling_which(number, len(commands)) if len(commands) > 1 else nullcontext():
                results.append(_do(context, command))
        history.record_changes(connection, context.noted, context.now)
        if context.noted:
            self._signal.note()
        return results

    def _search(self, connection: Connection, actor: Actor, query: FileQuery, turn: Turn) -> Walk | Search | SeenSearch:
        sight = look_as(connection, actor)
        if query.order is Order.PATH:
            return Walk(connection=connection, epoch=self._epoch, query=query, sight=sight, is_over=turn.is_over)
        if sight.sees_all:
            return Search(connection=connection, epoch=self._epoch, query=query, is_over=turn.is_over)
        return SeenSearch(connection=connection, epoch=self._epoch, query=query, sight=sight)

    def _check_place(self, connection: C, actor: Actor, path: DrivePath, *, replace: bool) -> Place:
        file, chain = check_place(connection, self._epoch, actor, path, replace=replace)
        paid_bytes, is_paid = payers.count_bytes_for_change(connection, actor, file)
        return Place(
            file=file,
            account=accounts.find_account(connection, chain),
            stored_bytes=counting.count_stored_bytes_for_change(connection, self._now()),
            catalogue_bytes=self._footprint.read(connection),
            paid_bytes=paid_bytes,
            is_paid=is_paid,
        )

    def _count_usage(self, connection: C, actor: Actor) -> Usage:
        sight = look_as(connection, actor)
        if sight.sees_all:
            return counting.count_usage(connection, self._footprint.measure(connection))
        return counting.count_seen_usage(connection, sight)

    def _find(self, connection: Connection, actor: Actor, path: DrivePath) -> Node | None:
        chain = find_seen(connection, path, look_as(connection, actor))
        return None if chain.row is None else make_node(connection, self._epoch, chain.row, chain.path)
