"""The ``cloudsvc`` command with all its subcommands."""

from __future__ import annotations

import click

from cloudsvc import __version__
from cloudsvc.cli.certificate import generate_certificate
from cloudsvc.cli.config import config
from cloudsvc.cli.faults import Group
from cloudsvc.cli.health import health
from cloudsvc.cli.homes import home_option
from cloudsvc.cli.init import init
from cloudsvc.cli.token import generate_new_token


class _Main(Group):
    """Loads the commands of the drive when one of them is asked for, or the list of all."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        self._load()
        return super().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.commands:
            self._load()
        return super().get_command(ctx, cmd_name)

    def _load(self) -> None:
        from cloudsvc.cli.drive.commands import COMMANDS  # noqa: PLC0415  # `cloudsvc health` runs every few seconds

        for command in COMMANDS:
            self.add_command(command)


@click.group(cls=_Main, commands=[init, config, generate_new_token, generate_certificate, health])
@home_option
@click.version_option(__version__, prog_name="cloudsvc", message="%(prog)s %(version)s")
@click.pass_context
def main(context: click.Context, home: str | None) -> None:
    """Look after the home of a server. `twistd -n cloudsvc` runs it."""
    context.obj = home
