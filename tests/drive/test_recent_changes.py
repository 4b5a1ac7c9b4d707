"""Recent changes that are kept for all who see the same."""

from __future__ import annotations

import pytest

from cloudsvc.core.actors import OWNER
from cloudsvc.drive import recent_changes
from cloudsvc.drive.changes import Changes, Looked
from cloudsvc.drive.recent_changes import Kept, View

LOOKED = Looked(to=0, sight=None)


def make_view(folder: int) -> View[str]:
    return View(key=frozenset({folder}), actor=OWNER, epoch="e", start=0, last=0, looked=LOOKED)


def test_whoever_was_read_for_longest_ago_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent_changes, "MOST_BYTES", 25)
    kept: Kept[str] = Kept()
    views = [make_view(folder) for folder in range(3)]
    for number, view in enumerate([*views, views[1]], 1):
        view.take_in(Changes(epoch="e", last=number, items=(), looked=LOOKED), [(number, "ten bytes.")])
        kept.count(view)
    assert [view.held for view in views] == [0, 20, 0]
    assert views[1].list_after(0, 9) == [(2, "ten bytes."), (4, "ten bytes.")]
    assert (views[0].start, views[0].list_after(1, 9)) == (1, [])
    # What was forgotten counts no more.
    views[1].shed()
    for view in views[1:]:
        kept.count(view)
    views[0].take_in(Changes(epoch="e", last=5, items=(), looked=LOOKED), [(5, "x" * 25)])
    kept.count(views[0])
    assert views[0].held == 25
