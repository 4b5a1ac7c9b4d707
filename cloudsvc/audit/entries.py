"""Entries of the audit: what happened, as one line of it."""

from __future__ import annotations

import unicodedata
from enum import Enum
from typing import Final

from attrs import field, frozen
from attrs.validators import ge, instance_of, le

from cloudsvc.audit import bounds
from cloudsvc.core.clock import Instant

_HIDDEN: Final = frozenset({"Cc", "Cs"})
"""Categories of Unicode that are no text: controls, and halves of characters, which no database takes."""

_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"

_MOST: Final = 2**63 - 1

_FIRST: Final = -62_135_596_800_000_000
_LAST: Final = 253_402_300_799_999_999
"""Moments of the years 1 to 9999, which are all that can be written."""


class Outcome(Enum):
    """What became of it."""

    DONE = "done"
    """It was done."""
    REFUSED = "refused"
    """Whoever asked was not let in, or may not do it, or not as often."""
    FAILED = "failed"
    """It could not be done, for whatever other reason."""


def clip(text: str, most: int = bounds.MAX_TEXT) -> str:
    """``text`` without anything that is no character, up to its first ``most`` characters."""
    if len(text) <= most and str.isprintable(text):
        return text
    return "".join(_REPLACEMENT if unicodedata.category(each) in _HIDDEN else each for each in text[:most])


def _clip_some(text: str | None) -> str | None:
    return None if text is None else clip(text)


def _clip_object(text: str) -> str:
    return clip(text, bounds.MAX_OBJECT)


@frozen(kw_only=True)
class Event:
    """
    What happened. It never holds a secret; its texts are clipped where they are too long.

    :ivar at: when, by the clock of whoever noted it.
    :ivar actor: the name of whoever asked; empty where that was not established.
    :ivar credential: of which kind the credential was; empty where there was none that is good.
    :ivar key: the id of the key, where it was one.
    :ivar client: the address of the client; empty for a command on this machine.
    :ivar request: the id of the request, which the access log has as well.
    :ivar action: what was asked for, in lower-case words with dots between them, such as ``files.put``.
    :ivar target: what it was asked of, such as a path or a name.
    :ivar target_id: the id of that, where it has one.
    :ivar status: the HTTP status of the answer; 0 where there was none.
    :ivar count: how many equal ones this one stands for.
    :raises ValueError: a number is out of its range.
    """

    at: Instant = field(validator=[instance_of(int), ge(_FIRST), le(_LAST)])
    actor: str = field(default="", converter=clip)
    credential: str = field(default="", converter=clip)
    key: str = field(default="", converter=clip)
    client: str = field(default="", converter=clip)
    request: str = field(default="", converter=clip)
    action: str = field(converter=clip)
    target: str = field(default="", converter=_clip_object)
    target_id: str = field(default="", converter=clip)
    outcome: Outcome
    status: int = field(default=0, validator=[instance_of(int), ge(0), le(999)])
    count: int = field(default=1, validator=[instance_of(int), ge(1), le(_MOST)])


@frozen(kw_only=True)
class Entry:
    """
    An event in its place in the audit.

    :ivar number: counts from 1, without gaps.
    :ivar digest: of this entry and all before it; see :mod:`cloudsvc.audit.chain`.
    """

    number: int
    event: Event
    digest: bytes = field(repr=bytes.hex)


@frozen(kw_only=True)
class Wanted:
    """
    Which entries are asked for; those of whatever kind by default.

    :ivar since: leaves out all that happened earlier.
    :ivar until: leaves out all that happened then, or later.
    """

    actor: str | None = field(default=None, converter=_clip_some)
    action: str | None = field(default=None, converter=_clip_some)
    outcome: Outcome | None = None
    since: Instant = -_MOST
    until: Instant = _MOST

    def includes(self, event: Event) -> bool:
        """Whether an event is one of those."""
        return (
            self.actor in (None, event.actor)
            and self.action in (None, event.action)
            and self.outcome in (None, event.outcome)
            and self.since <= event.at < self.until
        )
