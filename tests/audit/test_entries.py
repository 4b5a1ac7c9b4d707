"""Events: what they hold is text and in bounds, whatever was given."""

from __future__ import annotations

from typing import Any

import pytest

from cloudsvc.audit import bounds
from cloudsvc.audit.chain import digest_entry, write_canonically
from cloudsvc.audit.entries import Outcome, Wanted
from tests.support.audit_logs import make_event


def test_texts_are_clipped_and_hold_no_controls() -> None:
    event = make_event(actor="a" * 1_000, target="\0b\ud800\n" + "c" * 10_000)
    assert len(event.actor) == bounds.MAX_TEXT
    assert len(event.target) == bounds.MAX_OBJECT
    assert event.target.startswith("\ufffdb\ufffd\ufffdc")


@pytest.mark.parametrize("fields", [{"status": -1}, {"status": 1_000}, {"count": 0}, {"count": 2**63}])
def test_numbers_are_in_their_ranges(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(fields))):
        make_event(**fields)


def test_everything_that_an_event_says_is_digested() -> None:
    event = make_event()
    texts = ("actor", "credential", "key", "client", "request", "action", "target", "target_id")
    fields: list[dict[str, Any]] = [{"number": 2}, {"status": 200}, {"count": 2}, {"outcome": Outcome.FAILED}]
    fields += [{name: "other"} for name in texts]
    others = [make_event(**each) for each in fields]
    digests = {digest_entry(bytes(32), 1, each) for each in (event, *others)}
    digests |= {digest_entry(bytes(32), 2, event), digest_entry(b"\1" * 32, 1, event)}
    assert len(digests) == len(others) + 3


def test_the_form_of_what_is_digested_stays() -> None:
    assert write_canonically(7, make_event(target="ä")) == (
        b'["cloudsvc audit 1",7,1000000,"anna","","","","","files.put","\\u00e4","","done",201,1]'
    )


def test_an_event_is_wanted_within_its_moments() -> None:
    assert Wanted(since=1_000_000, until=1_000_001).includes(make_event(1))
    assert not Wanted(until=1_000_000).includes(make_event(1))
    assert not Wanted(since=1_000_001).includes(make_event(1))
