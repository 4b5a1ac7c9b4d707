"""``cloudsvc user``, but for who they are to identity providers."""

from __future__ import annotations

from collections.abc import Sequence

import click

from cloudsvc.cli.accounts.opening import OpenAccounts, administer_accounts
from cloudsvc.cli.accounts.options import role_argument
from cloudsvc.cli.accounts.printing import PAGE, describe_grants, print_lines
from cloudsvc.cli.faults import Group
from cloudsvc.cli.homes import pass_home
from cloudsvc.cli.options import ask_password
from cloudsvc.cli.units import format_size, parse_quota
from cloudsvc.core.actors import OWNER, Role
from cloudsvc.identity.directory import UserFields
from cloudsvc.identity.factors import has_factors
from cloudsvc.settings.home import Home


@click.group(cls=Group)
def user() -> None:
    """Users: add, list, change, remove, and what they may do on folders."""


@user.command("add")
@click.argument("name")
@click.option("--display-name", help="For people.")
@click.option("--group", "groups", multiple=True, help="A group that they are in; any number of times.")
@click.option("--password", is_flag=True, help="Ask for a password.")
@pass_home
def add_user(home: Home, name: str, display_name: str | None, groups: Sequence[str], *, password: bool) -> None:
    """Add a user. The name never changes, and is never given to anybody else."""
    asked = ask_password(wanted=password)
    fields = UserFields(display_name=display_name, groups=groups or None, password=asked)
    administer_accounts(home, lambda opened: opened.cases.directory.add_user(OWNER, name, fields))


@user.command("list")
@pass_home
def list_users(home: Home) -> None:
    """List users, and what they may do on folders."""

    async def work(opened: OpenAccounts) -> list[str]:
        directory, lines, after = opened.cases.directory, [], ""
        while users := await directory.list_users(OWNER, PAGE, after=after):
            stored = await directory.count_bytes(OWNER, users)
            for each in users:
                marks = {"disabled": each.is_disabled, "second factor": has_factors(each.factors_set)}
                told = [mark for mark, is_so in marks.items() if is_so]
                state = f" ({', '.join(told)})" if told else ""
                used = _describe_use(stored[str(each.name)], each.quota)
                lines += [f"{each.name}{state}{used}", *await describe_grants(opened, each.grants)]
            after = users[-1].name.key
        return lines

    print_lines(administer_accounts(home, work))


@user.command("quota")
@click.argument("name")
@click.argument("size", required=False)
@pass_home
def set_quota(home: Home, name: str, size: str | None) -> None:
    """
    Say how much may be stored on behalf of a user, or show it; SIZE is such as 1048576, 500MiB or 1.5GiB, or `none`.

    What they have stored already stays, be it more.
    """
    quota = None if size is None else parse_quota(size)

    async def work(opened: OpenAccounts) -> str:
        directory = opened.cases.directory
        found = await directory.find_user(OWNER, name)
        if size is not None:
            found = await directory.edit_user(OWNER, name, UserFields(quota=-1 if quota is None else quota))
        stored = await directory.count_bytes(OWNER, (found,))
        return f"{found.name}{_describe_use(stored[str(found.name)], found.quota)}"

    click.echo(administer_accounts(home, work))


@user.command("disable")
@click.argument("name")
@pass_home
def disable_user(home: Home, name: str) -> None:
    """Refuse all keys of a user until they are enabled again."""
    fields = UserFields(disabled=True)
    administer_accounts(home, lambda opened: opened.cases.directory.edit_user(OWNER, name, fields))


@user.command("enable")
@click.argument("name")
@pass_home
def enable_user(home: Home, name: str) -> None:
    """Let the keys of a user in again."""
    fields = UserFields(disabled=False)
    administer_accounts(home, lambda opened: opened.cases.directory.edit_user(OWNER, name, fields))


@user.command("reset-factors")
@click.argument("name")
@pass_home
def reset_factors(home: Home, name: str) -> None:
    """Take all second factors of a user away, who has lost them; their sessions end."""
    administer_accounts(home, lambda opened: opened.cases.enrolment.reset(OWNER, name))


@user.command("remove")
@click.argument("name")
@pass_home
def remove_user(home: Home, name: str) -> None:
    """Remove a user with all their keys."""
    administer_accounts(home, lambda opened: opened.cases.directory.remove_user(OWNER, name))


@user.command("grant")
@click.argument("name")
@role_argument
@click.argument("folder")
@pass_home
def grant_role(home: Home, name: str, role: str, folder: str) -> None:
    """Give a user a role on a folder and all that is in it; '' is the root, of which a manager manages users too."""
    administer_accounts(home, lambda opened: opened.cases.directory.grant_role(OWNER, name, folder, Role(role)))


@user.command("withdraw")
@click.argument("name")
@click.argument("folder")
@pass_home
def withdraw_role(home: Home, name: str, folder: str) -> None:
    """Take from a user what they have on a folder itself."""

    async def work(opened: OpenAccounts) -> None:
        number = await opened.folders.find(OWNER, folder)
        await opened.cases.directory.withdraw_role(OWNER, name, number)

    administer_accounts(home, work)


def _describe_use(stored: int, quota: int | None) -> str:
    """How much is stored for a user, where there is anything to say of it."""
    if quota is not None:
        return f": {format_size(stored)} of {format_size(quota)} stored"
    return f": {format_size(stored)} stored" if stored else ""
