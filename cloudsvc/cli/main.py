"""``cloudsvc``, with all its commands."""

from __future__ import annotations

from typing import Final

import click

from cloudsvc import __version__
from cloudsvc.cli.certificate import generate_certificate
from cloudsvc.cli.config import config
from cloudsvc.cli.drive.commands import backup, export, gc, import_, restore, stats, verify
from cloudsvc.cli.faults import Group
from cloudsvc.cli.health import health
from cloudsvc.cli.homes import home_option
from cloudsvc.cli.init import init
from cloudsvc.cli.token import generate_new_token

_SERVER: Final = [init, config, generate_new_token, generate_certificate, health]
_DRIVE: Final = [stats, verify, gc, backup, restore, export, import_]


@click.group(cls=Group, commands=[*_SERVER, *_DRIVE])
@home_option
@click.version_option(__version__, prog_name="cloudsvc", message="%(prog)s %(version)s")
@click.pass_context
def main(context: click.Context, home: str | None) -> None:
    """Look after the home of a server. `twistd -n cloudsvc` runs it."""
    context.obj = home
