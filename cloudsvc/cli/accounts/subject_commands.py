"""``cloudsvc user link``, ``links`` and ``unlink``: who users are to identity providers."""

from __future__ import annotations

import click

from cloudsvc.cli.accounts.opening import OpenAccounts, administer_accounts
from cloudsvc.cli.accounts.printing import print_lines
from cloudsvc.cli.accounts.user_commands import user
from cloudsvc.cli.homes import pass_home
from cloudsvc.core.actors import OWNER
from cloudsvc.settings.home import Home


@user.command("link")
@click.argument("name")
@click.argument("issuer")
@click.argument("subject")
@pass_home
def link_user(home: Home, name: str, issuer: str, subject: str) -> None:
    """Let whom an identity provider calls SUBJECT sign in as a user. ISSUER is its URL as it is configured."""
    administer_accounts(home, lambda opened: opened.cases.federation.link_user(OWNER, name, issuer, subject))


@user.command("links")
@click.argument("name")
@pass_home
def list_links(home: Home, name: str) -> None:
    """List who a user is to identity providers."""

    async def work(opened: OpenAccounts) -> list[str]:
        found = await opened.cases.federation.list_subjects(OWNER, name)
        return [f"{each.id}  {each.issuer}  {each.name}" for each in found]

    print_lines(administer_accounts(home, work))


@user.command("unlink")
@click.argument("name")
@click.argument("link")
@pass_home
def unlink_user(home: Home, name: str, link: str) -> None:
    """Let a user no longer sign in by an account at an identity provider, and end the sessions that began so."""
    administer_accounts(home, lambda opened: opened.cases.federation.unlink(OWNER, link, name))
