"""What happened to the tree, in the order in which it did."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from attrs import frozen

from cloudsvc.drive.names import Path
from cloudsvc.drive.nodes import Instant, NodeId


class ChangeKind(Enum):
    """What happened to a file or folder."""

    CREATED = "created"
    CHANGED = "changed"
    """Its content or its tags."""
    MOVED = "moved"
    DISCARDED = "discarded"
    RESTORED = "restored"


@frozen(kw_only=True)
class Change:
    """
    One thing that happened.

    :ivar number: greater than that of everything that happened before, whoever did it.
    :ivar path: where the node was afterwards; for a discarded one, before.
    :ivar source: where a moved one was before.
    """

    number: int
    kind: ChangeKind
    node: NodeId
    is_folder: bool
    path: Path
    source: Path | None
    at: Instant
    actor: str


@frozen(kw_only=True)
class Changes:
    """
    What happened after some number, in order.

    :ivar epoch: another one after a restore; numbers of different epochs have nothing to do with each other.
    :ivar last: the number of the last of ``items``, or the number that was asked for where there are none.
    """

    epoch: str
    last: int
    items: Sequence[Change]
