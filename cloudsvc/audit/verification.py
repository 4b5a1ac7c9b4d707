"""Verification of an audit: whether its chain holds from its beginning to its end."""

from __future__ import annotations

from typing import Final

from attrs import evolve, frozen

from cloudsvc.audit.bounds import MAX_TOGETHER
from cloudsvc.audit.chain import BEGINNING, Head, digest_entry
from cloudsvc.audit.entries import Entry
from cloudsvc.audit.log import AuditLog

_ALTERED: Final = "it was altered, or what the log remembers of those that were cut off before it"
_MISSING: Final = "it is missing, or cannot be read"
_ANEW: Final = "up to here the audit is not the one that is known: it was made anew"


@frozen(kw_only=True)
class Verified:
    """
    What was found.

    :ivar base: after which entry the audit begins.
    :ivar head: the last entry that is as it was written, in a chain that holds up to it.
    :ivar is_compared: whether what is known was held against the audit; not where that entry was cut off before.
    :ivar altered: the number of the first entry that is not; ``None`` where all are.
    :ivar reason: what is wrong with that, in words; empty where nothing is.
    """

    base: Head
    head: Head
    is_compared: bool = True
    altered: int | None = None
    reason: str = ""


async def verify(log: AuditLog, known: Head = BEGINNING) -> Verified:
    """
    Read all entries, and hold each against the chain, up to those that there were when it began.

    What is cut off for its age meanwhile is passed over.

    :param known: how far the audit had come earlier, from a place where nobody could alter it: what was made anew
        since, or cut off at the end, is found by it, as long as that entry is still there.
    :raises CloudError: the log fails.
    """
    extent = await log.find_extent()
    base = previous = last = extent.base
    is_compared = base.number <= known.number or known == BEGINNING
    if _contradicts(base, known):
        return _tell(base, base, base.number + 1, _ANEW)
    while last.number < extent.head.number:
        entries = await log.read(last.number, MAX_TOGETHER)
        if not entries or entries[0].number != last.number + 1:
            now = (await log.find_extent()).base
            if now.number <= last.number:
                return _tell(base, last, last.number + 1, _MISSING)
            is_compared = is_compared and not last.number < known.number < now.number
            base = previous = last = now
            if _contradicts(base, known):
                return _tell(base, base, base.number + 1, _ANEW)
            continue
        for entry in entries:
            reason = _find_fault(last, entry, known)
            if reason:
                return _tell(base, last, last.number + 1, reason)
            previous, last = last, Head(number=entry.number, digest=entry.digest)
            if last.number == extent.head.number and last.digest != extent.head.digest:
                return _tell(base, previous, last.number, "it is not the end that the log remembers")
    return evolve(await _check_end(log, base, last, known), is_compared=is_compared)


async def _check_end(log: AuditLog, base: Head, last: Head, known: Head) -> Verified:
    """See that nothing is missing after ``last``, and nothing too much."""
    beyond = await log.read(last.number, 1)
    # What was appended meanwhile is within the end that the log remembers by then.
    if beyond and beyond[0].number > (await log.find_extent()).head.number:
        return _tell(base, last, beyond[0].number, "it stands beyond the end that the log remembers")
    if last.number < known.number:
        return _tell(base, last, last.number + 1, f"{_MISSING}, as all are up to the known entry {known.number}")
    return Verified(base=base, head=last)


def _find_fault(last: Head, entry: Entry, known: Head) -> str:
    """What is wrong with the entry that follows ``last``."""
    if entry.number != last.number + 1:
        return _MISSING
    if entry.digest != digest_entry(last.digest, entry.number, entry.event):
        return _ALTERED
    return _ANEW if _contradicts(Head(number=entry.number, digest=entry.digest), known) else ""


def _contradicts(found: Head, known: Head) -> bool:
    """Whether both are the same entry, and one of them was made anew."""
    return found.number == known.number and found.digest != known.digest


def _tell(base: Head, head: Head, altered: int, reason: str) -> Verified:
    return Verified(base=base, head=head, altered=altered, reason=reason)
