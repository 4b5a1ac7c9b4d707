"""Requests that are under way in this process, for whoever is made before there are any connections."""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field

from cloudsvc.core.actors import Principal
from cloudsvc.web.http1.connections import Connections


@define(eq=False)
class Running:
    """:class:`~cloudsvc.server.watching.RunningRequests` on the connections of a site, once there is one."""

    _connections: Connections | None = field(init=False, default=None)

    def watch(self, connections: Connections) -> None:
        """Speak of these from now on."""
        self._connections = connections

    def list_credentials(self) -> frozenset[str]:
        """See :class:`~cloudsvc.server.watching.RunningRequests`."""
        return frozenset() if self._connections is None else self._connections.list_credentials()

    def end(self, is_refused: Callable[[Principal], bool], *, spares_changes: bool = False) -> int:
        """See :class:`~cloudsvc.server.watching.RunningRequests`."""
        if self._connections is None:
            return 0
        return self._connections.end(is_refused, spares_changes=spares_changes)
