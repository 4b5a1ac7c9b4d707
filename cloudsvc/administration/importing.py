"""Import of a tree of files into a drive."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from attrs import define, field, frozen

from cloudsvc.administration.concurrency import for_each
from cloudsvc.administration.planning import Arrival, Plan
from cloudsvc.administration.progress import Progress
from cloudsvc.administration.source import read_pieces
from cloudsvc.core.actors import Actor
from cloudsvc.core.errors import CloudError, Kind
from cloudsvc.core.threads import ThreadRunner
from cloudsvc.drive.commands import Command, Condition, DateFile, EditTags
from cloudsvc.drive.drive import Drive

_PIECE: Final = 1024 * 1024

_HOPELESS: Final = frozenset({Kind.NO_SPACE, Kind.UNAVAILABLE})
"""Kinds of errors that the next file would meet as well."""


@define(kw_only=True)
class Imported:
    """
    What was done.

    :ivar files: how many files were stored.
    :ivar size: their bytes.
    :ivar faults: what could not be stored: a line each.
    """

    files: int = 0
    size: int = 0
    faults: list[str] = field(factory=list)


@frozen(kw_only=True)
class Importer:
    """
    Stores what a plan says, through the use-cases that uploads go through.

    Each file comes with its tags and dates in one step, so that a second run after an interrupted one finds it and does
    not store it again.
    """

    drive: Drive
    actor: Actor
    disk: ThreadRunner

    async def carry_out(self, plan: Plan, progress: Progress) -> Imported:
        """
        Do it.

        :raises CloudError: there is no room for more, or the storage fails. What was stored so far stays.
        """
        imported = Imported()
        progress.begin("storing", plan.size)

        async def store(arrival: Arrival) -> None:
            try:
                await self._store(arrival, progress)
            except CloudError as problem:
                if problem.kind in _HOPELESS:
                    raise
                imported.faults.append(f"{str(arrival.found.place)!r}: {problem.message}")
            except OSError as problem:
                imported.faults.append(f"{str(arrival.found.place)!r}: {problem.strerror}")
            else:
                imported.files += 1
                imported.size += arrival.found.size

        await for_each(plan.arrivals, store)
        for folder in plan.folders:
            await self.drive.make_folder(self.actor, folder)
        return imported

    async def _store(self, arrival: Arrival, progress: Progress) -> None:
        found, replaced = arrival.found, arrival.replaced
        unchanged = Condition(absent=True)
        if replaced is not None:
            unchanged = Condition(validators=frozenset({replaced.version.validator}))
        pieces = read_pieces(found, _PIECE)
        async with self.drive.receive(self.actor, arrival.path, length=found.size, condition=unchanged) as upload:
            while piece := await self.disk.run(next, pieces, b""):
                await upload.write(piece)
                progress.advance(len(piece))
            await upload.finish(
                media_type=arrival.metadata.media_type,
                modified_at=arrival.modified_at,
                also=self._list_commands(arrival),
            )

    def _list_commands(self, arrival: Arrival) -> Sequence[Command]:
        path, metadata = arrival.path, arrival.metadata
        date = DateFile(path=path, created_at=metadata.created_at, updated_at=metadata.updated_at)
        if not metadata.tags:
            return [date]
        return [EditTags(path=path, add=metadata.tags, most=self.drive.limits.tags), date]
