"""``cloudsvc token``."""

from __future__ import annotations

import click

from cloudsvc.cli.accounts.opening import OpenAccounts, administer_accounts
from cloudsvc.cli.faults import Group
from cloudsvc.cli.homes import pass_home
from cloudsvc.core.actors import OWNER
from cloudsvc.core.errors import OperatorError
from cloudsvc.settings.home import Home


@click.group(cls=Group)
def token() -> None:
    """The owner's token: switch it off where others manage the accounts. `generate-new-token` makes another one."""


@token.command("status")
@pass_home
def show_status(home: Home) -> None:
    """Say whether it is on or off."""

    async def work(opened: OpenAccounts) -> bool:
        return opened.witness.refuses_owner

    click.echo("off" if administer_accounts(home, work) else "on")


@token.command("disable")
@pass_home
def disable(home: Home) -> None:
    """
    Refuse the token. A running server does so within a second, and ends what is under way by it.

    A user has to be manager of the root folder, with a password or a key that never ends.
    """
    administer_accounts(home, lambda opened: opened.cases.owner_switch.switch_off(OWNER))


@token.command("enable")
@pass_home
def enable(home: Home) -> None:
    """Let the token in again."""

    async def work(opened: OpenAccounts) -> bool:
        await opened.cases.owner_switch.switch_on(OWNER)
        return opened.witness.refuses_owner

    if administer_accounts(home, work):
        problem = "the accounts are older than those in which the token was switched off, so it is refused as before"
        raise OperatorError([f"{problem}; see who may do what, and say `cloudsvc identity accept`"])
