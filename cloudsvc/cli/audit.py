"""``cloudsvc audit``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cloudsvc.audit.bounds import MAX_TOGETHER
from cloudsvc.audit.chain import BEGINNING, Head, format_head, parse_head
from cloudsvc.audit.entries import Entry, Outcome, Wanted
from cloudsvc.audit.lines import write_line
from cloudsvc.audit.verification import verify
from cloudsvc.cli.drive.sessions import run
from cloudsvc.cli.faults import Group
from cloudsvc.cli.homes import load_home, pass_home
from cloudsvc.core.clock import format_microseconds
from cloudsvc.core.errors import OperatorError
from cloudsvc.settings.home import Home

if TYPE_CHECKING:
    from cloudsvc.administration.progress import Progress
    from cloudsvc.audit.log import AuditLog
    from cloudsvc.storage.resources import Resources

T = TypeVar("T")


@click.group(cls=Group)
def audit() -> None:
    """The audit: who changed what, and who was refused. It is looked at beside a running server."""


@audit.command("list")
@click.option("--actor", help="Only what this one did.")
@click.option("--action", help="Only this, such as 'PUT /api/files/{path}'.")
@click.option("--outcome", type=click.Choice([each.value for each in Outcome]), help="Only what came to this.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="So many entries at most.")
@pass_home
def list_entries(home: Home, actor: str | None, action: str | None, outcome: str | None, limit: int) -> None:
    """List entries, the newest first."""
    wanted = Wanted(actor=actor, action=action, outcome=None if outcome is None else Outcome(outcome))

    async def work(log: AuditLog) -> None:
        left, before = limit, None
        while left:
            page = await log.find_page(wanted, min(left, MAX_TOGETHER), before=before)
            for entry in page.entries:
                click.echo(_describe(entry))
            left, before = left - len(page.entries), page.before
            if before is None:
                return

    _look(home, work)


@audit.command("export")
@click.option("--after", type=click.IntRange(0), default=0, help="Leaves out all up to this number.")
@pass_home
def export_entries(home: Home, after: int) -> None:
    """Write all entries in their order to standard output, each a line of JSON."""

    async def work(log: AuditLog) -> None:
        async for entry in _read_all(log, after):
            click.echo(write_line(entry), nl=False)

    _look(home, work)


@audit.command("verify")
@click.option("--head", "known", help="What an earlier 'verify' has printed: NUMBER:DIGEST.")
@pass_home
def verify_chain(home: Home, known: str | None) -> None:
    """See that no entry was altered, and print the head. Kept elsewhere, and given by --head, it shows a cut end."""
    head = BEGINNING if known is None else _parse_head(known)
    found = _look(home, lambda log: verify(log, head))
    if found.altered is not None:
        raise OperatorError([f"entry {found.altered} does not hold: {found.reason}"])
    if not found.is_compared:
        line = f"entry {head.number} was cut off for its age, so that nothing was held against it;"
        raise OperatorError([f"{line} the rest holds: keep {format_head(found.head)}, and give that from now on"])
    click.echo(format_head(found.head))


def _look(home: Home, work: Callable[[AuditLog], Coroutine[Any, Any, T]]) -> T:
    """
    What ``work`` returns, done with the audit of ``home``.

    :raises OperatorError: there is none.
    """
    from cloudsvc.server.engines import make_engines  # noqa: PLC0415  # only this command needs the database
    from cloudsvc.storage.audit.opening import open_audit  # noqa: PLC0415  # likewise

    settings = load_home(home).settings
    if not settings.audit.enabled:
        raise OperatorError([f"{home.config_file} has no audit; set config.audit.enabled"])
    engines = make_engines(settings, home)

    async def go(resources: Resources, _: Progress) -> T:
        threads = resources.threads
        log = await open_audit(
            home.data, engines, writer=threads.writer, readers=threads.readers, reactor=resources.reactor
        )
        try:
            return await work(log)
        finally:
            await log.close()

    return run(go)


async def _read_all(log: AuditLog, after: int) -> AsyncIterator[Entry]:
    while entries := await log.read(after, MAX_TOGETHER):
        for entry in entries:
            yield entry
        after = entries[-1].number


def _describe(entry: Entry) -> str:
    event = entry.event
    who = event.actor or "-"
    via = f" ({event.credential} {event.key}".rstrip() + ")" if event.credential else ""
    times = f" x{event.count}" if event.count > 1 else ""
    return (
        f"{entry.number} {format_microseconds(event.at)} {who}{via} {event.client or '-'} {event.outcome.value}"
        f" {event.status} {event.action} {event.target}".rstrip()
        + times
    )


def _parse_head(text: str) -> Head:
    head = parse_head(text)
    if head is None:
        raise click.BadParameter("it is NUMBER:DIGEST, as 'cloudsvc audit verify' prints it", param_hint="--head")
    return head
