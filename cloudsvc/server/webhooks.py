"""Opening of webhooks for the application that needs them: where their rules, their storage and the network meet."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path

from cloudsvc import __version__
from cloudsvc.api.drive.messages import ChangeEntry
from cloudsvc.core.clock import SECOND, read_clock
from cloudsvc.core.errors import OperatorError
from cloudsvc.drive.changes import Change, Position
from cloudsvc.drive.drive import Drive
from cloudsvc.drive.following import Feed
from cloudsvc.drive.leadership import Leader
from cloudsvc.extend import Combine, Tools
from cloudsvc.outbound.lookups import LOOKUP_THREADS, Lookups
from cloudsvc.outbound.posting import Poster
from cloudsvc.outbound.trust import Trust, read_trust
from cloudsvc.server.identity import OpenIdentity
from cloudsvc.server.provider import Foundation, Provider
from cloudsvc.webhooks.courier import Depot
from cloudsvc.webhooks.delivering import Deliverer
from cloudsvc.webhooks.keeping import Webhooks
from cloudsvc.webhooks.messages import Event, make_event
from cloudsvc.webhooks.owners import Owners
from cloudsvc.webhooks.places import Places
from cloudsvc.webhooks.sending import Sender
from cloudsvc.webhooks.settings import WebhookSettings
from cloudsvc.webhooks.webhook import Outcome


class WebhookProvider(Provider[WebhookSettings]):
    """Opens webhooks, and has messages delivered."""

    name = "webhooks"
    section = "webhooks"
    settings_type = WebhookSettings
    opens = (Webhooks,)
    needs = (Drive, Leader, OpenIdentity)

    def __init__(self, settings: WebhookSettings, tools: Tools, foundation: Foundation) -> None:
        super().__init__(settings, tools, foundation)
        self._trust = _read_trust(None if settings.ca_file is None else foundation.home / settings.ca_file)
        self._deliveries = tools.instruments.counter(
            "deliveries_total", "Attempts to deliver a message, by what came of them.", ("outcome",)
        )
        for outcome in Outcome:
            self._deliveries.labels(outcome.value)
        self._lag = tools.instruments.gauge(
            "lag_seconds", "Seconds since the oldest change that waits to be sent to a webhook.", combine=Combine.SUM
        )
        self._waiting = tools.instruments.gauge(
            "waiting", "Webhooks for which a change waits to be sent.", combine=Combine.SUM
        )
        self._lookups = Lookups(threads=tools.make_threads(LOOKUP_THREADS), clock=tools.clock)
        self._deliverer: Deliverer | None = None

    async def start(self) -> Mapping[type, object]:
        """Begin to deliver, where this process leads."""
        tools, identity = self.tools, self.tools.services.get(OpenIdentity)
        drive, leader = tools.services.get(Drive), tools.services.get(Leader)
        destinations = self.settings.destinations
        sender = Sender(
            posting=Poster(self.foundation.reactor, destinations.addresses, self._trust, resolver=self._lookups),
            check_url=destinations.check,
            now=read_clock,
            clock=tools.clock,
            agent=f"cloudsvc/{__version__}",
            count=lambda outcome: self._deliveries.labels(outcome.value).inc(),
        )
        owners = Owners(
            store=identity.store,
            resolver=identity.resolver,
            folders=identity.folders,
            is_trusted=identity.is_trusted,
        )
        self._feed = feed = Feed(source=drive, render=_render, clock=tools.clock)
        self._deliverer = deliverer = Deliverer(
            store=identity.store,
            on_change=identity.store.on_change,
            leads=lambda: leader.leads,
            depot=Depot(
                feed=feed,
                sender=sender,
                notebook=identity.store,
                find_actor=owners.find,
                places=Places(),
                clock=tools.clock,
                now=read_clock,
                draw=random.random,
            ),
        )
        self._waiting.set_function(lambda: len([*deliverer.list_waiting()]))
        self._lag.set_function(lambda: _find_lag(deliverer))
        deliverer.start()
        webhooks = Webhooks(
            store=identity.store,
            authority=identity.authority,
            folders=identity.folders,
            owners=owners,
            changes=drive,
            sender=sender,
            check_url=destinations.check,
            now=read_clock,
            settle=identity.settle,
        )
        return {Webhooks: webhooks}

    async def stop(self) -> None:
        """Send nothing more."""
        if self._deliverer is not None:
            await self._deliverer.stop()
            self._feed.close()


def _render(position: Position, change: Change) -> Event:
    return make_event(position, change, ChangeEntry.of(position, change))


def _find_lag(deliverer: Deliverer) -> float:
    oldest = min(deliverer.list_waiting(), default=None)
    return 0.0 if oldest is None else max(0.0, (read_clock() - oldest) / SECOND)


def _read_trust(file: Path | None) -> Trust:
    """Trust in those whose certificates are in a file."""
    try:
        return read_trust(file)
    except OSError as problem:
        raise OperatorError([f"config.webhooks.ca_file: {file} cannot be read: {problem.strerror}"]) from None
    except ValueError as problem:
        raise OperatorError([f"config.webhooks.ca_file: {file}: {problem}"]) from None
