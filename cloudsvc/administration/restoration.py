"""Restoration of a drive from a backup."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from attrs import define, evolve, frozen

from cloudsvc.administration.archive import ACCOUNTS_NAME, CATALOGUE_NAME, BadArchive, name_blob, read_archive
from cloudsvc.administration.faults import DriveNotEmptyError
from cloudsvc.administration.progress import Progress
from cloudsvc.core.errors import OperatorError
from cloudsvc.core.threads import ThreadRunner
from cloudsvc.drive.freezing import Beginning
from cloudsvc.drive.nodes import Blob
from cloudsvc.drive.replacement import Replacement, Unusable
from cloudsvc.storage.account_copies import AccountsIntake
from cloudsvc.storage.engine_replacement import open_any_replacement
from cloudsvc.storage.engines import LOCAL, Engines
from cloudsvc.storage.resources import Resources

_PIECE: Final = 1024 * 1024


@frozen(kw_only=True)
class Restored:
    """
    What a drive consists of now.

    :ivar kept: where all is that was there before; ``None`` where nothing was.
    :ivar accounts: what became of the accounts; ``None`` where the backup has none, or they were left as they are.
    """

    blobs: int
    size: int
    kept: str | None
    accounts: RestoredAccounts | None = None


@frozen(kw_only=True)
class RestoredAccounts:
    """
    Accounts that are now those of a backup.

    :ivar kept: where those are that were there before; ``None`` where there were none.
    """

    kept: str | None


async def restore_backup(
    file: Path,
    directory: Path,
    resources: Resources,
    progress: Progress,
    *,
    replace: bool,
    engines: Engines = LOCAL,
    accounts: AccountsIntake | None = None,
    ends_credentials: bool = True,
) -> Restored:
    """
    Make the drive in ``directory``, or wherever ``engines`` keep it, what ``file`` holds: :meth:`Restoration.run`.

    :param accounts: takes in those of the backup; ``None`` where they are to stay as they are.
    :param ends_credentials: whether no key and no password of them is any good from now on.
    :raises OperatorError: likewise.
    """
    async with open_any_replacement(directory, engines, resources) as replacement:
        restored = await Restoration(replacement=replacement, disk=resources.threads.disk, accounts=accounts).run(
            file, progress, replace=replace
        )
    if accounts is None or restored.accounts is None:
        return restored
    # The drive is what it was: grants hang on folders by their ids, which are those of the backup.
    kept = await accounts.install(ends_credentials=ends_credentials)
    return evolve(restored, accounts=RestoredAccounts(kept=None if kept is None else str(kept)))


async def restore_accounts(
    file: Path, disk: ThreadRunner, progress: Progress, *, accounts: AccountsIntake, ends_credentials: bool = True
) -> RestoredAccounts:
    """
    Make the accounts of a home what ``file`` holds, and leave its drive alone. All of ``file`` is verified before.

    :param ends_credentials: as for :func:`restore_backup`.
    :raises OperatorError: it cannot be done, and why. Nothing has changed.
    """
    with _telling(file):
        with await _open(file, disk) as stream:
            progress.begin("unpacking", os.fstat(stream.fileno()).st_size)
            members = _Members(disk=disk, members=read_archive(stream), progress=progress, accounts=accounts)
            await members.pass_all()
        if not members.has_accounts:
            raise BadArchive("it has no accounts")
    kept = await accounts.install(ends_credentials=ends_credentials)
    return RestoredAccounts(kept=None if kept is None else str(kept))


@frozen(kw_only=True)
class Restoration:
    """
    Takes an archive apart, and has a storage replaced by what is in it.

    :ivar accounts: takes in the accounts, which whoever has made it installs; ``None`` where they are passed over.
    """

    replacement: Replacement
    disk: ThreadRunner
    accounts: AccountsIntake | None = None

    async def run(self, file: Path, progress: Progress, *, replace: bool) -> Restored:
        """
        Make the drive what ``file`` holds, in one step after everything in it has been verified.

        Change numbers begin a new epoch, so that whoever follows the changes begins anew.

        :param replace: whether the drive may have held anything. Storages that outlive the program keep that aside.
        :raises OperatorError: it cannot be done, and why. Nothing has changed.
        """
        if not self.replacement.is_empty and not replace:
            raise DriveNotEmptyError(["the drive holds files"])
        with _telling(file), await _open(file, self.disk) as stream:
            progress.begin("unpacking", os.fstat(stream.fileno()).st_size)
            return await self._restore(
                _Members(disk=self.disk, members=read_archive(stream), progress=progress, accounts=self.accounts)
            )

    async def _restore(self, members: _Members) -> Restored:
        await self.replacement.take(await members.find_catalogue(), members.find_blob, Beginning())
        await members.expect_end()
        return Restored(
            blobs=members.blobs,
            size=members.size,
            kept=await self.replacement.install(),
            accounts=RestoredAccounts(kept=None) if members.has_accounts and self.accounts is not None else None,
        )


@define(eq=False, kw_only=True)
class _Members:
    """
    Those of an archive, in their order.

    :ivar accounts: takes in the accounts; ``None`` where they are passed over.
    :ivar blobs: how many were found; ``size`` is that of all of them.
    :ivar has_accounts: whether accounts were found.
    """

    disk: ThreadRunner
    members: Iterator[tuple[str, int, IO[bytes]]]
    progress: Progress
    accounts: AccountsIntake | None = None
    blobs: int = 0
    size: int = 0
    has_accounts: bool = False

    async def find_catalogue(self) -> IO[bytes]:
        name, size, content = await self._go_on()
        if name != CATALOGUE_NAME or content is None:
            raise BadArchive("it has no catalogue")
        self.progress.advance(size)
        return content

    async def find_blob(self, blob: Blob) -> IO[bytes]:
        name, size, content = await self._go_on()
        if name != name_blob(blob.id) or size != blob.size or content is None:
            raise BadArchive(f"its catalogue speaks of blob {blob.id}, which is missing")
        self.progress.advance(size)
        self.blobs, self.size = self.blobs + 1, self.size + size
        return content

    async def expect_end(self) -> None:
        """Only behind the last member is it known that none was altered."""
        name, size, content = await self._go_on()
        if content is not None and name == ACCOUNTS_NAME:
            await self._take_accounts(size, content)
            name, _, content = await self._go_on()
        if content is not None:
            raise BadArchive(f"its catalogue does not speak of {name!r}")

    async def pass_all(self) -> None:
        """Take the accounts, and verify everything else."""
        while True:
            name, size, content = await self._go_on()
            if content is None:
                return
            if name == ACCOUNTS_NAME:
                await self._take_accounts(size, content)
            else:
                await self.disk.run(_pass, content)
                self.progress.advance(size)

    async def _take_accounts(self, size: int, content: IO[bytes]) -> None:
        self.has_accounts = True
        if self.accounts is None:
            await self.disk.run(_pass, content)
        else:
            await self.accounts.take(content)
        self.progress.advance(size)

    async def _go_on(self) -> tuple[str, int, IO[bytes] | None]:
        return await self.disk.run(next, self.members, ("", 0, None))


@contextmanager
def _telling(file: Path) -> Iterator[None]:
    try:
        yield
    except (BadArchive, Unusable) as problem:
        raise OperatorError([f"{file} is no whole backup: {problem}; nothing has changed"]) from None


async def _open(file: Path, disk: ThreadRunner) -> IO[bytes]:
    try:
        return await disk.run(file.open, "rb")
    except OSError as problem:
        raise OperatorError([f"{file}: {problem.strerror}; nothing was replaced"]) from None


def _pass(content: IO[bytes]) -> None:
    while content.read(_PIECE):
        pass
