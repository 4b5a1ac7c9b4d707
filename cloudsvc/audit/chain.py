"""
The chain of the audit: the digest of each entry covers the one before it, so that nothing in the middle can be altered,
left out or put in without altering all that follows.

It is a plain SHA-256 (FIPS 180-4), without a key: whoever may write to the store can make all of it anew. What shows
that, and an end that was cut off, is a :class:`Head` that was kept elsewhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Final

from attrs import field, frozen

from cloudsvc.audit.entries import Entry, Event

_FORM: Final = "cloudsvc audit 1"
"""Names what is digested, so that no other form can be taken for it."""


@frozen(kw_only=True)
class Head:
    """
    How far an audit has come: the last entry, or the last one that was cut off at its beginning.

    :ivar number: 0 before the first one.
    """

    number: int
    digest: bytes = field(repr=bytes.hex)


BEGINNING: Final = Head(number=0, digest=bytes(32))
"""Of an audit that has no entry yet."""

_DIGITS: Final = 64
"""Of a digest in hexadecimal."""

_MOST_NUMBER_DIGITS: Final = 18
"""Of the number of an entry: databases take no longer ones."""


def format_head(head: Head) -> str:
    """``head`` as a text: ``NUMBER:DIGEST``, the digest in hexadecimal."""
    return f"{head.number}:{head.digest.hex()}"


def parse_head(text: str) -> Head | None:
    """What :func:`format_head` has written; ``None`` where it has not."""
    number, _, digest = text.partition(":")
    if not number.isdecimal() or len(number) > _MOST_NUMBER_DIGITS or len(digest) != _DIGITS:
        return None
    try:
        return Head(number=int(number), digest=bytes.fromhex(digest))
    except ValueError:
        return None


def write_canonically(number: int, event: Event) -> bytes:
    """
    The bytes of an entry: a JSON list (RFC 8259) in ASCII without spaces, of the name of this form, the number, and
    all that the event says, in the order of :class:`~cloudsvc.audit.entries.Event`.
    """
    said = [
        *(_FORM, number, event.at, event.actor, event.credential, event.key, event.client, event.request),
        *(event.action, event.target, event.target_id, event.outcome.value, event.status, event.count),
    ]
    return json.dumps(said, ensure_ascii=True, separators=(",", ":")).encode("ascii")


def digest_entry(previous: bytes, number: int, event: Event) -> bytes:
    """SHA-256 over the digest of the previous entry and the bytes of this one."""
    return hashlib.sha256(previous + write_canonically(number, event)).digest()


def chain(head: Head, events: Iterable[Event]) -> Iterator[Entry]:
    """``events`` as the entries that follow ``head``."""
    number, digest = head.number, head.digest
    for event in events:
        number += 1
        digest = digest_entry(digest, number, event)
        yield Entry(number=number, event=event, digest=digest)
