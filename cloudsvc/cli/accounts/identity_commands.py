"""``cloudsvc identity``."""

from __future__ import annotations

import click

from cloudsvc.cli.accounts.opening import administer_accounts
from cloudsvc.cli.faults import Group
from cloudsvc.cli.homes import pass_home
from cloudsvc.settings.home import Home


@click.group(cls=Group)
def identity() -> None:
    """The accounts as a whole."""


@identity.command("accept")
@click.option("--keep-keys", is_flag=True, help="Let keys and passwords in as they are, revoked ones perhaps too.")
@pass_home
def accept(home: Home, *, keep_keys: bool) -> None:
    """
    Trust accounts that were put back from a copy, after looking through them.

    All keys and passwords in them end, unless they are to be kept.
    """
    administer_accounts(home, lambda opened: opened.witness.accept(void=not keep_keys))
