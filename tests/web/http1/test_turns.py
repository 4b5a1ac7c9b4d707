"""A connection with many requests leaves the others their turns."""

from __future__ import annotations

import pytest
from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.task import Clock

from cloudsvc.web.http1.turns import REQUESTS, Turns
from tests.support.site import Client, TestSite
from tests.support.web_routes import Demo

PLAIN = b"GET /api/demo/paths/%d HTTP/1.1\r\nHost: a\r\n\r\n"
ODD = b"GET /api/demo/paths/%d HTTP/1.1\r\nHost: a\r\nX-Odd:\xff\r\n\r\n"


def numbers(client: Client) -> list[int]:
    return [int(answer.json["message"]) for answer in client.answers()]


@pytest.mark.slow
@given(st.lists(st.booleans(), min_size=1, max_size=40), st.data())
def test_all_are_answered_in_order_however_they_come(odd: list[bool], data: st.DataObject) -> None:
    site = TestSite(application=Demo())
    client = site.connect()
    sent = b"".join((ODD if each else PLAIN) % number for number, each in enumerate(odd))
    while sent:
        size = data.draw(st.integers(1, len(sent)))
        client.transport.protocol.dataReceived(sent[:size])
        sent = sent[size:]
        if data.draw(st.booleans()):
            client.turn()
    assert numbers(client) == list(range(len(odd)))
    assert not client.transport.paused


def test_in_one_turn_few_are_answered_and_no_more_is_read(site: TestSite) -> None:
    for form in (PLAIN, ODD):
        client = site.connect()
        client.transport.protocol.dataReceived(b"".join(form % number for number in range(100)))
        assert client.received.count(b"HTTP/1.1 200") == REQUESTS
        assert client.transport.paused
        assert numbers(client) == list(range(100))
        assert not client.transport.paused


def test_whoever_ends_its_side_gets_all_answers(site: TestSite) -> None:
    client = site.connect()
    client.transport.protocol.dataReceived(b"".join(PLAIN % number for number in range(100)))
    IHalfCloseableProtocol(client.channel).readConnectionLost()
    assert not client.closed
    assert numbers(client) == list(range(100))


def test_who_takes_no_answers_waits_although_its_turn_comes(site: TestSite) -> None:
    client = site.connect()
    client.transport.protocol.dataReceived(PLAIN % 0 * 100)
    client.channel.pauseProducing()
    client.turn()
    assert client.received.count(b"HTTP/1.1 200") == REQUESTS
    client.channel.resumeProducing()
    client.turn()
    assert client.received.count(b"HTTP/1.1 200") == 100


def test_a_turn_passed_over_is_no_turn_lost(site: TestSite) -> None:
    client = site.connect()
    client.transport.protocol.dataReceived(PLAIN % 0 * 100)
    client.channel.pauseProducing()
    client.channel.resumeProducing()
    client.turn()
    assert client.received.count(b"HTTP/1.1 200") == 100


@define(eq=False)
class Crowd:
    """One of many that want ever more."""

    turns: Turns
    log: list[Crowd] = field(repr=False)
    wants: int = 3

    def take_turn(self) -> None:
        self.log.append(self)
        self.wants -= 1
        if self.wants:
            self.turns.join(self)

    def abort(self) -> None:
        self.log.clear()


def test_everybody_has_a_turn_before_anybody_has_two() -> None:
    clock = Clock()
    turns, log = Turns(clock), list[Crowd]()
    crowd = [Crowd(turns, log) for _ in range(100)]
    for each in crowd:
        turns.join(each)
        turns.join(each)
    clock.advance(0)
    assert log == crowd * 3
    assert not clock.getDelayedCalls()


def test_one_that_fails_is_closed_and_the_others_have_their_turns() -> None:
    clock = Clock()
    turns, log = Turns(clock), list[Crowd]()
    failing, other = Crowd(turns, log, wants=None), Crowd(turns, log)  # type: ignore[arg-type]  # this is how it fails
    turns.join(failing)
    turns.join(other)
    clock.advance(0)
    assert log == [other] * 3
