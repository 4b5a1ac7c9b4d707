"""Change feed as readers have seen it: complete, in order, and the same for all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from threading import Lock
from typing import Any

from attrs import define, field, frozen

from tests.support.chaos.history import Operation, Outcome


@frozen(kw_only=True)
class Note:
    """A change, as a reader was told."""

    number: int
    kind: str
    path: str
    source: str | None
    is_folder: bool

    @property
    def is_writing(self) -> bool:
        """Whether bytes were stored."""
        return self.kind in {"created", "changed"}


@define(eq=False)
class Reader:
    """
    Follows the feed from its beginning, and notes what is not as it must be.

    :ivar faults: what was wrong, in words.
    """

    name: str
    last: int = 0
    notes: dict[int, Note] = field(factory=dict)
    faults: list[str] = field(factory=list)
    _epoch: str = ""
    _lock: Lock = field(factory=Lock)

    def read(self, page: Mapping[str, Any]) -> None:
        """Take in what was answered to the question what comes after ``last``."""
        numbers = [each["number"] for each in page["items"]]
        with self._lock:
            if self._epoch not in {"", page["epoch"]}:
                self.faults.append(f"{self.name}: another epoch {page['epoch']} after {self._epoch}")
            expected = [*range(self.last + 1, self.last + 1 + len(numbers))]
            if numbers != expected:
                self.faults.append(f"{self.name}: after {self.last} came {numbers[:20]} and not {expected[:20]}")
            self._epoch = page["epoch"]
            for each in page["items"]:
                self.notes[each["number"]] = Note(**each)
            self.last = max([self.last, *numbers])

    def without(self, paths: Set[str]) -> Reader:
        """The same, but for some paths."""
        kept = {number: note for number, note in self.notes.items() if note.path not in paths}
        return Reader(self.name, self.last, kept, self.faults)


def compare_readers(readers: Sequence[Reader], whole: Reader) -> Iterator[str]:
    """Where what somebody saw is not what is there in the end."""
    yield from (fault for reader in [*readers, whole] for fault in reader.faults)
    for reader in readers:
        for number, note in reader.notes.items():
            if whole.notes.get(number) != note:
                yield f"{reader.name} saw {note}, and in the end it is {whole.notes.get(number)}"


def count_effects(operations: Sequence[Operation], whole: Reader) -> Iterator[str]:
    """Where changes are missing that were acknowledged, or there are some that nobody has made."""
    told = Counter(
        ("written" if note.is_writing else note.kind, note.path) for note in whole.notes.values() if not note.is_folder
    )
    acknowledged = Counter(each.effect for each in operations if each.effect and each.outcome is Outcome.DONE)
    possible = Counter(each.effect for each in operations if each.effect and each.outcome is not Outcome.REFUSED)
    for effect in {*told, *possible}:
        if not acknowledged[effect] <= told[effect] <= possible[effect]:
            yield (
                f"the feed has {told[effect]} changes {effect}; {acknowledged[effect]} were acknowledged,"
                f" and {possible[effect]} asked for"
            )


def replay(whole: Reader) -> Iterator[str]:
    """Where a change of a file tells of something that cannot follow what came before."""
    there: set[str] = set()
    for _, note in sorted(whole.notes.items()):
        if note.is_folder:
            continue
        origin = note.source if note.kind == "moved" else note.path
        if (origin in there) is (note.kind in {"created", "restored"}):
            yield f"{note} where {origin} {'is' if origin in there else 'is not'}"
        there.discard(str(origin))
        if note.kind == "discarded":
            there.discard(note.path)
        else:
            there.add(note.path)


def list_present(whole: Reader) -> set[str]:
    """Paths of files that are there after all changes."""
    there: set[str] = set()
    for _, note in sorted(whole.notes.items()):
        if note.is_folder:
            continue
        if note.source is not None:
            there.discard(note.source)
        if note.kind == "discarded":
            there.discard(note.path)
        else:
            there.add(note.path)
    return there
