"""``cloudsvc remote share``, ``links``, ``unshare`` and ``me``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click

from cloudsvc.cli.options import ask_password, days_option
from cloudsvc.cli.remote.commands import Context, remote
from cloudsvc.cli.remote.paths import clean_path
from cloudsvc.cli.remote.printing import printable
from cloudsvc.core.secrets import Secret


@remote.command()
@click.argument("path")
@click.option("--upload", is_flag=True, help="To bring files into the folder PATH, and see nothing.")
@click.option("--label", help="For people; visitors see it.")
@days_option
@click.option("--limit", type=click.IntRange(1, 10_000), help="How many files are sent or received by it.")
@click.option("--password", is_flag=True, help="Ask for a password that visitors have to know.")
@click.pass_obj
def share(  # each is an option of its own
    context: Context, path: str, label: str | None, days: int | None, limit: int | None, *, upload: bool, password: bool
) -> None:
    """Make a link to the file or folder PATH, and print its address, once."""
    asked = ask_password(wanted=password)
    with context.connect() as client:
        shared = client.share(
            clean_path(path),
            role="uploader" if upload else "viewer",
            label=label,
            password=None if asked is None else Secret(asked),
            limit=limit,
            expires_at=None if days is None else datetime.now(UTC) + timedelta(days=days),
        )
    url = shared.url.reveal()
    context.output.show({"url": url, "id": shared.link.id}, url)


@remote.command()
@click.argument("path", required=False)
@click.pass_obj
def links(context: Context, path: str | None) -> None:
    """List links, or those to what is at PATH or in it: the id, what for, and how often it was used."""
    with context.connect() as client:
        for link in client.list_links(None if path is None else clean_path(path)):
            limit = "" if link.limit is None else f" of {link.limit}"
            ended = " (revoked)" if link.revoked_at is not None else ""
            what = "something that is not there" if link.path is None else printable(link.path) or "/"
            line = f"{link.id} {link.role} of {what}, used {link.uses}{limit} times{ended} {printable(link.label)}"
            context.output.show(link, line.rstrip())


@remote.command()
@click.argument("identifier", metavar="ID")
@click.pass_obj
def unshare(context: Context, identifier: str) -> None:
    """End a link, now and for good; ID is what `links` shows."""
    with context.connect() as client:
        context.output.show(client.revoke_link(identifier), f"The link {identifier} has ended.")


@remote.command()
@click.pass_obj
def me(context: Context) -> None:
    """Say who one is by the key, and what one may do."""
    with context.connect() as client:
        found = client.find_self()
    roles = [f"{role.role} of {printable(role.path) or '/'}" for role in found.roles if role.path is not None]
    context.output.show(found, "\n".join([printable(found.name), *(f"    {role}" for role in roles)]))
