"""Recent changes, as they are told to all who see the same."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Sized
from itertools import islice
from typing import Any, Final, Generic, TypeAlias, TypeVar

from attrs import define, field

from cloudsvc.core.actors import Actor
from cloudsvc.drive.changes import Changes, Looked

F = TypeVar("F", bound=Sized)

Numbered: TypeAlias = tuple[int, F]
"""The number of a change, and what is told of it."""

KEPT: Final = 256
"""Changes that a view keeps at most; but see :data:`KEPT_BYTES`."""

KEPT_BYTES: Final = 256 * 2**10
"""Of what is told of them."""

MOST_BYTES: Final = 32 * 2**20
"""Of what all views keep together, in the form in which it is told."""


@define(eq=False, kw_only=True)
class View(Generic[F]):
    """
    What all who may see some folders are told.

    Every change that they see and that comes after ``start`` is kept, up to ``last``.

    :ivar key: the folders.
    :ivar actor: one of those who may see them.
    :ivar looked: how far the changes have been looked through.
    :ivar held: bytes of what is kept.
    :ivar followers: those who follow, of whom each leaves.
    """

    key: frozenset[int]
    actor: Actor
    epoch: str
    start: int
    last: int
    looked: Looked
    held: int = 0
    followers: dict[Any, None] = field(factory=dict)
    _kept: deque[Numbered[F]] = field(factory=deque)
    _begins_with_last: bool = False

    def take_in(self, changes: Changes, rendered: list[Numbered[F]]) -> None:
        """Keep what was read after ``last``."""
        if changes.looked.sight != self.looked.sight:
            # What was told before may be told in another way from now on.
            self.shed()
        self.looked, self.last = changes.looked, changes.last
        for number, form in rendered:
            self._kept.append((number, form))
            self.held += len(form)
        while len(self._kept) > KEPT or (self.held > KEPT_BYTES and len(self._kept) > 1):
            self.start, form = self._kept.popleft()
            self.held -= len(form)

    def list_waiting(self) -> list[Any]:
        """The followers that wait, each time in the opposite order: so nobody is always told last."""
        waiting = [follower for follower in self.followers if follower.is_waiting]
        if self._begins_with_last:
            waiting.reverse()
        self._begins_with_last = not self._begins_with_last
        return waiting

    def restart(self, found: Changes) -> None:
        """Keep nothing of what came up to the last change, which was ``found`` without those before it."""
        self.looked, self.last = found.looked, found.last
        self.shed()

    def shed(self) -> None:
        """Keep nothing."""
        self.start, self.held = self.last, 0
        self._kept.clear()

    def knows(self, number: int) -> bool:
        """Whether all that came after the change ``number`` is kept, and there was such a change for those who see."""
        return number == self.start or any(number == each for each, _ in self._kept)

    def list_after(self, number: int, most: int) -> list[Numbered[F]]:
        """The first of those after ``number``, ``most`` of them at most."""
        if number >= self.last:
            return []
        passed = 0
        for each, _ in reversed(self._kept):
            if each <= number:
                break
            passed += 1
        first = len(self._kept) - passed
        return [*islice(self._kept, first, first + most)]


@define(eq=False)
class Kept(Generic[F]):
    """What all views keep together, :data:`MOST_BYTES` at most."""

    _held: OrderedDict[View[F], int] = field(factory=OrderedDict)  # the one that was read for last, last
    _total: int = 0

    def count(self, view: View[F]) -> None:
        """``view`` keeps something else now. Where that is too much, the one that was read longest ago is shed."""
        self._total += view.held - self._held.pop(view, 0)
        if view.held:
            self._held[view] = view.held
        while self._total > MOST_BYTES:
            other, held = self._held.popitem(last=False)
            self._total -= held
            # Whoever has not taken it yet reads it from the catalogue.
            other.shed()
