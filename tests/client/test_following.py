"""Following of changes: from position to position, across connections that are lost."""

from __future__ import annotations

import pytest

from cloudsvc.cli.remote.watching import format_change, is_below
from cloudsvc.client.calls import list_changes
from cloudsvc.client.effects import Answer
from cloudsvc.client.errors import GoneError
from cloudsvc.client.following import follow
from cloudsvc.client.retrying import RetryPolicy
from cloudsvc.client.values import Change
from tests.support.scripted_answers import Script, lost, refuse

POLICY = RetryPolicy(attempts=3, first_delay=0.0)


def tell(position: str, *ids: str) -> Answer:
    changes = ",".join(
        f'{{"id":"{each}","kind":"created","node":1,"path":"a","source":null,"is_folder":false,"mime_type":null,'
        f'"size":null,"etag":null,"modified_at":null,"at":"2026-01-01T00:00:00Z"}}'
        for each in ids
    )
    content = f'{{"changes":[{changes}],"position":"{position}"}}'.encode()
    return Answer(status=200, headers={}, content=content)


def targets(script: Script) -> list[str]:
    return [call.target.removeprefix("/api/changes") for call in script.asked]


def test_it_goes_on_from_where_it_was() -> None:
    script = Script([tell("e-1"), tell("e-3", "e-2", "e-3"), tell("e-3"), lost(), tell("e-4", "e-4"), refuse(410)])
    with pytest.raises(GoneError):
        script.run(follow(None, POLICY))
    assert [change.id for change in script.emitted] == ["e-2", "e-3", "e-4"]
    assert targets(script) == ["", *(f"?since=e-{number}&wait=50" for number in (1, 3, 3, 3, 4))]


def test_answers_without_changes_make_no_busy_loop() -> None:
    script = Script([*[tell("e-1")] * 5, refuse(410)])
    with pytest.raises(GoneError):
        script.run(follow("e-1", POLICY))
    assert len(script.slept) == 5
    assert min(script.slept) > 0


def test_it_begins_where_it_is_told() -> None:
    script = Script([tell("e-8", "e-8"), refuse(410)])
    with pytest.raises(GoneError):
        script.run(follow("e-7", POLICY))
    assert targets(script) == ["?since=e-7&wait=50", "?since=e-8&wait=50"]


def test_an_answer_may_take_as_long_as_the_server_is_to_wait() -> None:
    assert list_changes("e-1", 60).patience == 60
    assert list_changes(None).patience == 0


def change(path: str, source: str | None = None) -> Change:
    [told] = list_changes(None).parse(tell("e-1", "e-1")).changes
    return Change(
        id=told.id,
        kind="moved" if source else "created",
        node=1,
        path=path,
        source=source,
        is_folder=False,
        mime_type=None,
        size=None,
        etag=None,
        modified_at=None,
        at=told.at,
    )


@pytest.mark.parametrize(
    ("path", "source", "below"),
    [("a", None, True), ("a/b", None, True), ("ab", None, False), ("c", "a/b", True), ("c", "ab", False)],
)
def test_only_what_is_in_the_folder_is_shown(path: str, source: str | None, below: bool) -> None:  # noqa: FBT001 - a row
    assert is_below("a", change(path, source)) is below
    assert is_below("", change(path, source))


def test_lines_for_people() -> None:
    assert format_change(change("a\x1b")) == "created   a\\x1b"
    assert format_change(change("b", "a")) == "moved     a -> b"
