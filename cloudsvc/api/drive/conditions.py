"""Conditional requests (RFC 9110 section 13): what must hold for a request to be carried out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import Enum, auto

from attrs import evolve, frozen
from werkzeug.datastructures import ETags
from werkzeug.http import http_date, parse_date, parse_etags

from cloudsvc.api.drive.fields import read_field
from cloudsvc.drive.commands import Condition
from cloudsvc.drive.errors import changed_meanwhile
from cloudsvc.drive.nodes import File, Instant
from cloudsvc.extend import Request


class Verdict(Enum):
    """What becomes of a request that reads."""

    SEND = auto()
    NOT_MODIFIED = auto()
    FAILED = auto()


@frozen(kw_only=True)
class Preconditions:
    """
    The conditions of one request. Moments are in seconds since the epoch, as coarse as the protocol has them.

    :ivar match: of ``If-Match``; ``None`` without the field.
    :ivar none_match: of ``If-None-Match``.
    :ivar modified_since: of ``If-Modified-Since``; ``None`` also where it is no date.
    :ivar unmodified_since: of ``If-Unmodified-Since``.
    """

    match: ETags | None = None
    none_match: ETags | None = None
    modified_since: int | None = None
    unmodified_since: int | None = None

    @classmethod
    def of(cls, request: Request) -> Preconditions:
        """Those that ``request`` has."""
        return cls(
            match=_parse_tags(read_field(request, "If-Match")),
            none_match=_parse_tags(read_field(request, "If-None-Match")),
            modified_since=_parse_moment(read_field(request, "If-Modified-Since")),
            unmodified_since=_parse_moment(read_field(request, "If-Unmodified-Since")),
        )

    def judge_reading(self, validator: str, modified_at: Instant | None = None) -> Verdict:
        """
        What becomes of a request for a representation (section 13.2.2).

        :param modified_at: ``None`` where nobody says: then only validators count.
        """
        second = None if modified_at is None else to_second(modified_at)
        if self.match is not None:
            if not self.match.contains(validator):
                return Verdict.FAILED
        elif self.unmodified_since is not None and second is not None and second > self.unmodified_since:
            return Verdict.FAILED
        if self.none_match is not None:
            if self.none_match.contains_weak(validator):
                return Verdict.NOT_MODIFIED
        elif self.modified_since is not None and second is not None and second <= self.modified_since:
            return Verdict.NOT_MODIFIED
        return Verdict.SEND

    async def for_writing(self, find: Callable[[], Awaitable[File | None]]) -> Condition:
        """
        The same for a request that changes the file, so that it is judged in the same step as the change.

        :param find: gives the file; it is asked only where a moment matters.
        :raises CloudError: it has changed since the moment given.
        """
        condition = Condition()
        if self.match is not None:
            condition = evolve(
                condition,
                present=self.match.star_tag,
                validators=None if self.match.star_tag else frozenset(self.match.as_set()),
            )
        elif self.unmodified_since is not None:
            file = await find()
            if file is not None:
                if to_second(file.updated_at) > self.unmodified_since:
                    raise changed_meanwhile(file.path)
                # The second is too coarse for what may happen until the change: from here on the version counts.
                condition = evolve(condition, validators=frozenset({file.version.validator}))
        if self.none_match is not None:
            excluded = frozenset(self.none_match.as_set(include_weak=True))
            condition = evolve(condition, absent=self.none_match.star_tag, excluded=excluded)
        return condition


def allows_ranges(field: str | None, validator: str) -> bool:
    """
    Whether ``field``, an ``If-Range``, lets a part be sent (section 13.1.5).

    Only an entity tag does: a date is as coarse as a second, in which a file may change twice.
    """
    return field is None or field == spell_tag(validator)


def spell_tag(validator: str) -> str:
    """``validator`` as a strong entity tag."""
    return f'"{validator}"'


def parse_tag(text: str) -> str:
    """The validator in ``text``, an entity tag; also without its quotes."""
    return text.removeprefix('"').removesuffix('"')


def spell_moment(instant: Instant) -> bytes:
    """``instant`` as the protocol writes dates (section 5.6.7)."""
    return http_date(to_second(instant)).encode("ascii")


def to_second(instant: Instant) -> int:
    """The whole second that ``instant`` is in."""
    return instant // 1_000_000


def _parse_tags(field: str | None) -> ETags | None:
    return None if field is None else parse_etags(field)


def _parse_moment(field: str | None) -> int | None:
    try:
        moment = parse_date(field)
        return None if moment is None else int(moment.timestamp())
    except OverflowError:
        # It is no date that a calendar has, so it counts for nothing (section 13.1.3).
        return None
