"""Contract of audit logs: entries in one order, which nothing changes, and which end at the beginning alone."""

from __future__ import annotations

from pathlib import Path

from twisted.internet.defer import Deferred, gatherResults

from cloudsvc.audit import bounds
from cloudsvc.audit.chain import BEGINNING, Head, chain
from cloudsvc.audit.entries import Event, Outcome, Wanted
from cloudsvc.audit.log import AuditLog, Extent
from cloudsvc.audit.verification import verify
from tests.support.audit_logs import OpenAudit, make_event
from tests.support.reactors import in_reactor


async def list_numbers(log: AuditLog, wanted: Wanted, limit: int) -> list[list[int]]:
    """The numbers on all pages."""
    pages: list[list[int]] = []
    before = None
    while True:
        page = await log.find_page(wanted, limit, before=before)
        pages.append([entry.number for entry in page.entries])
        if page.before is None:
            return pages
        before = page.before


@in_reactor
async def test_an_empty_log_has_come_nowhere(log: AuditLog) -> None:
    assert await log.find_extent() == Extent(base=BEGINNING, head=BEGINNING)
    assert await log.append([]) == BEGINNING
    assert not await log.read(0, 10)
    assert await list_numbers(log, Wanted(), 10) == [[]]
    assert await log.cut(10**18, 10) == 0


@in_reactor
async def test_entries_are_what_was_appended_in_a_chain(log: AuditLog) -> None:
    full = Event(
        at=-1,
        actor="ännä \N{PARTY POPPER}",
        credential="key",
        key="k1",
        client="2001:db8::1",
        request="r1",
        action="files.put",
        target="a/b",
        target_id="7",
        outcome=Outcome.REFUSED,
        status=403,
        count=2**40,
    )
    events = [full, make_event(2), make_event(3, target="x" * 5_000)]
    first = await log.append(events[:1])
    last = await log.append(events[1:])
    expected = [*chain(BEGINNING, events)]
    assert await log.read(0, 10) == expected
    assert await log.read(1, 1) == expected[1:2]
    assert [first, last] == [Head(number=each.number, digest=each.digest) for each in (expected[0], expected[2])]
    assert await log.find_extent() == Extent(base=BEGINNING, head=last)
    assert len(expected[2].event.target) == bounds.MAX_OBJECT


@in_reactor
async def test_pages_have_what_is_wanted_and_the_newest_first(log: AuditLog) -> None:
    await log.append(
        [
            make_event(1),
            make_event(2, actor="bert"),
            make_event(3, action="files.delete"),
            make_event(4, outcome=Outcome.FAILED),
            make_event(5, actor=""),
        ]
    )
    assert await list_numbers(log, Wanted(), 2) == [[5, 4], [3, 2], [1]]
    assert await list_numbers(log, Wanted(), 5) == [[5, 4, 3, 2, 1]]
    assert await list_numbers(log, Wanted(actor="anna"), 10) == [[4, 3, 1]]
    assert await list_numbers(log, Wanted(actor=""), 10) == [[5]]
    assert await list_numbers(log, Wanted(action="files.delete"), 10) == [[3]]
    assert await list_numbers(log, Wanted(outcome=Outcome.FAILED), 10) == [[4]]
    assert await list_numbers(log, Wanted(since=2_000_000, until=4_000_000), 10) == [[3, 2]]
    assert await list_numbers(log, Wanted(actor="anna", outcome=Outcome.DONE, until=3_000_000), 1) == [[1]]
    assert not (await log.find_page(Wanted(), 10, before=1)).entries
    # Whatever a text is, it can be asked for.
    assert await list_numbers(log, Wanted(actor="\0", action="\ud800"), 10) == [[]]


@in_reactor
async def test_a_page_looks_through_so_many_and_says_where_to_go_on(log: AuditLog) -> None:
    await log.append([make_event(actor="bert")])
    for _ in range(bounds.MAX_LOOKED_THROUGH // bounds.MAX_TOGETHER):
        await log.append([make_event()] * bounds.MAX_TOGETHER)
    assert await list_numbers(log, Wanted(actor="bert"), 10) == [[], [1]]
    assert len((await log.find_page(Wanted(), 10**6)).entries) == bounds.MAX_TOGETHER


@in_reactor
async def test_what_is_old_is_cut_off_and_the_rest_still_holds(log: AuditLog) -> None:
    await log.append([make_event(at) for at in (1, 2, 3, 9, 4, 10)])
    head = (await log.find_extent()).head
    assert await log.cut(5_000_000, 2) == 2
    # One behind a newer one stays as long as that does.
    assert await log.cut(5_000_000, 10) == 1
    assert await log.cut(5_000_000, 10) == 0
    rest = await log.read(0, 10)
    assert [entry.number for entry in rest] == [4, 5, 6]
    found = await verify(log)
    assert found.altered is None
    assert (found.base.number, found.head) == (3, head)
    assert await list_numbers(log, Wanted(), 2) == [[6, 5], [4]]
    assert await log.cut(10**9, 10) == 3
    assert await log.find_extent() == Extent(base=head, head=head)
    # Numbers and digests go on.
    assert (await log.append([make_event()])).number == 7
    assert (await verify(log, head)).altered is None


@in_reactor
async def test_several_writers_make_one_chain(open_any: OpenAudit, log: AuditLog, tmp_path: Path) -> None:
    async with open_any(tmp_path) as other:
        waiting = [
            Deferred.fromCoroutine(each.append([make_event(number), make_event(number)]))
            for number in range(20)
            for each in (log, other)
        ]
        heads = await gatherResults(waiting)
        assert sorted(head.number for head in heads) == [*range(2, 81, 2)]
        entries = await other.read(0, 100)
        # What is appended together stays together.
        assert all(one.event == next_one.event for one, next_one in zip(entries[::2], entries[1::2], strict=True))
        found = await verify(other)
        assert (found.altered, found.head.number) == (None, 80)


@in_reactor
async def test_what_was_appended_is_there_when_it_is_opened_again(open_any: OpenAudit, tmp_path: Path) -> None:
    async with open_any(tmp_path) as log:
        head = await log.append([make_event()])
    async with open_any(tmp_path) as log:
        assert (await log.find_extent()).head == head
