"""``cloudsvc group``."""

from __future__ import annotations

import click

from cloudsvc.cli.accounts.opening import OpenAccounts, administer_accounts
from cloudsvc.cli.accounts.options import role_argument
from cloudsvc.cli.accounts.printing import PAGE, describe_grants, print_lines
from cloudsvc.cli.faults import Group
from cloudsvc.cli.homes import pass_home
from cloudsvc.core.actors import OWNER, Role
from cloudsvc.settings.home import Home


@click.group(cls=Group)
def group() -> None:
    """Groups: named sets of roles on folders."""


@group.command("add")
@click.argument("name")
@pass_home
def add_group(home: Home, name: str) -> None:
    """Add a group."""
    administer_accounts(home, lambda opened: opened.cases.directory.add_group(OWNER, name))


@group.command("list")
@pass_home
def list_groups(home: Home) -> None:
    """List groups, and what who is in them may do on folders."""

    async def work(opened: OpenAccounts) -> list[str]:
        directory, lines, after = opened.cases.directory, [], ""
        while groups := await directory.list_groups(OWNER, PAGE, after=after):
            for each in groups:
                lines += [str(each.name), *await describe_grants(opened, each.grants)]
            after = groups[-1].name.key
        return lines

    print_lines(administer_accounts(home, work))


@group.command("remove")
@click.argument("name")
@pass_home
def remove_group(home: Home, name: str) -> None:
    """Remove a group; who was in it has its roles no more."""
    administer_accounts(home, lambda opened: opened.cases.directory.remove_group(OWNER, name))


@group.command("grant")
@click.argument("name")
@role_argument
@click.argument("folder")
@pass_home
def grant_group_role(home: Home, name: str, role: str, folder: str) -> None:
    """Give a group a role on a folder."""
    administer_accounts(home, lambda opened: opened.cases.directory.grant_group_role(OWNER, name, folder, Role(role)))


@group.command("withdraw")
@click.argument("name")
@click.argument("folder")
@pass_home
def withdraw_group_role(home: Home, name: str, folder: str) -> None:
    """Take from a group what it has on a folder itself."""

    async def work(opened: OpenAccounts) -> None:
        number = await opened.folders.find(OWNER, folder)
        await opened.cases.directory.withdraw_group_role(OWNER, name, number)

    administer_accounts(home, work)
