"""``cloudsvc verify``, ``gc``, ``export``, ``import`` and ``stats``, and the list of all that work on a drive."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Iterable
from typing import Any, Final
from zoneinfo import ZoneInfo

import click

from cloudsvc.administration.cleaning import Freed, clean
from cloudsvc.administration.exporting import Exported, Exporter
from cloudsvc.administration.importing import Imported, Importer
from cloudsvc.administration.planning import Existing, Plan, Planner
from cloudsvc.administration.progress import Progress
from cloudsvc.administration.source import read_tree
from cloudsvc.administration.statistics import Statistics, gather_statistics
from cloudsvc.administration.target import Target
from cloudsvc.administration.verification import Verdict, verify_drive
from cloudsvc.cli.drive.backups import backup, restore, restore_accounts
from cloudsvc.cli.drive.migrate import migrate
from cloudsvc.cli.drive.quotas import quota
from cloudsvc.cli.drive.sessions import administer
from cloudsvc.cli.faults import Command
from cloudsvc.cli.homes import pass_home
from cloudsvc.cli.units import format_count, format_size
from cloudsvc.core.actors import OWNER
from cloudsvc.core.errors import OperatorError
from cloudsvc.drive.names import parse_path
from cloudsvc.settings.home import Home
from cloudsvc.storage.opened import OpenedDrive

_DAMAGED: Final = 1
"""Exit status of what worked, but not for every file."""

_STANDARD_OUTPUT: Final = pathlib.Path("-")

_file: Final = click.Path(dir_okay=False, path_type=pathlib.Path)
_directory: Final = click.Path(file_okay=False, path_type=pathlib.Path)


class _Zone(click.ParamType[ZoneInfo]):
    name = "zone"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> ZoneInfo:
        try:
            return value if isinstance(value, ZoneInfo) else ZoneInfo(value)
        except (ValueError, OSError, LookupError):
            self.fail(f"{value!r} is no time zone; write one such as Europe/London", param, ctx)


@click.command(cls=Command)
@click.pass_context
@pass_home
def verify(home: Home, context: click.Context) -> None:
    """
    Read every stored byte again, and compare size and SHA-256.

    What is damaged or missing is named, with the files and versions that consist of it; the exit status is 1 then. So
    it is when something else counts to a quota than what is stored. It may run beside the server.
    """
    verdict: Verdict = administer(
        home, lambda opened, progress: verify_drive(opened.catalogue, opened.blobs, opened.disk, progress)
    )
    for each in verdict.damaged:
        for path, version in each.users:
            click.echo(f"{each.damage}: {str(path)!r}, version {version} (blob {each.blob.id})")
    for miscount in verdict.miscounts:
        told, folder = miscount.quota.account.stored_bytes, str(miscount.quota.path)
        click.echo(f"{told:,} bytes count to the quota of {folder!r}, and {miscount.counted:,} are stored")
    for payer in verdict.miscounted_payers:
        click.echo(f"{payer.stored_bytes:,} bytes count to the user {payer.name!r}, and {payer.counted:,} are stored")
    click.echo(f"{format_count(verdict.blobs, 'blob')} with {format_size(verdict.size)} read", err=True)
    if verdict.damaged:
        damaged = format_count(len(verdict.damaged), "blob")
        click.echo(f"{damaged} not whole: store these files again, or restore them from a backup", err=True)
    if verdict.miscounts:
        click.echo("end each quota that is counted wrong with `cloudsvc quota FOLDER none`, and set it again", err=True)
    if verdict.miscounted_payers:
        click.echo("have what users have stored counted anew with `cloudsvc quota --recount`", err=True)
    if verdict.damaged or verdict.miscounts or verdict.miscounted_payers:
        context.exit(_DAMAGED)


@click.command(cls=Command)
@pass_home
def gc(home: Home) -> None:
    """
    Give back the space that nothing needs.

    The server does so by itself, now and then; this does it now. It may run beside the server. Trash and versions are
    kept for as long as the configuration says.
    """
    freed: Freed = administer(
        home, lambda opened, _: clean(opened.catalogue, opened.blobs, opened.collection, opened.limits, opened.now)
    )
    click.echo(
        f"freed {format_size(freed.size)}: {format_count(freed.blobs, 'blob')}; "
        f"{format_count(freed.orphaned, 'orphaned blob')} put in quarantine"
    )


@click.command(cls=Command)
@click.argument("directory", metavar="DIR", type=_directory)
@click.option("--resume", is_flag=True, help="Complete an interrupted export, or bring an earlier one up to date.")
@click.option("--metadata", metavar="FILE", type=_file, help="Where tags and dates go [DIR/metadata.json].")
@click.pass_context
@pass_home
def export(
    home: Home, context: click.Context, directory: pathlib.Path, *, resume: bool, metadata: pathlib.Path | None
) -> None:
    """
    Write all current files to DIR, as plain files with their dates.

    Tags and media types go to metadata.json beside them; `cloudsvc import` reads it. DIR must be empty or missing. With
    --resume, files that are equal stay, others are replaced, and what the drive does not have is left alone. It may
    run beside the server, and writes the drive as it was when it began.
    """

    async def work(opened: OpenedDrive, progress: Progress) -> Exported:
        target = await opened.disk.run(Target.open, pathlib.Path.cwd() / directory, resume=resume)
        complete = False
        try:
            async with opened.copies.hold() as snapshot:
                exporter = Exporter(
                    catalogue=snapshot.catalogue,
                    blobs=opened.blobs,
                    disk=opened.disk,
                    metadata_file=metadata and pathlib.Path.cwd() / metadata,
                )
                exported = await exporter.export(target, progress)
            complete = True
        except OSError as problem:
            raise OperatorError(
                [f"{directory} cannot be written: {problem.strerror}; then go on with --resume"]
            ) from None
        finally:
            await opened.disk.run(target.close, complete=complete)
        return exported

    exported = administer(home, work)
    click.echo(
        f"{format_count(exported.files, 'file')} in {directory}: {format_size(exported.size)} written, "
        f"{exported.kept:,} there already",
        err=True,
    )
    _report(context, exported.faults)


@click.command("import", cls=Command)
@click.argument("directory", metavar="DIR", type=_directory)
@click.option("--into", metavar="FOLDER", default="", help="The folder of the drive that gets them [the top].")
@click.option("--skip", is_flag=True, help="Leave out what the drive cannot take, and keep what is there already.")
@click.option("--replace", is_flag=True, help="Give files that are there already a new version.")
@click.option("--plain", is_flag=True, help="Take metadata.json for a file like any other.")
@click.option("--metadata", metavar="FILE", type=_file, help="Where tags and dates are [DIR/metadata.json].")
@click.option("--timezone", metavar="ZONE", type=_Zone(), help="Time zone of the dates, where they wrongly say UTC.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@click.pass_context
@pass_home
def import_(
    home: Home,
    context: click.Context,
    directory: pathlib.Path,
    *,
    into: str,
    skip: bool,
    replace: bool,
    plain: bool,
    metadata: pathlib.Path | None,
    timezone: ZoneInfo | None,
    dry_run: bool,
) -> None:
    """
    Store the files below DIR in the drive.

    DIR holds plain files, or is what `cloudsvc export` wrote, or the folder of a python-cloud-server with metadata.json
    and storage; media types, tags and dates are kept. Where anything is in the way, everything is named and nothing is
    stored, unless --skip or --replace say what to do. Files that are there already with the same bytes are passed
    over, so an import that was interrupted is simply repeated. Links and devices are left out. It may run beside the
    server.
    """
    if skip and replace:
        raise OperatorError(["--skip and --replace contradict each other; choose one"])
    existing = Existing.REPLACE if replace else Existing.KEEP if skip else Existing.REFUSE
    folder = parse_path(into)

    async def work(opened: OpenedDrive, progress: Progress) -> tuple[Plan, Imported | None]:
        tree = await opened.disk.run(
            read_tree,
            pathlib.Path.cwd() / directory,
            metadata_file=metadata and pathlib.Path.cwd() / metadata,
            plain=plain,
            zone=timezone,
        )
        planner = Planner(actor=OWNER, uploads=opened.uploads, disk=opened.disk, into=folder, existing=existing)
        plan = await planner.plan(tree, progress)
        if dry_run or (plan.faults and not skip):
            return plan, None
        importer = Importer(drive=opened.drive, actor=OWNER, disk=opened.disk)
        return plan, await importer.carry_out(plan, progress)

    plan, imported = administer(home, work)
    for line in plan.left_out:
        click.echo(f"left out: {line}", err=True)
    if imported is None and plan.faults:
        raise OperatorError([*plan.faults, "nothing was stored; --skip leaves these out"])
    files, size = (len(plan.arrivals), plan.size) if imported is None else (imported.files, imported.size)
    click.echo(
        f"{format_count(files, 'file')} with {format_size(size)} {'to store' if dry_run else 'stored'}, "
        f"{plan.same:,} there already",
        err=True,
    )
    _report(context, [*plan.faults, *(imported.faults if imported else [])])


@click.command(cls=Command)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.option(
    "--largest", metavar="N", type=click.IntRange(0, 1000), default=5, show_default=True, help="Name so many."
)
@pass_home
def stats(home: Home, *, as_json: bool, largest: int) -> None:
    """Say what the drive holds, and what it could still take."""
    statistics = administer(
        home, lambda opened, _: gather_statistics(opened.catalogue, opened.blobs, opened.limits, largest)
    )
    click.echo(json.dumps(_as_plain(statistics), ensure_ascii=False) if as_json else "\n".join(_describe(statistics)))


COMMANDS: Final = (verify, gc, export, import_, backup, restore, restore_accounts, migrate, stats, quota)


def _as_plain(statistics: Statistics) -> dict[str, Any]:
    usage = statistics.usage
    return {
        "files": usage.files,
        "folders": usage.folders,
        "versions": usage.versions,
        "blobs": usage.blobs,
        "trash_entries": usage.trash_entries,
        "stored_bytes": usage.stored_bytes,
        "catalogue_bytes": usage.catalogue_bytes,
        "reclaimable_bytes": statistics.reclaimable,
        "capacity_bytes": statistics.capacity,
        "disk_free_bytes": statistics.disk_free,
        "largest": [{"path": str(file.path), "size": file.version.blob.size} for file in statistics.largest],
    }


def _describe(statistics: Statistics) -> Iterable[str]:
    usage = statistics.usage
    share = usage.stored_bytes / statistics.capacity if statistics.capacity else 1
    files, folders = format_count(usage.files, "file"), format_count(usage.folders, "folder")
    yield f"{files} in {folders}; {format_count(usage.versions, 'version')}; {usage.trash_entries:,} in the trash"
    yield f"{format_size(usage.stored_bytes)} of {format_size(statistics.capacity)} ({share:.0%}) stored"
    yield f"{format_size(statistics.reclaimable)} of that only for old versions and the trash"
    catalogue = format_size(usage.catalogue_bytes)
    free = "an unknown size" if statistics.disk_free is None else format_size(statistics.disk_free)
    yield f"{free} free on the disk; the catalogue takes {catalogue}"
    for file in statistics.largest:
        yield f"{format_size(file.version.blob.size):>12}  {str(file.path)!r}"


def _report(context: click.Context, faults: Iterable[str]) -> None:
    """Each fault in a line; the exit status says that there were some."""
    lines = [*faults]
    for line in lines:
        click.echo(f"cloudsvc: {line}", err=True)
    if lines:
        context.exit(_DAMAGED)
