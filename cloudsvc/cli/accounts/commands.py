"""``cloudsvc user``, ``group``, ``key`` and ``identity``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import click

from cloudsvc.cli.accounts.opening import OpenAccounts, administer_accounts
from cloudsvc.cli.faults import Group
from cloudsvc.cli.homes import pass_home
from cloudsvc.cli.units import format_size, parse_quota
from cloudsvc.core.actors import OWNER, Grant, Role
from cloudsvc.identity.directory import UserFields
from cloudsvc.identity.factors import has_factors
from cloudsvc.identity.issuing import Issued, KeyFields
from cloudsvc.identity.key_format import NO_KEY, read_key
from cloudsvc.settings.home import Home

_PAGE: Final = 100
_ROLES: Final = click.Choice([role.value for role in Role])


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
    asked = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True) if password else None
    fields = UserFields(display_name=display_name, groups=groups or None, password=asked)
    administer_accounts(home, lambda opened: opened.cases.directory.add_user(OWNER, name, fields))


@user.command("list")
@pass_home
def list_users(home: Home) -> None:
    """List users, and what they may do on folders."""

    async def work(opened: OpenAccounts) -> list[str]:
        directory, lines, after = opened.cases.directory, [], ""
        while users := await directory.list_users(OWNER, _PAGE, after=after):
            stored = await directory.count_bytes(OWNER, users)
            for each in users:
                marks = {"disabled": each.is_disabled, "second factor": has_factors(each.factors_set)}
                told = [mark for mark, is_so in marks.items() if is_so]
                state = f" ({', '.join(told)})" if told else ""
                used = _describe_use(stored[str(each.name)], each.quota)
                lines += [f"{each.name}{state}{used}", *await _tell(opened, each.grants)]
            after = users[-1].name.key
        return lines

    _show(administer_accounts(home, work))


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
@click.argument("role", type=_ROLES)
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
        while groups := await directory.list_groups(OWNER, _PAGE, after=after):
            for each in groups:
                lines += [str(each.name), *await _tell(opened, each.grants)]
            after = groups[-1].name.key
        return lines

    _show(administer_accounts(home, work))


@group.command("remove")
@click.argument("name")
@pass_home
def remove_group(home: Home, name: str) -> None:
    """Remove a group; who was in it has its roles no more."""
    administer_accounts(home, lambda opened: opened.cases.directory.remove_group(OWNER, name))


@group.command("grant")
@click.argument("name")
@click.argument("role", type=_ROLES)
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


@click.group(cls=Group)
def key() -> None:
    """Keys of users and of programs."""


@key.command("create")
@click.option("--user", "holder", help="The user whose it is.")
@click.option("--program", help="The program whose it is.")
@click.option("--label", help="For people.")
@click.option("--role", "roles", nargs=2, multiple=True, metavar="ROLE FOLDER", help="What it may do, and no more.")
@click.option("--scope", "scopes", multiple=True, help="A route that it may use, such as files:read.")
@click.option("--rate", help="How often it may be used, such as 100/minute.")
@click.option("--days", type=click.IntRange(1, 36_500), help="After which it is no good any more.")
@pass_home
def create_key(  # noqa: PLR0917  # each is an option of its own
    home: Home,
    holder: str | None,
    program: str | None,
    label: str | None,
    roles: Sequence[tuple[str, str]],
    scopes: Sequence[str],
    rate: str | None,
    days: int | None,
) -> None:
    """Make a key and print it, once, alone on standard output."""
    ends = None if days is None else datetime.now(UTC) + timedelta(days=days)
    fields = KeyFields(
        label=label,
        roles=[(folder, _parse_role(role)) for role, folder in roles] if roles or program else None,
        scopes=scopes or None,
        rate=rate,
        expires_at=None if ends is None else int(ends.timestamp()) * 1_000_000,
    )
    _print_key(
        administer_accounts(home, lambda opened: opened.cases.issuer.issue(OWNER, fields, user=holder, program=program))
    )


@key.command("list")
@click.option("--user", "holder", help="Only those of this user.")
@click.option("--made-by", metavar="ID", help="Only those that were made by this key, or by others that were.")
@pass_home
def list_keys(home: Home, holder: str | None, made_by: str | None) -> None:
    """List keys: the id, whose it is, and what it is for."""

    by = None if made_by is None else _parse_id(made_by)

    async def work(opened: OpenAccounts) -> list[str]:
        lines: list[str] = []
        after: str | None = None
        while keys := await opened.cases.issuer.list_keys(OWNER, _PAGE, after=after, user=holder, made_by=by):
            for each in keys:
                whose = f"program {each.program}" if each.program is not None else f"made by {each.maker}"
                state = " (revoked)" if each.revoked_at is not None else ""
                lines += [f"{each.id} {whose} {each.label}".rstrip() + state, *await _tell(opened, each.grants or ())]
            after = keys[-1].id
        return lines

    _show(administer_accounts(home, work))


@key.command("revoke")
@click.argument("identifier", metavar="ID")
@click.option("--only", is_flag=True, help="Leave the keys that were made by it as they are.")
@pass_home
def revoke_key(home: Home, identifier: str, *, only: bool) -> None:
    """End a key, now and for good, and those that were made by it; ID is what `list` shows, or the key itself."""
    number = _parse_id(identifier)
    revoked = administer_accounts(home, lambda opened: opened.cases.issuer.revoke(OWNER, number, descendants=not only))
    if revoked.others:
        click.echo(f"{revoked.others} other keys ended, which were made by it.", err=True)


@key.command("rotate")
@click.argument("identifier", metavar="ID")
@click.option("--overlap", type=click.IntRange(0, 2_592_000), default=3600, help="Seconds in which both are good.")
@pass_home
def rotate_key(home: Home, identifier: str, overlap: int) -> None:
    """Make a key that may do the same, and end the former one after a while."""
    number = _parse_id(identifier)
    _print_key(administer_accounts(home, lambda opened: opened.cases.issuer.rotate(OWNER, number, overlap)))


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


COMMANDS: Final = (user, group, key, identity)


async def _tell(opened: OpenAccounts, grants: Sequence[Grant]) -> list[str]:
    """Lines about grants."""
    paths = await opened.cases.directory.tell_paths(OWNER, grants)
    return [
        f"    {grant.role.value} of {paths[grant.folder]!r}"
        if grant.folder in paths
        else f"    {grant.role.value} of folder {grant.folder}, which is not in the drive"
        for grant in grants
    ]


def _describe_use(stored: int, quota: int | None) -> str:
    """How much is stored for a user, where there is anything to say of it."""
    if quota is not None:
        return f": {format_size(stored)} of {format_size(quota)} stored"
    return f": {format_size(stored)} stored" if stored else ""


def _show(lines: Sequence[str]) -> None:
    for line in lines:
        click.echo(line)


def _print_key(issued: Issued) -> None:
    click.echo(issued.made.text.reveal())
    click.echo(f"Keep this key: it is not shown again. Its id is {issued.key.id}.", err=True)


def _parse_role(text: str) -> Role:
    try:
        return Role(text)
    except ValueError:
        roles = ", ".join(role.value for role in Role)
        raise click.BadParameter(f"{text!r} is no role; one is {roles}", param_hint="--role") from None


def _parse_id(text: str) -> str:
    """The id in ``text``, be it a whole key."""
    shown = read_key(text.encode()).id
    return text if shown == NO_KEY else shown
