"""``cloudsvc backup``, ``restore`` and ``restore-accounts``."""

from __future__ import annotations

import os
import pathlib
import sys
from contextlib import AsyncExitStack
from typing import IO, TYPE_CHECKING, Final

import click

from cloudsvc.administration.backup import BackedUp, Backup
from cloudsvc.administration.progress import Progress
from cloudsvc.cli.drive.sessions import find_accounts, find_directory, find_drive, run
from cloudsvc.cli.faults import Command
from cloudsvc.cli.homes import pass_home
from cloudsvc.cli.units import format_count, format_size
from cloudsvc.core.errors import OperatorError
from cloudsvc.settings.home import Home

if TYPE_CHECKING:
    from cloudsvc.administration.restoration import Restored, RestoredAccounts
    from cloudsvc.storage.account_copies import AccountsIntake
    from cloudsvc.storage.resources import Resources

_STANDARD_OUTPUT: Final = pathlib.Path("-")

_file: Final = click.Path(dir_okay=False, path_type=pathlib.Path)


@click.command(cls=Command)
@click.argument("file", metavar="FILE", type=_file)
@click.option("--replace", is_flag=True, help="Put it in the place of an older one.")
@pass_home
def backup(home: Home, file: pathlib.Path, *, replace: bool) -> None:
    """
    Write everything to FILE: all files, versions, the trash, tags and dates; users, groups and keys.

    FILE is a tar archive, not compressed. It may run beside the server, and holds the drive as it was when it began.
    While it is written it is called FILE.part. `-` is standard output, for another program that takes it elsewhere.
    """

    from cloudsvc.storage.opening import open_drive  # noqa: PLC0415  # it needs the database

    limits, engines = find_drive(home)

    async def work(resources: Resources, progress: Progress) -> BackedUp:
        async with open_drive(find_directory(home), limits, resources, engines) as opened:
            writer = Backup(
                copies=opened.copies,
                blobs=opened.blobs,
                disk=opened.disk,
                now=opened.now,
                accounts=find_accounts(home, engines, resources),
            )
            if file != _STANDARD_OUTPUT:
                return await writer.write(pathlib.Path.cwd() / file, progress, replace=replace)
            with _open_output() as output:
                return await writer.pipe(output, progress)

    done = run(work)
    where = "written" if file == _STANDARD_OUTPUT else f"in {file}"
    click.echo(f"{format_count(done.blobs, 'blob')} with {format_size(done.size)} {where}", err=True)


@click.command(cls=Command)
@click.argument("file", metavar="FILE", type=_file)
@click.option("--replace", is_flag=True, help="Put it in the place of what the drive holds, which is kept aside.")
@click.option("--without-accounts", is_flag=True, help="Leave users, groups and keys as they are.")
@click.option("--keep-credentials", is_flag=True, help="Keys and passwords of the backup are good again.")
@pass_home
def restore(home: Home, file: pathlib.Path, *, replace: bool, without_accounts: bool, keep_credentials: bool) -> None:
    """
    Make the drive what it was when the backup FILE was written, and the users, groups and keys, if it has any.

    The server must be stopped. Everything in FILE is verified before anything changes. Keys and passwords that are
    restored are no good any more, since some may have been revoked since, unless you say --keep-credentials.
    """
    from cloudsvc.administration.restoration import restore_backup  # noqa: PLC0415  # it needs the database

    _, engines = find_drive(home)
    directory = find_directory(home)

    async def work(resources: Resources, progress: Progress) -> Restored:
        async with AsyncExitStack() as stack:
            intake: AccountsIntake | None = None
            if not without_accounts:
                intake = await stack.enter_async_context(find_accounts(home, engines, resources).receive())
            return await restore_backup(
                pathlib.Path.cwd() / file,
                directory,
                resources,
                progress,
                replace=replace,
                engines=engines,
                accounts=intake,
                ends_credentials=not keep_credentials,
            )

    restored = run(work)
    click.echo(f"{format_count(restored.blobs, 'blob')} with {format_size(restored.size)} restored", err=True)
    _tell_kept(restored.kept)
    if restored.accounts is not None:
        _tell_accounts(restored.accounts, keep_credentials=keep_credentials)


@click.command(cls=Command, name="restore-accounts")
@click.argument("file", metavar="FILE", type=_file)
@click.option("--keep-credentials", is_flag=True, help="Keys and passwords of the backup are good again.")
@pass_home
def restore_accounts(home: Home, file: pathlib.Path, *, keep_credentials: bool) -> None:
    """
    Make the users, groups and keys what they were when the backup FILE was written, and leave the drive alone.

    It may run beside the server. Everything in FILE is verified before anything changes.
    """
    from cloudsvc.administration import restoration  # noqa: PLC0415  # it needs the database

    _, engines = find_drive(home)

    async def work(resources: Resources, progress: Progress) -> RestoredAccounts:
        async with find_accounts(home, engines, resources).receive() as intake:
            return await restoration.restore_accounts(
                pathlib.Path.cwd() / file,
                resources.threads.disk,
                progress,
                accounts=intake,
                ends_credentials=not keep_credentials,
            )

    _tell_accounts(run(work), keep_credentials=keep_credentials)


def _tell_accounts(restored: RestoredAccounts, *, keep_credentials: bool) -> None:
    ended = "" if keep_credentials else "; their keys and passwords are no good any more: give new ones"
    click.echo(f"users, groups and keys restored{ended}", err=True)
    _tell_kept(restored.kept)


def _tell_kept(kept: str | None) -> None:
    if kept is not None:
        click.echo(f"what was there before is in {kept}: delete it when you do not need it any more", err=True)


def _open_output() -> IO[bytes]:
    """
    Standard output, without a buffer.

    :raises OperatorError: it is closed, or somebody looks at it.
    """
    if sys.stdout is None:
        raise OperatorError(["standard output is closed; name a file"])
    if sys.stdout.isatty():
        raise OperatorError(["a backup is nothing to look at; redirect it, or name a file"])
    return os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0)
