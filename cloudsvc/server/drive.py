"""Opening of the drive for the applications that need it: where its rules and its storage meet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from attrs import evolve
from twisted.logger import Logger

from cloudsvc.administration.snapshots import make_snapshots
from cloudsvc.core.errors import CloudError
from cloudsvc.drive.drive import Drive
from cloudsvc.drive.expiry import Expiry
from cloudsvc.drive.jobs import Job, Scheduler
from cloudsvc.drive.leadership import Candidate, Leader
from cloudsvc.drive.locating import Locator
from cloudsvc.drive.measuring import Measuring
from cloudsvc.drive.probing import Soundness, StoreProbe
from cloudsvc.drive.settings import StorageSettings
from cloudsvc.drive.spooling import Spooler
from cloudsvc.drive.thumbnails import Thumbnails
from cloudsvc.extend import Check, Combine, Finding, Tools
from cloudsvc.server.engine_metrics import make_meter, make_note
from cloudsvc.server.provider import Foundation, Provider
from cloudsvc.storage.opened import OpenedDrive
from cloudsvc.storage.opening import assemble, open_storage
from cloudsvc.storage.resources import Resources
from cloudsvc.thumbnails.cache import open_cache
from cloudsvc.thumbnails.maker import open_maker

_log = Logger("cloudsvc.drive")

_THUMBNAIL_BYTES: Final = 256 * 2**20

_SPOOLED_BYTES: Final = 256 * 2**20
"""Of a file that is written for a decoder, where the store of blobs has none. One thumbnail is made at a time."""

_MINUTE: Final = 60.0
_FIVE_MINUTES: Final = 5 * _MINUTE
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR

_CLOCK_SECONDS: Final = 10.0
"""By which the clock of a machine may differ from the database's before somebody should look at it."""

_COLLECT: Final = "delete what nothing refers to"

_MOVED: Final = (
    "The drive has moved and takes no changes here; to have them taken again, say `cloudsvc migrate --reopen`."
)

_ARRIVING: Final = (
    "The drive is about to move here and takes no changes yet: repeat the `cloudsvc migrate` that moves it;"
    " to go on here without it, say `cloudsvc migrate --reopen`."
)


class DriveProvider(Provider[StorageSettings]):
    """Opens the drive, watches it, and does its background jobs."""

    name = "drive"
    section = "storage_config"
    settings_type = StorageSettings
    opens = (Drive, Locator, Thumbnails, Leader)

    def __init__(self, settings: StorageSettings, tools: Tools, foundation: Foundation) -> None:
        super().__init__(settings, tools, foundation)
        self._resources = evolve(
            Resources.of(tools.make_threads, foundation.reactor),
            note_request=None if foundation.engines.bucket is None else make_note(tools.instruments),
            meter=make_meter(foundation.engines, tools.instruments),
        )
        self._stored = tools.instruments.gauge("stored_bytes", "Bytes of all files, versions and the trash.")
        self._taken = tools.instruments.gauge(
            "catalogue_bytes", "Bytes that the catalogue takes, with its log and its copies."
        )
        self._reclaimable = tools.instruments.gauge(
            "reclaimable_bytes", "Bytes that only the trash and old versions hold: they make way when room is short."
        )
        self._leads = tools.instruments.gauge(
            "leads", "Processes that do the background jobs: 1 of all that there are.", combine=Combine.SUM
        )
        tools.instruments.gauge("capacity_bytes", "Bytes that may be stored.").set(settings.limits.capacity)

    async def start(self) -> Mapping[type, object]:
        """
        Open the storage, and begin to clean up behind whatever was killed.

        :raises OperatorError: it cannot be opened.
        """
        self._storage = await open_storage(self.tools.data, self._resources, self.foundation.engines)
        try:
            return await self._begin()
        except BaseException:
            await self._storage.close()
            raise

    async def _begin(self) -> Mapping[type, object]:
        tools = self.tools
        self._opened = opened = assemble(
            self._storage,
            self.settings.limits,
            self._resources,
            collect_soon=lambda: self._scheduler.trigger(_COLLECT),
        )
        self._maker = open_maker(tools.processes, tools.clock, tools.data / "decoders")
        directory = tools.data / "thumbnails"
        thumbnails = Thumbnails(
            drive=opened.drive,
            maker=self._maker,
            cache=await open_cache(directory, opened.disk, most_bytes=_THUMBNAIL_BYTES),
            spooler=Spooler(directory=directory, threads=opened.disk, most_bytes=_SPOOLED_BYTES),
            size=self.settings.thumbnail_size,
        )
        standing = await opened.catalogue.find_standing()
        if standing.has_moved or standing.is_arriving:
            _log.warn(_MOVED if standing.has_moved else _ARRIVING)
        self._probe = StoreProbe(blobs=opened.blobs, clock=tools.clock)
        self._scheduler = Scheduler(clock=tools.clock, jobs=self._list_jobs(opened))
        # Beside the others, which do not wait until a large blob is read.
        self._measuring = Measuring(catalogue=opened.catalogue, blobs=opened.blobs, threads=opened.disk)
        self._reading = Scheduler(
            clock=tools.clock, jobs=[Job(name="calculate checksums", every=_MINUTE, work=self._measuring.run)]
        )
        self._schedulers = (self._scheduler, self._reading)
        for scheduler in self._schedulers:
            scheduler.start()
        self._candidate = Candidate(
            leadership=self._storage.leadership, clock=tools.clock, on_change=self._change_leadership
        )
        await self._candidate.start()
        return {
            Drive: opened.drive,
            Locator: Locator(opened.catalogue),
            Thumbnails: thumbnails,
            Leader: Leader(self._candidate),
        }

    async def stop(self) -> None:
        """Finish what runs, and let go of the storage."""
        await self._maker.stop()
        self._measuring.stop()
        await self._reading.stop()
        await self._scheduler.stop()
        # The next leader begins where this one has ended.
        await self._candidate.stop()
        await self._probe.stop()
        await self._storage.close()

    def checks(self) -> Sequence[Check]:
        """Whether the database answers, and the store of bytes takes and gives them."""
        return [
            Check(name="database", vital=True, run=self._ask_database),
            Check(name="blobs", vital=True, run=self._ask_blobs),
            Check(name="drive_space", vital=False, run=self._ask_for_space),
            Check(name="drive_writable", vital=False, run=self._ask_for_changes),
            *self._check_clock(),
        ]

    def _check_clock(self) -> list[Check]:
        """Where there is another clock, which other machines go by as well."""
        return (
            [] if self.foundation.engines.database is None else [Check(name="clock", vital=False, run=self._ask_clock)]
        )

    def _change_leadership(self, leads: bool) -> None:  # noqa: FBT001  # a Candidate calls it so
        self._leads.set(leads)
        for scheduler in self._schedulers:
            if leads:
                scheduler.lead()
            else:
                scheduler.follow()

    def _list_jobs(self, opened: OpenedDrive) -> list[Job]:
        snapshots = make_snapshots(opened.catalogue, self.tools.data, self._resources)

        expiry = Expiry(
            catalogue=opened.catalogue,
            blobs=opened.blobs,
            limits=opened.limits,
            now=opened.now,
            clock=self._resources.clock,
        )
        return [
            Job(name="count what is stored", every=_MINUTE, work=self._count),
            Job(name="count what may make way", every=_FIVE_MINUTES, work=self._count_reclaimable),
            Job(name="keep the catalogue small", every=_MINUTE, work=opened.catalogue.tidy, at_once=False),
            Job(name="keep room for deleting", every=_HOUR, work=self._fill_ballast),
            Job(name="clear what nobody knows", every=_DAY, work=opened.collection.quarantine_orphans),
            Job(name="give up what is old", every=_HOUR, work=expiry.run, at_once=False),
            Job(name=_COLLECT, every=_HOUR, work=opened.collection.collect),
            Job(name="take a snapshot of the catalogue", every=_HOUR, work=snapshots.take_daily),
        ]

    async def _fill_ballast(self) -> None:
        if self._storage.ballast is not None:
            await self._resources.threads.disk.run(self._storage.ballast.fill)

    async def _count(self) -> None:
        self._stored.set(await self._opened.catalogue.stored_bytes())
        self._taken.set(await self._opened.catalogue.catalogue_bytes())

    async def _count_reclaimable(self) -> None:
        # It goes through the trash and all old versions; in between, an alert has the time to wait.
        self._reclaimable.set(await self._opened.catalogue.reclaimable_bytes())

    async def _ask_database(self) -> Finding:
        try:
            await self._count()
        except CloudError:
            return Finding(ok=False, message="The database of the catalogue fails, and the log says why.")
        return Finding(ok=True, message="The database of the catalogue answers.")

    async def _ask_blobs(self) -> Finding:
        found = await self._probe.ask()
        # A full disk keeps nobody from reading and deleting.
        return Finding(ok=found in {Soundness.SOUND, Soundness.FULL}, message=found)

    async def _ask_for_space(self) -> Finding:
        found = await self._probe.ask()
        if found is Soundness.FULL:
            return Finding(ok=False, message="There is no space for new files, whatever the capacity is.")
        if self._storage.lacks_space:
            return Finding(ok=False, message="The disk of the database is full, and takes nothing new.")
        return Finding(ok=True, message="There is space for new files.")

    async def _ask_clock(self) -> Finding:
        try:
            ahead = await self._storage.measure_clock()
        except CloudError:
            # Another check says so, and which engine it is.
            return Finding(ok=True, message="Nobody can tell while the database fails.")
        if abs(ahead) > _CLOCK_SECONDS:
            direction = "ahead of" if ahead > 0 else "behind"
            return Finding(ok=False, message=f"The clock is {abs(ahead):.0f} seconds {direction} that of the database.")
        return Finding(ok=True, message="The clock agrees with that of the database.")

    async def _ask_for_changes(self) -> Finding:
        try:
            standing = await self._opened.catalogue.find_standing()
        except CloudError:
            return Finding(ok=True, message="Nobody knows, since the database of the catalogue fails.")
        if standing.has_moved:
            return Finding(ok=False, message=_MOVED)
        if standing.is_arriving:
            return Finding(ok=False, message=_ARRIVING)
        if standing.freeze.holds(self._opened.now()):
            return Finding(ok=False, message="The drive is about to move, and takes no changes meanwhile.")
        return Finding(ok=True, message="The drive takes changes.")
