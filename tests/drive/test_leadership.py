"""Leadership: one process leads, another one soon after it has gone, and nobody for whom the storage fails."""

from __future__ import annotations

from attrs import define, field
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent

from cloudsvc.drive.errors import storage_failed
from cloudsvc.drive.leadership import CAMPAIGN_SECONDS, Candidate
from tests.support.coroutines import finish


@define(eq=False)
class Office:
    """What one candidate has at a time; it may also be out of reach."""

    holder: object | None = None
    fails: bool = False


@define(eq=False)
class Claim:
    """A leadership of a lease in plain memory, as one candidate sees it."""

    office: Office

    async def campaign(self) -> bool:
        if self.office.fails:
            raise storage_failed()
        if self.office.holder is None:
            self.office.holder = self
        return self.office.holder is self

    async def resign(self) -> None:
        if self.office.holder is self:
            self.office.holder = None


@define(eq=False)
class Party:
    """Candidates for one office, and what each was told."""

    office: Office = field(factory=Office)
    clock: Clock = field(factory=Clock)

    def enter(self) -> tuple[Candidate, list[bool]]:
        told: list[bool] = []
        candidate = Candidate(leadership=Claim(self.office), clock=self.clock, on_change=told.append)
        finish(candidate.start())
        return candidate, told


def test_one_leads_and_the_next_when_it_resigns() -> None:
    party = Party()
    first, told_first = party.enter()
    second, told_second = party.enter()
    assert (first.leads, second.leads) == (True, False)
    finish(first.stop())
    assert not first.leads
    party.clock.advance(CAMPAIGN_SECONDS)
    assert second.leads
    assert (told_first, told_second) == ([True], [True])
    finish(second.stop())
    assert party.clock.getDelayedCalls() == []


def test_whoever_cannot_know_does_not_lead() -> None:
    party = Party()
    candidate, told = party.enter()
    party.office.fails = True
    with capturedLogs() as events:
        party.clock.pump([CAMPAIGN_SECONDS] * 3)
    assert not candidate.leads
    assert [formatEvent(event) for event in events] == ["this process leads no more"]
    party.office.fails = False
    party.clock.advance(CAMPAIGN_SECONDS)
    assert told == [True, False, True]


def test_a_lease_that_another_has_got_is_lost() -> None:
    party = Party()
    candidate, told = party.enter()
    party.office.holder = object()
    party.clock.advance(CAMPAIGN_SECONDS)
    assert told == [True, False]
    assert not candidate.leads
