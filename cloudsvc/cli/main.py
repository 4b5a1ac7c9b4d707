"""The ``cloudsvc`` command with all its subcommands."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Final

import click

from cloudsvc import __version__
from cloudsvc.cli.faults import Group
from cloudsvc.cli.options import home_option

_PLACES: Final[Mapping[str, tuple[str, str]]] = {
    "init": ("cloudsvc.cli.init", "init"),
    "config": ("cloudsvc.cli.config", "config"),
    "generate-new-token": ("cloudsvc.cli.token", "generate_new_token"),
    "generate-certificate": ("cloudsvc.cli.certificate", "generate_certificate"),
    "health": ("cloudsvc.cli.health", "health"),
    "remote": ("cloudsvc.cli.remote.sharing", "remote"),
    "user": ("cloudsvc.cli.accounts.subject_commands", "user"),
    "group": ("cloudsvc.cli.accounts.group_commands", "group"),
    "key": ("cloudsvc.cli.accounts.key_commands", "key"),
    "token": ("cloudsvc.cli.accounts.token_commands", "token"),
    "link": ("cloudsvc.cli.accounts.link_commands", "link"),
    "session": ("cloudsvc.cli.accounts.session_commands", "session"),
    "webhook": ("cloudsvc.cli.accounts.webhook_commands", "webhook"),
    "audit": ("cloudsvc.cli.audit", "audit"),
    "identity": ("cloudsvc.cli.accounts.identity_commands", "identity"),
}
"""Module and name of each command but those of the drive. Each loads what it needs, which is little for some."""


class _Main(Group):
    """Loads a command when it is asked for: ``health`` runs every few seconds, and ``remote`` without a server."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        self._load_drive()
        for name in _PLACES:
            self._load(name)
        return super().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in _PLACES:
            self._load(cmd_name)
        elif cmd_name not in self.commands:
            self._load_drive()
        return super().get_command(ctx, cmd_name)

    def _load(self, name: str) -> None:
        module, attribute = _PLACES[name]
        self.add_command(getattr(import_module(module), attribute))

    def _load_drive(self) -> None:
        from cloudsvc.cli.drive.commands import COMMANDS  # noqa: PLC0415  # they need all that the drive needs

        for command in COMMANDS:
            self.add_command(command)


@click.group(cls=_Main)
@home_option
@click.version_option(__version__, prog_name="cloudsvc", message="%(prog)s %(version)s")
@click.pass_context
def main(context: click.Context, home: str | None) -> None:
    """Look after the home of a server. `twistd -n cloudsvc` runs it."""
    context.obj = home
