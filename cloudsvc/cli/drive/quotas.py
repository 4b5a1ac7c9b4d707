"""``cloudsvc quota``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import click

from cloudsvc.administration.progress import Progress
from cloudsvc.cli.drive.sessions import administer
from cloudsvc.cli.faults import Command
from cloudsvc.cli.homes import pass_home
from cloudsvc.cli.units import format_size
from cloudsvc.core.actors import OWNER
from cloudsvc.drive.accounts import Quota
from cloudsvc.drive.names import parse_path
from cloudsvc.settings.home import Home
from cloudsvc.storage.opened import OpenedDrive

_SIZE: Final = re.compile(r"([0-9]{1,16}(?:\.[0-9]{1,9})?) ?([KMGTP]iB|B|)")
_PREFIXES: Final = " KMGTP"
_MOST: Final = 2**62

_NONE: Final = "none"
"""The size that ends a quota."""


@click.command(cls=Command)
@click.argument("folder", metavar="[FOLDER]", required=False)
@click.argument("size", metavar="[SIZE]", required=False)
@pass_home
def quota(home: Home, folder: str | None, size: str | None) -> None:
    """
    Say how much may be stored in FOLDER, or list the folders with a quota.

    SIZE is in bytes, or such as 500MiB or 1.5GiB; `none` ends the quota, and what is in the folder counts to the next
    one above it again. Old versions and the trash count, and make way when room is short; what is in a folder with a
    quota of its own does not count. It may run beside the server.
    """
    parsed = None if size is None or size == _NONE else _parse_size(size)
    path = None if folder is None else parse_path(folder)

    async def work(opened: OpenedDrive, _: Progress) -> Sequence[Quota]:
        if path is not None and size is not None:
            await opened.drive.set_quota(OWNER, path, parsed)
        return [each for each in await opened.catalogue.list_quotas() if path is None or each.path == path]

    for each in administer(home, work):
        account = each.account
        click.echo(f"{format_size(account.stored_bytes)} of {format_size(account.quota)} stored in {str(each.path)!r}")


def _parse_size(text: str) -> int:
    """
    A size in bytes.

    :raises click.BadParameter: it is none.
    """
    found = _SIZE.fullmatch(text)
    if found is not None:
        number, unit = found.groups()
        size = int(Decimal(number) * 1024 ** (_PREFIXES.index(unit[0]) if len(unit) > 1 else 0))
        if size <= _MOST:
            return size
    raise click.BadParameter(
        f"{text!r} is no size; write one such as 1048576, 500MiB or 1.5GiB, or {_NONE}", param_hint="SIZE"
    )
