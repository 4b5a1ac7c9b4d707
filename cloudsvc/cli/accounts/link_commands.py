"""``cloudsvc link``."""

from __future__ import annotations

from collections.abc import Mapping

import click

from cloudsvc.cli.accounts.opening import OpenAccounts, administer_accounts
from cloudsvc.cli.accounts.options import find_end
from cloudsvc.cli.accounts.printing import PAGE, print_lines
from cloudsvc.cli.faults import Group
from cloudsvc.cli.homes import pass_home
from cloudsvc.cli.options import ask_password, days_option
from cloudsvc.core.actors import OWNER, Role
from cloudsvc.core.secrets import Secret
from cloudsvc.identity.bounds import MAX_LINK_USES
from cloudsvc.identity.link_format import NO_LINK, read_link_secret
from cloudsvc.identity.linking import LinkFields, MadeLink
from cloudsvc.identity.links import LINK_ROLES, Link
from cloudsvc.settings.home import Home


@click.group(cls=Group)
def link() -> None:
    """Links: what lets in whoever has no account, to one file or folder."""


@link.command("create")
@click.argument("path")
@click.option("--role", type=click.Choice([role.value for role in LINK_ROLES]), default=Role.VIEWER.value)
@click.option("--label", help="For people; visitors see it.")
@days_option
@click.option("--limit", type=click.IntRange(1, MAX_LINK_USES), help="How many files are sent or received by it.")
@click.option("--password", is_flag=True, help="Ask for a password that visitors have to know.")
@pass_home
def create_link(  # noqa: PLR0917  # each is an option of its own
    home: Home, path: str, role: str, label: str | None, days: int | None, limit: int | None, *, password: bool
) -> None:
    """Make a link of the owner to the file or folder PATH, and print its address, once, alone on standard output."""
    asked = ask_password(wanted=password)
    fields = LinkFields(
        label=label,
        password=None if asked is None else Secret(asked),
        most_uses=limit,
        expires_at=find_end(days),
    )

    async def work(opened: OpenAccounts) -> MadeLink:
        return await opened.cases.linker.make(OWNER, path.strip("/"), Role(role), fields)

    made = administer_accounts(home, work)
    click.echo(f"/s/{made.secret.reveal()}")
    click.echo(
        f"Put the address of the server before it, and keep it: it is not shown again. Its id is {made.link.id}.",
        err=True,
    )


@link.command("list")
@click.option("--path", help="Only links to what is there, and to what is in it.")
@pass_home
def list_links(home: Home, path: str | None) -> None:
    """List links: the id, what for, whose, and how often it was used."""

    async def work(opened: OpenAccounts) -> list[str]:
        linker, lines = opened.cases.linker, list[str]()
        after: str | None = None
        while links := await linker.list_links(OWNER, PAGE, after=after, path=path):
            paths = await linker.tell_paths(OWNER, links)
            lines += [_describe(each, paths) for each in links]
            after = links[-1].id
        return lines

    print_lines(administer_accounts(home, work))


@link.command("revoke")
@click.argument("identifier", metavar="ID")
@pass_home
def revoke_link(home: Home, identifier: str) -> None:
    """End a link, now and for good; ID is what `list` shows, or the address itself."""
    shown, _ = read_link_secret(identifier.rpartition("/")[2].encode())
    number = identifier if shown == NO_LINK else shown
    administer_accounts(home, lambda opened: opened.cases.linker.revoke(OWNER, number))


def _describe(found: Link, paths: Mapping[int, str]) -> str:
    what = repr(paths[found.target]) if found.target in paths else f"node {found.target}, which is not in the drive"
    limit = "" if found.most_uses is None else f" of {found.most_uses}"
    state = " (revoked)" if found.revoked_at is not None else ""
    line = f"{found.id} {found.role.value} of {what}, made by {found.maker}, used {found.uses}{limit} times{state}"
    return f"{line} {found.label}".rstrip()
