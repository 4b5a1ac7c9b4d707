"""Telling of changes: a change as an answer has it, and as an event of a stream."""

from __future__ import annotations

import msgspec
from attrs import frozen

from cloudsvc.api.drive.messages import ChangeEntry
from cloudsvc.extend.drive import Change, Position


@frozen(kw_only=True)
class ToldChange:
    """
    A change in both forms, made once for all who are told of it. Its length is that of the event.

    :ivar event: as Server-Sent Events have it (HTML, 9.2.5).
    """

    entry: ChangeEntry
    event: bytes

    def __len__(self) -> int:
        return len(self.event)

    @classmethod
    def of(cls, position: Position, change: Change) -> ToldChange:
        """``change``, which is at ``position``."""
        entry = ChangeEntry.of(position, change)
        # JSON without white space is one line: line breaks in strings are escaped.
        event = b"id: %b\ndata: %b\n\n" % (entry.id.encode("ascii"), msgspec.json.encode(entry))
        return cls(entry=entry, event=event)
