"""The judge of a run tells what was acknowledged and is lost, and whoever was told of a full disk that is not."""

from __future__ import annotations

from http.client import HTTPConnection
from math import inf
from pathlib import Path

import pytest
from attrs import evolve

from tests.support.chaos.asking import Asked, Meeting
from tests.support.chaos.checks import check_bytes
from tests.support.chaos.contents import digest_content
from tests.support.chaos.history import History, Operation, Outcome

STORED = Operation(client="c", kind="put", path="a", begin=5, end=6, outcome=Outcome.DONE, status=201, value="16")


def test_what_was_acknowledged_is_kept() -> None:
    assert [*check_bytes([STORED], {digest_content("16").hex()})] == []
    [finding] = check_bytes([STORED], {digest_content("17").hex()})
    assert finding.startswith("acknowledged and lost: ")


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.UNKNOWN])
def test_what_was_not_acknowledged_need_not_be_kept(outcome: Outcome) -> None:
    assert [*check_bytes([evolve(STORED, outcome=outcome)], set())] == []


@pytest.mark.parametrize(("full_until", "faults"), [(-inf, 1), (4.0, 1), (5.5, 0), (inf, 0)])
def test_only_while_a_disk_is_full_may_somebody_be_told_so(tmp_path: Path, full_until: float, faults: int) -> None:
    history = History.open(tmp_path / "history")
    meeting = Meeting(history, lambda: HTTPConnection("localhost"), "token", full_until=full_until)
    Asked(meeting, evolve(STORED, outcome=Outcome.UNKNOWN, status=507, error="no_space"), None).note_failure()
    assert len(meeting.faults) == faults
    assert [each.outcome for each in history.operations] == [Outcome.REFUSED]
    history.close()
