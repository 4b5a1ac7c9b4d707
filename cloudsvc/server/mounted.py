"""Applications at their mounts: each with its routes as a resource, and with what it needs opened before it."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from attrs import frozen
from twisted.logger import Logger

from cloudsvc.extend import Application
from cloudsvc.server.provider import Provider
from cloudsvc.web.resources import RouteResource

_log = Logger("cloudsvc.service")


@frozen(kw_only=True, eq=False)
class OpenedProvider:
    """
    A provider that puts its services where applications find them.

    :ivar opened: the services of all providers, by their types.
    """

    provider: Provider[Any]
    opened: MutableMapping[type, object]

    @property
    def name(self) -> str:
        """What the log calls it."""
        return f"the {self.provider.name}"

    async def start(self) -> None:
        """Open its services."""
        self.opened.update(await self.provider.start())

    async def stop(self) -> None:
        """Close them."""
        await self.provider.stop()
        for kind in self.provider.opens:
            self.opened.pop(kind, None)


@frozen(kw_only=True, eq=False)
class MountedApplication:
    """An application, and the resource that its routes are."""

    application: Application[Any]
    resource: RouteResource

    @classmethod
    def of(cls, application: Application[Any]) -> MountedApplication:
        """
        ``application`` at its mounts.

        :raises OperatorError: its routes cannot be served.
        """
        return cls(application=application, resource=RouteResource(application.route_types, application.mounts))

    @property
    def name(self) -> str:
        """What the log calls it."""
        return f"application {self.application.name}"

    async def start(self) -> None:
        """Start it, and let its routes answer."""
        await self.application.start()
        self.resource.serve(self.application.make_routes(), self.application.error_renderer)

    async def stop(self) -> None:
        """Stop it; no request arrives any more."""
        await self.application.stop()
