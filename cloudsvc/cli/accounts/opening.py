"""Opening of accounts for commands: the drive and the store are opened beside a running server, which learns of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import frozen

from cloudsvc.access.throttling.counter import Counter
from cloudsvc.access.throttling.passwords import PasswordLimits
from cloudsvc.administration.progress import Progress
from cloudsvc.cli.drive.sessions import find_directory, find_drive, run
from cloudsvc.drive.locating import Locator
from cloudsvc.identity.passwords import Passwords
from cloudsvc.identity.session_resolving import Seen
from cloudsvc.identity.witness import Witness
from cloudsvc.settings.home import Home

if TYPE_CHECKING:
    from cloudsvc.server.drive_folders import DriveFolders
    from cloudsvc.server.identity import UseCases
    from cloudsvc.storage.identity.opening import OpenIdentityStore
    from cloudsvc.storage.resources import Resources

# What needs the database is imported late: `cloudsvc --help` and `cloudsvc health` do without.

T = TypeVar("T")


@frozen(kw_only=True)
class OpenAccounts:
    """
    Users, groups and keys, open.

    :ivar folders: of the drive.
    :ivar store: where they are kept.
    :ivar witness: says whether the store is the one that was there before.
    """

    cases: UseCases
    folders: DriveFolders
    store: OpenIdentityStore
    witness: Witness


def administer_accounts(home: Home, work: Callable[[OpenAccounts], Coroutine[Any, Any, T]]) -> T:
    """
    What ``work`` returns, done with the accounts of ``home``. A server may go on working with them.

    :raises OperatorError: they cannot be opened, or there is no drive.
    """
    from cloudsvc.server.drive_folders import DriveFolders  # noqa: PLC0415  # see above
    from cloudsvc.server.identity import UseCases  # noqa: PLC0415  # likewise
    from cloudsvc.storage.identity.opening import open_identity  # noqa: PLC0415  # likewise
    from cloudsvc.storage.identity.record import RECORD_NAME, FileRecord  # noqa: PLC0415  # likewise
    from cloudsvc.storage.opening import open_drive  # noqa: PLC0415  # likewise

    limits, engines = find_drive(home)

    async def go(resources: Resources, _: Progress) -> T:
        threads = resources.threads
        async with open_drive(find_directory(home), limits, resources, engines) as opened:
            # What is done here is done one after the other.
            store = await open_identity(
                home.data, engines, writer=threads.writer, readers=threads.readers, reactor=resources.reactor
            )
            try:
                witness = Witness(store=store, record=FileRecord(file=home.data / RECORD_NAME, threads=threads.writer))
                await witness.start()
                folders = DriveFolders(drive=opened.drive, locator=Locator(opened.catalogue))
                cases = UseCases.of(
                    store,
                    folders,
                    Passwords(threads.disk),
                    witness.settle,
                    seen=Seen(),
                    tries=PasswordLimits(Counter(None, time.time)),
                    is_trusted=lambda: witness.is_trusted,
                )
                return await work(OpenAccounts(cases=cases, folders=folders, store=store, witness=witness))
            finally:
                await store.close()

    return run(go)
