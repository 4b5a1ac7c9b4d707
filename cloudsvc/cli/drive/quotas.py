"""``cloudsvc quota``."""

from __future__ import annotations

from collections.abc import Sequence

import click

from cloudsvc.administration.progress import Progress
from cloudsvc.cli.drive.sessions import administer
from cloudsvc.cli.faults import Command
from cloudsvc.cli.homes import pass_home
from cloudsvc.cli.units import format_size, parse_quota
from cloudsvc.core.actors import OWNER
from cloudsvc.drive.accounts import Quota
from cloudsvc.drive.names import parse_path
from cloudsvc.settings.home import Home
from cloudsvc.storage.opened import OpenedDrive


@click.command(cls=Command)
@click.argument("folder", metavar="[FOLDER]", required=False)
@click.argument("size", metavar="[SIZE]", required=False)
@click.option("--recount", is_flag=True, help="Count anew what users have stored, where `verify` says so.")
@pass_home
def quota(home: Home, folder: str | None, size: str | None, *, recount: bool) -> None:
    """
    Say how much may be stored in FOLDER, or list the folders with a quota.

    SIZE is in bytes, or such as 500MiB or 1.5GiB; `none` ends the quota, and what is in the folder counts to the next
    one above it again. Old versions and the trash count, and make way when room is short; what is in a folder with a
    quota of its own does not count. It may run beside the server.
    """
    parsed = None if size is None else parse_quota(size)
    path = None if folder is None else parse_path(folder)

    async def work(opened: OpenedDrive, _: Progress) -> Sequence[Quota]:
        if recount:
            await opened.catalogue.recount_payers()
        if path is not None and size is not None:
            await opened.drive.set_quota(OWNER, path, parsed)
        return [each for each in await opened.catalogue.list_quotas() if path is None or each.path == path]

    for each in administer(home, work):
        account = each.account
        click.echo(f"{format_size(account.stored_bytes)} of {format_size(account.quota)} stored in {str(each.path)!r}")
