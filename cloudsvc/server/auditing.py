"""The audit of a server: opened before everything that is to be in it, told of requests, and closed last."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Final

from attrs import define, field

from cloudsvc.audit.copying import Copier
from cloudsvc.audit.entries import Event, Outcome
from cloudsvc.audit.reading import AuditReader
from cloudsvc.audit.recording import Recorder, audit_unavailable
from cloudsvc.core.actors import OWNER_CREDENTIAL, Principal
from cloudsvc.core.clock import Instant, read_clock
from cloudsvc.core.reactors import IReactor
from cloudsvc.core.threads import ThreadRunner
from cloudsvc.identity.keys import KEY_CREDENTIAL
from cloudsvc.identity.link_format import LINK_MOUNT, hide_links
from cloudsvc.identity.links import LINK_CREDENTIAL
from cloudsvc.observe.health import Check, Finding
from cloudsvc.storage.engines import Engines
from cloudsvc.storage.meters import DatabaseMeter
from cloudsvc.web.http1.exchange import SAFE_METHODS

if TYPE_CHECKING:
    from cloudsvc.storage.audit.opening import OpenAuditLog
    from cloudsvc.web.http1.request import Request

_REFUSED: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS})

_LINKS: Final = f"/{LINK_MOUNT}/"
"""What the paths of links begin with."""


@define(eq=False, kw_only=True)
class Auditing:
    """
    The audit while the server runs: a :class:`cloudsvc.web.recording.Recorder`.

    :param data: the directory of a home in which those of its services are.
    :param writer: exactly one thread.
    :param readers: :data:`~cloudsvc.storage.database.lanes.READER_THREADS` of them.
    :param threads: for the file, if there is one.
    :param file: to which each entry is copied as a line; ``None`` for none.
    :param keep: microseconds for which entries are kept; ``None`` for ever.
    :param meter: is told how a database is used that is elsewhere.
    """

    _data: Path
    _engines: Engines
    _reactor: IReactor
    _writer: ThreadRunner
    _readers: ThreadRunner
    _threads: ThreadRunner
    _file: Path | None
    _keep: Instant | None
    _meter: DatabaseMeter
    _log: OpenAuditLog | None = field(init=False, default=None)
    _recorder: Recorder | None = field(init=False, default=None)
    _copier: Copier | None = field(init=False, default=None)

    @property
    def name(self) -> str:
        """What the log calls it."""
        return "the audit"

    def find_reader(self) -> AuditReader:
        """
        What the audit is read by.

        :raises LookupError: it is not open yet.
        """
        if self._log is None:
            raise LookupError("the audit is not open yet")
        return AuditReader(log=self._log)

    async def start(self) -> None:
        """
        Open it.

        :raises OperatorError: it cannot be opened.
        """
        # Who has no audit need not wait for the import of what it is kept in.
        from cloudsvc.storage.audit.line_file import PLACE_NAME, LineFile  # noqa: PLC0415  # as said
        from cloudsvc.storage.audit.opening import open_audit  # noqa: PLC0415  # likewise

        self._log = await open_audit(
            self._data,
            self._engines,
            writer=self._writer,
            readers=self._readers,
            reactor=self._reactor,
            meter=self._meter,
        )
        self._recorder = Recorder(log=self._log, clock=self._reactor, now=read_clock, keep=self._keep)
        self._recorder.start()
        if self._file is not None:
            file = LineFile(path=self._file, place=self._data / PLACE_NAME, threads=self._threads)
            self._copier = Copier(log=self._log, file=file, clock=self._reactor)
            self._copier.start()

    async def stop(self) -> None:
        """Append what is left, and close it."""
        try:
            if self._recorder is not None:
                await self._recorder.stop()
            if self._copier is not None:
                await self._copier.stop()
        finally:
            if self._log is not None:
                await self._log.close()

    def check(self) -> None:
        """See :class:`~cloudsvc.web.recording.Recorder`."""
        if self._recorder is None:
            raise audit_unavailable()
        self._recorder.check()

    async def record(self, request: Request, status: int) -> None:
        """See :class:`~cloudsvc.web.recording.Recorder`."""
        if self._recorder is None:
            raise audit_unavailable()
        await self._recorder.record(self._describe(request, status, Outcome.DONE))

    def note(self, request: Request, status: int) -> None:
        """See :class:`~cloudsvc.web.recording.Recorder`. What changed nothing for other reasons is in no audit."""
        if self._recorder is None:
            return
        if status in _REFUSED or _is_guess(request, status):
            self._recorder.count(self._describe(request, status, Outcome.REFUSED), request.sender.bucket)
        elif (
            status >= HTTPStatus.INTERNAL_SERVER_ERROR
            and request.principal is not None
            and request.method not in SAFE_METHODS
        ):
            # Something of it may have been done.
            self._recorder.note(self._describe(request, status, Outcome.FAILED))

    def see(self, request: Request, status: int) -> None:
        """See :class:`~cloudsvc.web.recording.Recorder`. Of what changes nothing, uses of links are in it."""
        principal = request.principal
        if self._recorder is not None and principal is not None and principal.credential.startswith(LINK_CREDENTIAL):
            self._recorder.note(self._describe(request, status, Outcome.DONE))

    def checks(self) -> list[Check]:
        """The health checks."""
        found = [Check(name="audit", vital=False, run=self._look)]
        if self._file is not None:
            found.append(Check(name="audit_file", vital=False, run=self._look_at_file))
        return found

    async def _look(self) -> Finding:
        if self._recorder is not None and self._recorder.is_failing:
            return Finding(ok=False, message="The audit takes no entries, so that nothing can be changed.")
        return Finding(ok=True, message="The audit takes entries.")

    async def _look_at_file(self) -> Finding:
        if self._copier is not None and self._copier.is_failing:
            return Finding(ok=False, message="The audit is not copied to its file, and will be later. See the log.")
        return Finding(ok=True, message="The audit is copied to its file.")

    def _describe(self, request: Request, status: int, outcome: Outcome) -> Event:
        principal = request.principal
        is_refused = outcome is Outcome.REFUSED
        return Event(
            at=read_clock(),
            actor="" if principal is None else principal.actor.name,
            credential="" if principal is None else principal.via,
            key=_name_key(principal),
            client=request.sender.address,
            request=request.id,
            action=f"{request.method.decode('ascii', 'replace')} {request.pattern}",
            # One entry stands for refusals of many paths, and nobody who is refused chooses what is written down.
            target="" if is_refused else hide_links("/" + "/".join(request.segments)),
            target_id="" if is_refused else request.target_id,
            outcome=outcome,
            status=status,
        )


def _is_guess(request: Request, status: int) -> bool:
    """Whether what was shown as a link is none."""
    return status == HTTPStatus.NOT_FOUND and request.principal is None and request.pattern.startswith(_LINKS)


def _name_key(principal: Principal | None) -> str:
    """The id of the key that was shown; that of a session, or a link, where it was one of these."""
    if principal is None or principal.credential == OWNER_CREDENTIAL:
        return ""
    return principal.credential.removeprefix(KEY_CREDENTIAL)
