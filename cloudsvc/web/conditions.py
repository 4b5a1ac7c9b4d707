"""Conditional requests (RFC 9110 section 13)."""

from __future__ import annotations

import re
from enum import Enum, auto
from itertools import islice
from typing import TYPE_CHECKING, Final

from attrs import frozen

from cloudsvc.web.errors import HTTPError
from cloudsvc.web.fields import read_field
from cloudsvc.web.http_dates import format_http_date, parse_http_date
from cloudsvc.web.responses import HeaderList

if TYPE_CHECKING:
    from cloudsvc.web.http1.request import Request

MOST_TAGS: Final = 1000
"""Entity tags in one field. A cache has a few; whoever sends more is told so, since to leave some out could harm."""

_TAG: Final = re.compile(r'(?:(W/)?"([^"]*+)"|([^,\s]++))[^,]*+', re.IGNORECASE).finditer
"""Each member of a list, weak or not; one without its quotes is taken for a strong tag."""


class Evaluation(Enum):
    """What the conditions of a request that reads come to."""

    SEND = auto()
    NOT_MODIFIED = auto()
    FAILED = auto()


@frozen(kw_only=True)
class Validators:
    """
    What tells one state of a resource from another (RFC 9110 section 8.8).

    :ivar tag: the opaque part of the entity tag, which is strong; ``None`` where there is none.
    :ivar modified_at: the second of the last change; ``None`` where nobody knows.
    :ivar returns: whether an older state can be put back with its old date, as with files. Then no other date than the
        very one says that nothing has changed, and that one is as good as a tag for ranges.
    :ivar stored_at: the second in which this state came here, where ``modified_at`` may be older: of a file that has
        brought its dates along.
    """

    tag: str | None
    modified_at: int | None = None
    returns: bool = False
    stored_at: int | None = None

    @property
    def fields(self) -> HeaderList:
        """``ETag`` and ``Last-Modified``, as far as they are known."""
        found: HeaderList = ()
        if self.tag is not None:
            found += ((b"ETag", format_tag(self.tag).encode("ascii")),)
        if self.modified_at is not None:
            found += ((b"Last-Modified", format_http_date(self.modified_at)),)
        return found

    def is_from_before(self, second: int) -> bool:
        """
        Whether this state was here by the end of ``second``. The very date that it has says so too: whoever sends that
        has it from here.
        """
        if self.modified_at is None:
            return False
        return second == self.modified_at or max(self.modified_at, self.stored_at or self.modified_at) <= second


@frozen(kw_only=True)
class EntityTags:
    """
    A list of entity tags, or ``*``.

    :ivar star: whether it is ``*``.
    :ivar strong: the opaque parts of the strong ones.
    :ivar all: those of the weak ones as well.
    """

    star: bool
    strong: frozenset[str]
    all: frozenset[str]

    @classmethod
    def parse(cls, field: str | None) -> EntityTags | None:
        """
        The list in ``field``; ``None`` without a field.

        :raises HTTPError: 431, it is longer than anybody needs.
        """
        if field is None:
            return None
        found = list(islice(_TAG(field), MOST_TAGS + 1))
        if len(found) > MOST_TAGS:
            raise HTTPError(431, "too_many_entity_tags", f"There are more than {MOST_TAGS} entity tags in a field.")
        strong = frozenset(each[3] if each[2] is None else each[2] for each in found if each[1] is None)
        every = strong | {each[2] for each in found if each[1] is not None}
        return cls(star=any(each[3] == "*" for each in found), strong=strong, all=every)

    def contains(self, tag: str | None) -> bool:
        """Whether ``tag`` is in it by the strong comparison (section 8.8.3.2); ``*`` has every tag."""
        return self.star or tag in self.strong

    def contains_weak(self, tag: str | None) -> bool:
        """The same by the weak comparison."""
        return self.star or tag in self.all


@frozen(kw_only=True)
class Preconditions:
    """
    The conditions of one request. Moments are in seconds since the epoch, as coarse as the protocol has them.

    :ivar match: of ``If-Match``; ``None`` without the field.
    :ivar none_match: of ``If-None-Match``.
    :ivar modified_since: of ``If-Modified-Since``; ``None`` also where it is no date.
    :ivar unmodified_since: of ``If-Unmodified-Since``.
    :ivar range_if: of ``If-Range``, as it is.
    """

    match: EntityTags | None = None
    none_match: EntityTags | None = None
    modified_since: int | None = None
    unmodified_since: int | None = None
    range_if: str | None = None

    @classmethod
    def of(cls, request: Request) -> Preconditions:
        """
        Those that ``request`` has.

        :raises HTTPError: 431.
        """
        return cls(
            match=EntityTags.parse(read_field(request, "If-Match")),
            none_match=EntityTags.parse(read_field(request, "If-None-Match")),
            modified_since=parse_http_date(read_field(request, "If-Modified-Since")),
            unmodified_since=parse_http_date(read_field(request, "If-Unmodified-Since")),
            range_if=read_field(request, "If-Range"),
        )

    @property
    def are_any(self) -> bool:
        """Whether the answer may be without content for one of them."""
        asked = (self.match, self.none_match, self.modified_since, self.unmodified_since)
        return any(each is not None for each in asked)

    def evaluate(self, current: Validators) -> Evaluation:
        """What becomes of a request for a representation with these validators, in the order of section 13.2.2."""
        moment = current.modified_at
        if self.match is not None:
            if not self.match.contains(current.tag):
                return Evaluation.FAILED
        elif (
            self.unmodified_since is not None
            and moment is not None
            and not current.is_from_before(self.unmodified_since)
        ):
            return Evaluation.FAILED
        if self.none_match is not None:
            if self.none_match.contains_weak(current.tag):
                return Evaluation.NOT_MODIFIED
        elif self.modified_since is not None and moment is not None:
            same = moment == self.modified_since
            if same or (not current.returns and current.is_from_before(self.modified_since)):
                return Evaluation.NOT_MODIFIED
        return Evaluation.SEND

    def allows_ranges(self, current: Validators) -> bool:
        """
        Whether ``If-Range`` lets a part be sent (section 13.1.5): only with the very validator, or else parts of two
        states would be put together. A weak tag never is.
        """
        if self.range_if is None:
            return True
        if current.tag is not None and self.range_if == format_tag(current.tag):
            return True
        return current.returns and current.modified_at is not None and self.range_if == _spell(current.modified_at)


def format_tag(tag: str) -> str:
    """``tag`` as a strong entity tag."""
    return f'"{tag}"'


def parse_tag(text: str) -> str:
    """The opaque part of ``text``, a strong entity tag; also without its quotes."""
    return text.removeprefix('"').removesuffix('"')


def precondition_failed() -> HTTPError:
    """The refusal of a request whose conditions do not hold (section 15.5.13)."""
    return HTTPError(412, "precondition_failed", "What is here is not as the request demands; look at it again.")


def _spell(second: int) -> str:
    return format_http_date(second).decode("ascii")
