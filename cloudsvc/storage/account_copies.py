"""Copies of the accounts of a home, for backups, and their return."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from attrs import frozen
from sqlalchemy.exc import SQLAlchemyError

from cloudsvc.core.durable_files import open_unlinked, publish, sync_file
from cloudsvc.core.errors import OperatorError
from cloudsvc.drive.replacement import Unusable
from cloudsvc.identity.revisions import NEVER
from cloudsvc.storage.database.migration import NewerSchema
from cloudsvc.storage.database.sqlite.connections import OWNER_ONLY
from cloudsvc.storage.engines import Engines
from cloudsvc.storage.identity.interchange import examine
from cloudsvc.storage.identity.opening import OpenIdentityStore, open_identity
from cloudsvc.storage.identity.record import RECORD_NAME, FileRecord
from cloudsvc.storage.identity.sqlite import NAME
from cloudsvc.storage.resources import Resources
from cloudsvc.storage.work_directories import OwnPlace


@frozen(kw_only=True)
class AccountsCopy:
    """
    All accounts of one moment, as an SQLite database.

    :ivar content: from its beginning.
    :ivar size: in bytes.
    """

    content: IO[bytes]
    size: int


@frozen(kw_only=True)
class Accounts:
    """
    The accounts of a home, which a server may have open as well.

    :ivar data: the directory of the home in which they are, where they are in a file.
    :ivar work: a directory for copies that come and go, which is made.
    :ivar engines: of the drive.
    """

    data: Path
    work: Path
    engines: Engines
    resources: Resources

    @asynccontextmanager
    async def copy(self) -> AsyncIterator[AccountsCopy | None]:
        """
        A copy, for as long as the context lasts; ``None`` where there have never been any.

        :raises OperatorError: they cannot be opened.
        :raises CloudError: they cannot be copied.
        """
        run = self.resources.threads.disk.run
        place = await run(OwnPlace.make, self.work)
        try:
            file = place.directory / NAME
            async with self._open_begun() as store:
                if store is not None:
                    await store.copy(file)
            if store is None:
                yield None
                return
            with await run(file.open, "rb") as content:
                yield AccountsCopy(content=content, size=os.fstat(content.fileno()).st_size)
        finally:
            await run(place.remove)

    @asynccontextmanager
    async def receive(self) -> AsyncIterator[AccountsIntake]:
        """A way to have them replaced, for as long as the context lasts."""
        run = self.resources.threads.disk.run
        place = await run(OwnPlace.make, self.work)
        try:
            yield AccountsIntake(accounts=self, directory=place.directory)
        finally:
            await run(place.remove)

    async def replace(self, source: Path, *, ends_credentials: bool) -> Path | None:
        """
        Let them be those of an examined file.

        :return: where those are that were there before; ``None`` where there were none.
        :raises OperatorError: it cannot be done. They are what they were.
        :raises CloudError: likewise.
        """
        run = self.resources.threads.disk.run
        kept: Path | None = None
        async with self._open() as store:
            if (await store.find_standing()).revision != NEVER:
                moment = datetime.fromtimestamp(self.resources.now() // 1_000_000, UTC)
                kept = self.data / f"accounts-before-{moment.strftime('%Y%m%dT%H%M%SZ')}.sqlite3"
                await store.copy(source.with_name("former"))
                await run(_keep, source.with_name("former"), kept)
            standing = await store.replace(source, ends_credentials=ends_credentials)
            if standing.restriction is not None:
                # An administrator has said so: these are the ones from now on.
                await FileRecord(file=self.data / RECORD_NAME, threads=self.resources.threads.disk).write(
                    standing.restriction
                )
        return kept

    async def have_begun(self) -> bool:
        """
        Whether there are any, or have been.

        :raises OperatorError: they cannot be opened.
        """
        async with self._open_begun() as store:
            return store is not None

    @asynccontextmanager
    async def _open_begun(self) -> AsyncIterator[OpenIdentityStore | None]:
        """The store; ``None`` where there have never been accounts, for whose sake no file of it is made."""
        if self.engines.database is None and not await self.resources.threads.disk.run((self.data / NAME).exists):
            yield None
            return
        async with self._open() as store:
            yield store if (await store.find_standing()).revision != NEVER else None

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[OpenIdentityStore]:
        threads = self.resources.threads
        store = await open_identity(
            self.data, self.engines, writer=threads.writer, readers=threads.readers, reactor=self.resources.reactor
        )
        try:
            yield store
        finally:
            await store.close()


@frozen(kw_only=True)
class AccountsIntake:
    """
    Accounts that are about to replace those of a home.

    :ivar directory: where they are meanwhile, examined.
    """

    accounts: Accounts
    directory: Path

    async def take(self, content: IO[bytes]) -> None:
        """
        Take in what :meth:`Accounts.copy` has given, or anybody else.

        :raises Unusable: this program could not have written it.
        :raises OperatorError: it cannot be taken in.
        """
        with _telling():
            await self.accounts.resources.threads.disk.run(_receive, content, self.directory)

    async def install(self, *, ends_credentials: bool) -> Path | None:
        """As :meth:`Accounts.replace`, by what was taken in."""
        return await self.accounts.replace(self.directory / NAME, ends_credentials=ends_credentials)


async def move_accounts(source: Accounts, target: Accounts) -> bool | None:
    """
    Bring accounts to a home that has none yet, whatever the engines, with their keys and passwords.

    :return: whether they were brought; ``None`` where there are none to bring. Those that the other home has stay.
    :raises OperatorError: it cannot be done. The other home has what it had.
    :raises CloudError: likewise.
    """
    async with source.copy() as copy, target.receive() as intake:
        if copy is None:
            return None
        if await target.have_begun():
            return False
        try:
            await intake.take(copy.content)
        except Unusable as problem:
            raise OperatorError([f"the accounts cannot be moved: {problem}"]) from None
        await intake.install(ends_credentials=False)
        return True


@contextmanager
def _telling() -> Iterator[None]:
    try:
        yield
    except NewerSchema:
        raise Unusable("a newer program has written its accounts; restore them with that program") from None
    except (ValueError, sqlite3.Error, SQLAlchemyError) as problem:
        raise Unusable(f"its accounts are damaged ({problem})") from None
    except OSError as problem:
        raise OperatorError([f"the accounts cannot be taken in: {problem.strerror}; nothing was replaced"]) from None


def _receive(content: IO[bytes], directory: Path) -> None:
    file = directory / NAME
    with os.fdopen(open_unlinked(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY), "wb") as copy:
        shutil.copyfileobj(content, copy)
    examine(file, directory)


def _keep(copy: Path, destination: Path) -> None:
    sync_file(copy)
    publish(copy, destination)
