"""Verification: each alteration is found, and named by the first entry that it concerns."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from attrs import evolve

from cloudsvc.audit.chain import BEGINNING, Head, chain
from cloudsvc.audit.entries import Entry
from cloudsvc.audit.verification import Verified, verify
from cloudsvc.storage.audit.memory import Entries, MemoryAudit
from tests.support.audit_logs import make_event
from tests.support.coroutines import finish


def fill(entries: Entries) -> MemoryAudit:
    log = MemoryAudit(entries)
    finish(log.append([make_event(number, target=str(number)) for number in range(1, 2_501)]))
    finish(log.cut(101_000_000, 1_000))
    return log


def alter(entries: Entries) -> None:
    [entry] = entries.entries[900:901]
    entries.entries[900] = evolve(entry, event=evolve(entry.event, actor="mallory"))


def alter_with_digest(entries: Entries) -> None:
    before, entry = entries.entries[899:901]
    event = evolve(entry.event, actor="mallory")
    entries.entries[900:901] = chain(Head(number=before.number, digest=before.digest), [event])


def remove(entries: Entries) -> None:
    del entries.entries[900]


def swap(entries: Entries) -> None:
    one, other = entries.entries[900:902]
    entries.entries[900:902] = [evolve(one, event=other.event), evolve(other, event=one.event)]


def move_base(entries: Entries) -> None:
    del entries.entries[:901]


@pytest.mark.parametrize(
    ("damage", "altered"),
    [
        (alter, 1_001),
        # The one whose digest was made anew holds, and the next one does not follow it.
        (alter_with_digest, 1_002),
        (remove, 1_001),
        (swap, 1_001),
        (move_base, 101),
    ],
)
def test_what_was_altered_is_found(damage: Callable[[Entries], None], altered: int) -> None:
    entries = Entries()
    log = fill(entries)
    assert finish(verify(log)) == Verified(base=entries.base, head=entries.head)
    damage(entries)
    found = finish(verify(log))
    assert (found.altered, found.head.number) == (altered, altered - 1)
    assert found.reason


def test_a_cut_end_is_found_by_what_is_known() -> None:
    entries = Entries()
    log = fill(entries)
    known = entries.head
    assert finish(verify(log, known)).altered is None
    del entries.entries[-3:]
    assert finish(verify(log)).altered is None
    found = finish(verify(log, known))
    assert (found.altered, found.head) == (2_498, entries.head)


def test_an_audit_that_was_made_anew_is_found_by_what_is_known() -> None:
    entries = Entries()
    log = fill(entries)
    known = entries.head
    events = [evolve(entry.event, actor="mallory") for entry in entries.entries]
    entries.entries = [*chain(entries.base, events)]
    finish(log.append([make_event()]))
    assert finish(verify(log)).altered is None
    assert finish(verify(log, known)).altered == 2_500
    # What is known of an entry that was cut off since tells nothing, and contradicts nothing, which is said.
    found = finish(verify(log, Head(number=50, digest=bytes(32))))
    assert (found.altered, found.is_compared) == (None, False)
    assert all(finish(verify(log, known)).is_compared for known in (BEGINNING, entries.base, entries.head))
    # Nor may it be the one at which the rest begins, and be another.
    assert finish(verify(log, Head(number=100, digest=bytes(32)))).altered == 101


class Cutting(MemoryAudit):
    """One that is cut while it is read."""

    async def read(self, after: int, limit: int) -> Sequence[Entry]:
        if not after % 500:
            await self.cut(1_500_000_000, 1_000)
        return await super().read(after, limit)


def test_what_is_cut_off_meanwhile_is_passed_over() -> None:
    entries = Entries()
    finish(fill(entries).cut(501_000_000, 1_000))
    assert entries.base.number == 500
    found = finish(verify(Cutting(entries)))
    assert (found.altered, found.base.number, found.head.number) == (None, 1_499, 2_500)


@pytest.mark.parametrize(("number", "altered", "is_compared"), [(1_000, None, False), (1_499, 1_500, True)])
def test_what_is_known_of_something_cut_off_meanwhile(number: int, altered: int | None, is_compared: bool) -> None:  # noqa: FBT001  # a case
    entries = Entries()
    finish(fill(entries).cut(501_000_000, 1_000))
    found = finish(verify(Cutting(entries), Head(number=number, digest=bytes(32))))
    assert (found.altered, found.is_compared) == (altered, is_compared)
