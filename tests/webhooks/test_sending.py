"""Sending of single messages."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_network

import pytest
from attrs import define, field
from twisted.internet.task import Clock

from cloudsvc.outbound.addresses import AddressPolicy
from cloudsvc.outbound.posting import Answer
from cloudsvc.outbound.urls import Destinations
from cloudsvc.webhooks.sending import Sender, Sent
from cloudsvc.webhooks.webhook import Outcome
from tests.support.coroutines import finish
from tests.support.identity_stores import BEGINNING
from tests.support.webhooks import make_webhook

GENEROUS = Destinations(addresses=AddressPolicy(allowed=(ip_network("10.0.0.0/8"),)), allows_http=True)
STRICT = Destinations(addresses=AddressPolicy(), ports=frozenset({443}))


@define(eq=False)
class Posted:
    """Where something was posted to."""

    urls: list[str] = field(factory=list)

    async def post(self, url: str, fields: Mapping[str, str], content: bytes) -> Answer:
        self.urls.append(url)
        return Answer(status=200)


def send(posted: Posted, url: str, destinations: Destinations) -> Sent:
    sender = Sender(
        posting=posted, check_url=destinations.check, now=lambda: BEGINNING, clock=Clock(), agent="cloudsvc"
    )
    return finish(sender.send(make_webhook(url=url), "msg", "file.created", b"{}"))


@pytest.mark.parametrize("url", ["http://example.org/", "https://example.org:8443/", "https://10.1.2.3/"])
def test_what_the_configuration_allows_no_more_is_not_sent(url: str) -> None:
    posted = Posted()
    assert send(posted, url, GENEROUS).is_taken
    assert send(posted, url, STRICT).attempt.outcome is Outcome.UNREACHABLE
    assert posted.urls == [url]
