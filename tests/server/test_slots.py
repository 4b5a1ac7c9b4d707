"""Slots: the first death costs no time, the next ones more and more, and a life resets that."""

from __future__ import annotations

from cloudsvc.server.workers.slots import LONGEST_PAUSE, QUICK_SECONDS, Slot


def test_pauses_grow_to_a_bound() -> None:
    slot = Slot(1)
    assert [slot.note_death(0.5) for _ in range(9)] == [0, 1, 2, 4, 8, 16, LONGEST_PAUSE, LONGEST_PAUSE, LONGEST_PAUSE]
    assert slot.deaths == 9


def test_whoever_has_lived_for_a_while_starts_again_at_once() -> None:
    slot = Slot(1)
    for _ in range(4):
        slot.note_death(QUICK_SECONDS - 0.1)
    assert slot.note_death(QUICK_SECONDS) == 0
    assert slot.deaths == 0
    assert slot.note_death(1) == 0


def test_an_empty_slot_is_not_ready() -> None:
    slot = Slot(1)
    assert not slot.is_ready
    slot.cancel()
    assert slot.again is None
