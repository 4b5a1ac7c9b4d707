"""``cloudsvc webhook``."""

from __future__ import annotations

import click

from cloudsvc.cli.accounts.opening import OpenAccounts, administer_accounts
from cloudsvc.cli.accounts.printing import PAGE, print_lines
from cloudsvc.cli.faults import Group
from cloudsvc.cli.homes import pass_home
from cloudsvc.settings.home import Home
from cloudsvc.webhooks.webhook import State, Webhook, WebhookId


@click.group(cls=Group)
def webhook() -> None:
    """Webhooks: where messages about the drive are sent to."""


@webhook.command("list")
@pass_home
def list_webhooks(home: Home) -> None:
    """List webhooks: the id, whose it is, and how it stands. Where one leads to, the API tells its owner."""

    async def work(opened: OpenAccounts) -> list[str]:
        lines: list[str] = []
        after: WebhookId | None = None
        while found := await opened.store.list_webhooks(PAGE, after=after):
            lines += map(_describe, found)
            after = found[-1].id
        return lines

    print_lines(administer_accounts(home, work))


@webhook.command("remove")
@click.argument("identifier", metavar="ID")
@pass_home
def remove_webhook(home: Home, identifier: str) -> None:
    """Remove a webhook. A running server sends nothing more to it within a second."""

    async def work(opened: OpenAccounts) -> None:
        await opened.store.remove_webhook(WebhookId(identifier))
        await opened.witness.settle()

    administer_accounts(home, work)


def _describe(found: Webhook) -> str:
    said = {
        State.FAILING: f"{found.progress.failures} failures",
        State.GONE: "given up, gone",
        State.GIVEN_UP: "given up, failing",
    }
    state = said.get(found.state, found.state.value)
    return f"{found.id} of {found.maker} ({state}) {found.label}".rstrip()
