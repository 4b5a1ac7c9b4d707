"""``cloudsvc migrate``."""

from __future__ import annotations

import pathlib
from typing import TYPE_CHECKING, Final

import click

from cloudsvc.administration.progress import Progress
from cloudsvc.cli.drive.sessions import find_accounts, find_directory, find_drive, run
from cloudsvc.cli.faults import Command
from cloudsvc.cli.homes import pass_home
from cloudsvc.cli.units import format_count, format_size
from cloudsvc.core.errors import OperatorError
from cloudsvc.settings.home import Home

if TYPE_CHECKING:
    from cloudsvc.administration.migration import Migrated
    from cloudsvc.storage.resources import Resources

_KEPT_ACCOUNTS: Final = (
    "the other home has users, groups and keys already, which stay; `cloudsvc restore-accounts` replaces them"
)


@click.command(cls=Command)
@click.option(
    "--to", "destination", metavar="DIR", type=click.Path(path_type=pathlib.Path), help="The home that gets the drive."
)
@click.option("--reopen", is_flag=True, help="Let a drive that has moved take changes again, where it was.")
@pass_home
def migrate(home: Home, *, destination: pathlib.Path | None, reopen: bool) -> None:
    """
    Move the drive to another home, whose configuration names other engines.

    The servers of this home go on. At the end, while the last of it is copied, they refuse changes, and when it is done
    they do so for good: start servers at the other home then. What was interrupted is repeated, and goes on where it
    was. The other home is described by its own config/config.json and .env, and not by the environment.
    """
    if reopen == (destination is not None):
        raise OperatorError(["say either --to DIR, the home that gets the drive, or --reopen"])
    if destination is None:
        _reopen(home)
    else:
        _migrate(home, Home(root=pathlib.Path.cwd() / destination))


def _migrate(home: Home, other: Home) -> None:
    from cloudsvc.administration.moving_house import Residence, migrate_drive  # noqa: PLC0415  # it needs the database
    from cloudsvc.storage.account_copies import move_accounts  # noqa: PLC0415  # likewise

    if not other.config_file.exists():
        raise OperatorError([f"{other.config_file} is missing: make the home with `cloudsvc init {other.root}`"])
    limits, engines = find_drive(home)
    new_limits, new_engines = find_drive(other, environ={})
    source = Residence(directory=find_directory(home), engines=engines, limits=limits)
    target = Residence(directory=find_directory(other), engines=new_engines, limits=new_limits)

    async def work(resources: Resources, progress: Progress) -> tuple[Migrated, bool | None]:
        done = await migrate_drive(source, target, resources, progress)
        # Grants hang on folders by their ids: they come when these have come, and before anybody starts a server there.
        there = find_accounts(other, new_engines, resources)
        return done, await move_accounts(find_accounts(home, engines, resources), there)

    done, has_accounts = run(work)
    held = f"{format_count(done.stock.files, 'file')}: {format_count(done.stock.blobs, 'blob')}"
    copied = f"{format_size(done.stock.size)}, {format_size(done.copied.size)} of them copied now"
    if done.frozen_seconds is None:
        click.echo(
            f"moved {held}, {format_size(done.stock.size)}, by an earlier command, which was interrupted", err=True
        )
    else:
        click.echo(f"moved {held} with {copied}; changes were refused for {done.frozen_seconds:.1f} s", err=True)
    if done.kept is not None:
        click.echo(f"what was there before is in {done.kept}: delete it when you do not need it any more", err=True)
    if has_accounts is not None:
        click.echo("moved users, groups and keys" if has_accounts else _KEPT_ACCOUNTS, err=True)
    click.echo(f"{home.root} takes no changes any more; start the server at {other.root}", err=True)


def _reopen(home: Home) -> None:
    from cloudsvc.administration.moving_house import Residence, reopen_drive  # noqa: PLC0415  # as above

    limits, engines = find_drive(home)
    residence = Residence(directory=find_directory(home), engines=engines, limits=limits)
    if run(lambda resources, _: reopen_drive(residence, resources)):
        click.echo("the drive takes changes again; see that nobody uses it at another home", err=True)
    else:
        click.echo("the drive has taken changes all along", err=True)
