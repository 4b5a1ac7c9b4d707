"""Change feed: what happened to the tree, in order."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Sequence
from enum import Enum
from typing import Final

from attrs import define, field, frozen
from twisted.logger import Logger

from cloudsvc.drive.errors import invalid_position
from cloudsvc.drive.names import DrivePath
from cloudsvc.drive.nodes import Instant, NodeId, Version

_log = Logger()


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
    :ivar version: what the file contained when the change was read, which may be later than the change; ``None`` of a
        folder, and of a file that whoever reads does not see any more, wherever it is.
    """

    number: int
    kind: ChangeKind
    node: NodeId
    is_folder: bool
    path: DrivePath
    source: DrivePath | None
    at: Instant
    actor: str
    version: Version | None = None


@frozen(kw_only=True)
class Position:
    """
    Up to where somebody has read the changes.

    :ivar epoch: as in :class:`Changes`.
    :ivar number: of the last change that was read.
    """

    epoch: str
    number: int

    def __str__(self) -> str:
        """As clients are told: to them it is one word."""
        return f"{self.epoch}-{self.number}"


_POSITION: Final = re.compile(r"([0-9A-Za-z]{1,64})-(0|[1-9][0-9]{0,18})", re.ASCII)


def parse_position(text: str) -> Position:
    """
    The position that was told as ``text``.

    :raises CloudError: it is none.
    """
    found = _POSITION.fullmatch(text)
    if found is None or int(found[2]) >= 2**63:
        raise invalid_position()
    return Position(epoch=found[1], number=int(found[2]))


@frozen(kw_only=True)
class Looked:
    """
    How far changes have been looked through on behalf of somebody, seen or not. It is told to nobody: what happens
    where an actor does not see it, is not the actor's to know.

    :ivar to: the number of the last change of all.
    :ivar sight: what the actor saw at that moment. As soon as that is something else, it says nothing any more.
    """

    to: int
    sight: Hashable


@frozen(kw_only=True)
class Changes:
    """
    What happened after some number, in order.

    :ivar epoch: another one after a restore; numbers of different epochs have nothing to do with each other.
    :ivar last: the number of the last of ``items``, or the number that was asked for where there are none.
    :ivar looked: how far was looked for them, for whoever goes on from there.
    """

    epoch: str
    last: int
    items: Sequence[Change]
    looked: Looked = field(eq=False)


@define(eq=False)
class ChangeSignal:
    """
    Wakes whoever waits for changes: the feed says what they are.

    Its listeners are bounded by those who wait, each of which ends its own.
    """

    _listeners: dict[object, Callable[[], None]] = field(factory=dict)
    _is_due: bool = False

    def add(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` from now on, until the function is called that is returned."""
        mark = object()
        self._listeners[mark] = listener
        return lambda: self._listeners.pop(mark, None) and None

    @property
    def is_awaited(self) -> bool:
        """Whether anybody waits."""
        return bool(self._listeners)

    def note(self) -> None:
        """A change is about to be committed. From any thread."""
        self._is_due = True

    @property
    def is_due(self) -> bool:
        """Whether a change is about to be committed."""
        return self._is_due

    def wake(self) -> None:
        """What was about to be committed has been, or has failed. In the thread of the listeners."""
        if self._is_due:
            self._is_due = False
            self.wake_all()

    def wake_all(self) -> None:
        """Somebody else may have changed something. In the thread of the listeners."""
        for listener in [*self._listeners.values()]:
            try:
                listener()
            except Exception:  # noqa: BLE001  # whatever one does wrong, the others wait too
                _log.failure("a listener to changes failed")
