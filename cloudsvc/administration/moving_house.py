"""Moving of a drive from one home to another, each with engines of its own."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

from attrs import frozen

from cloudsvc.administration.migration import OTHER_ARRIVES, Migrated, Migration, check_movable
from cloudsvc.administration.migration_journal import Journal
from cloudsvc.administration.progress import Progress
from cloudsvc.core.errors import OperatorError
from cloudsvc.drive.freezing import THAWED
from cloudsvc.drive.limits import Limits
from cloudsvc.drive.replacement import Replacement
from cloudsvc.storage.engine_replacement import open_any_replacement
from cloudsvc.storage.engines import Engines
from cloudsvc.storage.opened import OpenedDrive
from cloudsvc.storage.opening import open_drive
from cloudsvc.storage.resources import Resources, open_resources

_JOURNAL: Final = "migration.sqlite3"


@frozen(kw_only=True)
class Residence:
    """
    A drive as its home configures it.

    :ivar directory: of the home, for what is local.
    """

    directory: Path
    engines: Engines
    limits: Limits


@frozen(kw_only=True)
class ResidenceTarget:
    """A :class:`cloudsvc.administration.migration.Target`."""

    residence: Residence
    resources: Resources

    def open(self) -> AbstractAsyncContextManager[OpenedDrive]:
        """As :meth:`cloudsvc.administration.migration.Target.open`."""
        return open_residence(self.residence, self.resources)

    def replace(self) -> AbstractAsyncContextManager[Replacement]:
        """As :meth:`cloudsvc.administration.migration.Target.replace`."""
        return open_any_replacement(self.residence.directory, self.residence.engines, self.resources)


def open_residence(residence: Residence, resources: Resources) -> AbstractAsyncContextManager[OpenedDrive]:
    """
    The drive there, until the context ends.

    :raises OperatorError: it cannot be opened.
    """
    return open_drive(residence.directory, residence.limits, resources, residence.engines)


async def migrate_drive(source: Residence, target: Residence, resources: Resources, progress: Progress) -> Migrated:
    """
    Move the drive of ``source`` to ``target``, while servers work with it.

    :raises OperatorError: it cannot be done, and why. The source goes on as it was.
    :raises CloudError: a storage fails; likewise.
    """
    check_apart(source, target)
    with open_resources(resources.reactor) as others:
        async with open_residence(source, resources) as opened:
            standing = await opened.catalogue.find_standing()
            goes_on = await _has_begun(target.directory, standing.epoch, others)
            there = ResidenceTarget(residence=target, resources=others)
            if not (goes_on and standing.has_moved):
                await check_movable(opened.catalogue)
                await _check_target(there, goes_on=goes_on)
            async with _open_journal(target.directory, standing.epoch, others) as journal:
                migration = Migration(
                    source=opened, target=there, journal=journal, clock=resources.clock, progress=progress
                )
                return await migration.run()


async def reopen_drive(residence: Residence, resources: Resources) -> bool:
    """
    Let a drive that has moved, or is about to, take changes again; whether it did not.

    :raises OperatorError: it cannot be opened.
    """
    async with open_residence(residence, resources) as opened:
        if (await opened.catalogue.find_standing()).freeze == THAWED:
            return False
        await opened.catalogue.thaw(even_moved=True)
        return True


def check_apart(source: Residence, target: Residence) -> None:
    """
    See that two homes have nothing in common.

    :raises OperatorError: they have.
    """
    former, new = source.engines, target.engines
    if source.directory.resolve() == target.directory.resolve():
        raise OperatorError([f"{target.directory} is where the drive is; name another home to move to"])
    if former.database is not None and new.database is not None:
        from cloudsvc.storage.database.postgresql.databases import are_same  # noqa: PLC0415  # the driver is an extra

        if are_same(former.database, new.database):
            raise OperatorError(["both homes have the same database: set another database.url in the one to move to"])
    if former.bucket is not None and new.bucket is not None:
        places = {(each.endpoint, each.bucket, each.prefix.strip("/")) for each in (former.bucket, new.bucket)}
        if len(places) == 1:
            raise OperatorError(
                ["both homes have the same bucket and prefix: set another prefix in blobs.url of the one to move to"]
            )


async def _check_target(target: ResidenceTarget, *, goes_on: bool) -> None:
    """
    See what is wrong with the target, before anything is done.

    :param goes_on: whether this migration was begun there before.
    :raises OperatorError: something is.
    """
    async with target.open() as opened:
        # Before what was noted of the other migration is forgotten.
        if not goes_on and (await opened.catalogue.find_standing()).is_arriving:
            raise OperatorError([OTHER_ARRIVES])
    # Whoever uses it would be in the way at the end, when everything has been copied.
    async with target.replace():
        pass


async def _has_begun(directory: Path, source: str, resources: Resources) -> bool:
    """Whether a migration of ``source`` was begun there."""
    with _telling_of_the_journal(directory / _JOURNAL):
        return await resources.threads.disk.run(Journal.is_of, directory / _JOURNAL, source)


@asynccontextmanager
async def _open_journal(directory: Path, source: str, resources: Resources) -> AsyncIterator[Journal]:
    run, file = resources.threads.disk.run, directory / _JOURNAL
    opening = Journal.open(file, source)
    with _telling_of_the_journal(file):
        journal = await run(opening.__enter__)
        try:
            yield journal
        finally:
            await run(opening.__exit__, None, None, None)


@contextmanager
def _telling_of_the_journal(file: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as problem:
        raise OperatorError([f"{file} cannot be used: {problem}; mend that, then repeat this"]) from None
