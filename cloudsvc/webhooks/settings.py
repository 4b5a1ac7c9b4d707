"""Webhook settings: the section ``webhooks``."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Annotated

from attrs import frozen
from msgspec import Meta

from cloudsvc.core.structuring import Check
from cloudsvc.outbound.addresses import AddressPolicy
from cloudsvc.outbound.urls import Destinations


def check_private_network(text: str) -> None:
    """``10.0.0.0/8``, ``fd00::/8``, ``192.0.2.1``."""
    try:
        ip_network(text)
    except ValueError as problem:
        raise ValueError(f"{problem}; write a network like '10.0.0.0/8', or one address") from None


@frozen(kw_only=True)
class WebhookSettings:
    """Where messages to webhooks may go."""

    private_networks: Annotated[
        tuple[Annotated[str, Check(check_private_network)], ...],
        Meta(
            description="Networks to which messages are sent besides the public internet: `10.1.2.0/24`, `fd00::1`."
            " Whoever may make webhooks can have the server post to every address in them."
        ),
    ] = ()
    ports: Annotated[
        tuple[Annotated[int, Meta(ge=1, le=65_535)], ...],
        Meta(description="Ports to which messages are sent; none is all."),
    ] = (443, 8443)
    allow_http: Annotated[
        bool, Meta(description="Whether messages are sent without encryption too, where a URL says `http`.")
    ] = False
    ca_file: Annotated[
        str | None,
        Meta(description="Certificates (PEM) that receivers are trusted by, instead of those of the system."),
    ] = None

    @property
    def destinations(self) -> Destinations:
        """The same in the terms of whoever sends."""
        allowed = tuple(ip_network(each) for each in self.private_networks)
        return Destinations(
            addresses=AddressPolicy(allowed=allowed), ports=frozenset(self.ports), allows_http=self.allow_http
        )
