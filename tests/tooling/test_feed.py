"""The judge of what readers of the changes saw refuses gaps, disorder and changes that are lost."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.chaos.feed import Reader, compare_readers, count_effects, list_present, replay
from tests.support.chaos.history import Operation, Outcome


def make_page(*items: tuple[int, str, str], epoch: str = "e", source: str | None = None) -> dict[str, Any]:
    return {
        "epoch": epoch,
        "items": [
            {"number": number, "kind": kind, "path": path, "source": source, "is_folder": False}
            for number, kind, path in items
        ],
    }


def make_reader(*items: tuple[int, str, str]) -> Reader:
    reader = Reader("reader")
    reader.read(make_page(*items))
    return reader


def make_operation(kind: str, path: str, outcome: Outcome) -> Operation:
    return Operation(client="c", kind="k", path=path, begin=0, end=1, outcome=outcome, effect=(kind, path))


def test_a_reader_goes_on_where_it_was() -> None:
    reader = make_reader((1, "created", "a"), (2, "changed", "a"))
    reader.read(make_page())
    reader.read(make_page((3, "discarded", "a")))
    assert (reader.last, reader.faults) == (3, [])


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(make_page((4, "created", "b")), id="gap"),
        pytest.param(make_page((2, "created", "b")), id="a smaller number later"),
        pytest.param(make_page((4, "created", "b"), (3, "created", "c")), id="disorder"),
        pytest.param(make_page((3, "created", "b"), epoch="f"), id="another epoch"),
    ],
)
def test_what_is_not_the_next_is_a_fault(page: dict[str, Any]) -> None:
    reader = make_reader((1, "created", "a"), (2, "changed", "a"))
    reader.read(page)
    assert len(reader.faults) == 1


def test_what_somebody_saw_has_to_be_there_in_the_end() -> None:
    whole = make_reader((1, "created", "a"), (2, "created", "b"))
    assert list(compare_readers([make_reader((1, "created", "a"))], whole)) == []
    assert len(list(compare_readers([make_reader((1, "created", "b"))], whole))) > 0
    assert (
        len(list(compare_readers([make_reader((1, "created", "a"), (2, "created", "b"), (3, "changed", "b"))], whole)))
        > 0
    )


def test_what_was_acknowledged_is_told_as_often_as_it_was_done() -> None:
    whole = make_reader((1, "created", "a"), (2, "changed", "a"))
    done, refused, unknown = (make_operation("written", "a", outcome) for outcome in Outcome)
    assert list(count_effects([done, done], whole)) == []
    assert list(count_effects([done, unknown, unknown], whole)) == []
    assert len(list(count_effects([done, done, done], whole))) > 0
    assert len(list(count_effects([done, refused, refused], whole))) > 0
    assert len(list(count_effects([done, done, make_operation("moved", "b", Outcome.DONE)], whole))) > 0


def test_each_change_follows_from_those_before() -> None:
    whole = make_reader((1, "created", "a"), (2, "changed", "a"), (3, "discarded", "a"), (4, "restored", "a"))
    whole.read(make_page((5, "moved", "b"), source="a"))
    assert list(replay(whole)) == []
    assert list_present(whole) == {"b"}
    assert len(list(replay(make_reader((1, "changed", "a"))))) > 0
    assert len(list(replay(make_reader((1, "created", "a"), (2, "created", "a"))))) > 0
    assert len(list(replay(make_reader((1, "created", "a"), (2, "discarded", "a"), (3, "discarded", "a"))))) > 0
