"""``cloudsvc key``."""

from __future__ import annotations

from collections.abc import Sequence

import click

from cloudsvc.cli.accounts.opening import OpenAccounts, administer_accounts
from cloudsvc.cli.accounts.options import find_end
from cloudsvc.cli.accounts.printing import PAGE, describe_grants, print_lines
from cloudsvc.cli.faults import Group
from cloudsvc.cli.homes import pass_home
from cloudsvc.cli.options import days_option
from cloudsvc.core.actors import OWNER, Role
from cloudsvc.identity.issuing import Issued, KeyFields
from cloudsvc.identity.key_format import NO_KEY, read_key
from cloudsvc.settings.home import Home


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
@days_option
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
    fields = KeyFields(
        label=label,
        roles=[(folder, _parse_role(role)) for role, folder in roles] if roles or program else None,
        scopes=scopes or None,
        rate=rate,
        expires_at=find_end(days),
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
        while keys := await opened.cases.issuer.list_keys(OWNER, PAGE, after=after, user=holder, made_by=by):
            for each in keys:
                whose = f"program {each.program}" if each.program is not None else f"made by {each.maker}"
                state = " (revoked)" if each.revoked_at is not None else ""
                lines += [
                    f"{each.id} {whose} {each.label}".rstrip() + state,
                    *await describe_grants(opened, each.grants or ()),
                ]
            after = keys[-1].id
        return lines

    print_lines(administer_accounts(home, work))


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
