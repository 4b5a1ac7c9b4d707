"""``cloudsvc session``."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from cloudsvc.cli.accounts.opening import OpenAccounts, administer_accounts
from cloudsvc.cli.accounts.printing import print_lines
from cloudsvc.cli.faults import Group
from cloudsvc.cli.homes import pass_home
from cloudsvc.core.actors import OWNER
from cloudsvc.identity.sessions import Session
from cloudsvc.settings.home import Home


@click.group(cls=Group)
def session() -> None:
    """Sessions: where users have signed in with browsers."""


@session.command("list")
@click.argument("user")
@pass_home
def list_sessions(home: Home, user: str) -> None:
    """List the sessions of a user, the latest first."""

    async def work(opened: OpenAccounts) -> list[str]:
        return [*map(_describe, await opened.cases.signing_in.list_sessions(OWNER, user))]

    print_lines(administer_accounts(home, work))


@session.command("end")
@click.argument("user")
@click.argument("session", required=False)
@pass_home
def end_sessions(home: Home, user: str, session: str | None) -> None:
    """End a session of a user, or all of them. A running server refuses them within a second."""

    async def work(opened: OpenAccounts) -> None:
        if session is None:
            await opened.cases.signing_in.end_sessions(OWNER, user)
        else:
            await opened.cases.signing_in.end_session(OWNER, session, user)

    administer_accounts(home, work)


def _describe(found: Session) -> str:
    seen = datetime.fromtimestamp(found.seen_at // 1_000_000, UTC)
    by = "by a password" if found.key is None else f"by the key {found.key}"
    return f"{found.id} {by}, seen {seen:%Y-%m-%d %H:%M} {found.label}".rstrip()
