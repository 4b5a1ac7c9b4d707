"""The HTTP API of the audit: its entries, for who manages the whole drive."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, ClassVar, Final

from attrs import frozen
from msgspec import Meta

from cloudsvc.api.moments import MOMENT_PATTERN, Moment, parse_moment
from cloudsvc.extend import (
    Application,
    CloudError,
    Kind,
    Klein,
    Message,
    NoSettings,
    Request,
    Routes,
    Tools,
    accepts_query,
    authorized,
    route,
    throttled,
)
from cloudsvc.extend.audit import AuditReader, Entry, Outcome, Wanted
from cloudsvc.extend.drive import Instant, format_instant

SCOPE: Final = "audit:read"
"""The scope of whoever may read it, as far as they may at all."""

_NO_RIGHT: Final = "The key lacks the scope, or one does not manage the whole drive."
_FAILED: Final = "The storage does not work or has too much to do, or requests cannot be counted."

_MomentText = Annotated[str, Meta(extra_json_schema={"pattern": f"^{MOMENT_PATTERN}$"})]
_Word = Annotated[str, Meta(min_length=1, max_length=256)]


@frozen(kw_only=True)
class AuditQuery:
    """Which entries to give."""

    actor: Annotated[_Word | None, Meta(description="Only what this one did.")] = None
    action: Annotated[_Word | None, Meta(description="Only this, such as `PUT /api/files/{path}`.")] = None
    outcome: Annotated[Outcome | None, Meta(description="Only what came to this.")] = None
    since: Annotated[_MomentText | None, Meta(description="Leaves out what happened earlier (RFC 3339).")] = None
    until: Annotated[_MomentText | None, Meta(description="Leaves out what happened then or later.")] = None
    limit: Annotated[int, Meta(ge=1, le=1_000, description="How many entries at most.")] = 100
    cursor: Annotated[
        Annotated[str, Meta(pattern=r"^[1-9][0-9]{0,17}$")] | None,
        Meta(description="From the page before; without it, the newest entries."),
    ] = None

    def read(self) -> Wanted:
        """
        What is asked for.

        :raises CloudError: a moment is none.
        """
        everything = Wanted()
        return Wanted(
            actor=self.actor,
            action=self.action,
            outcome=self.outcome,
            since=everything.since if self.since is None else _read_moment(self.since),
            until=everything.until if self.until is None else _read_moment(self.until),
        )


@frozen(kw_only=True)
class AuditEntry:
    """
    One entry.

    :ivar number: Counts from 1, without gaps.
    :ivar actor: Whose credential it was; empty where there was none that is good.
    :ivar credential: Of which kind that was.
    :ivar key: The id of the key, where it was one.
    :ivar client: The address of the client.
    :ivar request_id: As the access log has it.
    :ivar action: The method, and the pattern of the route.
    :ivar target: The path that was asked for; empty for what was refused.
    :ivar target_id: The id, or the name, of what was made or changed, where that is known.
    :ivar status: Of the answer.
    :ivar count: For how many equal refusals the entry stands.
    :ivar digest: SHA-256 over the digest before and this entry, in hexadecimal digits.
    """

    number: int
    at: Moment
    actor: str
    credential: str
    key: str
    client: str
    request_id: str
    action: str
    target: str
    target_id: str
    outcome: Outcome
    status: int
    count: int
    digest: str

    @classmethod
    def of(cls, entry: Entry) -> AuditEntry:
        """``entry`` as readers see it."""
        event = entry.event
        return cls(
            number=entry.number,
            at=format_instant(event.at),
            actor=event.actor,
            credential=event.credential,
            key=event.key,
            client=event.client,
            request_id=event.request,
            action=event.action,
            target=event.target,
            target_id=event.target_id,
            outcome=event.outcome,
            status=event.status,
            count=event.count,
            digest=entry.digest.hex(),
        )


@frozen(kw_only=True)
class AuditMessage(Message):
    """
    Some entries, the newest first.

    :ivar entries: There may be none of them though there is another page.
    :ivar cursor: Of the next page; `null` where nothing is left.
    """

    entries: tuple[AuditEntry, ...]
    cursor: str | None


@frozen(kw_only=True)
class AuditRoutes:
    """``/audit``."""

    app: ClassVar[Klein] = Klein()
    reader: AuditReader

    @route(app, "GET", "/audit", errors={403: _NO_RIGHT, 503: _FAILED})
    @authorized(SCOPE)
    @throttled("api")
    @accepts_query(AuditQuery)
    async def list_audit(self, request: Request, query: AuditQuery) -> AuditMessage:
        """List who changed what, and who was refused, the newest first."""
        before = None if query.cursor is None else int(query.cursor)
        page = await self.reader.find_page(request.actor, query.read(), query.limit, before=before)
        cursor = None if page.before is None else str(page.before)
        return AuditMessage(message="Entries listed.", entries=tuple(map(AuditEntry.of, page.entries)), cursor=cursor)


class AuditApplication(Application[NoSettings]):
    """Who changed what, and who was refused."""

    name = "audit"
    mounts = ("audit",)
    route_types = (AuditRoutes,)

    def __init__(self, settings: NoSettings, tools: Tools, *, find_reader: Callable[[], AuditReader]) -> None:
        super().__init__(settings, tools)
        self._find_reader = find_reader

    def make_routes(self) -> Sequence[Routes]:
        """The one class of them."""
        return (AuditRoutes(reader=self._find_reader()),)


def _read_moment(text: str) -> Instant:
    moment = parse_moment(text)
    if moment is None:
        message = "since or until is no moment: write a date and time such as 2026-01-31T12:00:00Z (RFC 3339)."
        raise CloudError(Kind.INVALID, "invalid_moment", message)
    return moment
