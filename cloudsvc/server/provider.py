"""Providers: what the server opens for applications before they start, and closes after they have stopped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Generic, TypeVar

from cloudsvc.extend import Check, Tools

S = TypeVar("S")


class Provider(Generic[S]):
    """
    The base of what opens services. Each is opened once, whichever applications need it, and not where none does.

    :cvar name: the prefix of its metrics, and the name of its directory for data.
    :cvar section: of the configuration.
    :cvar settings_type: the attrs class of that section.
    :cvar opens: the types of services that it gives.
    """

    name: ClassVar[str]
    section: ClassVar[str]
    settings_type: ClassVar[type]
    opens: ClassVar[tuple[type, ...]]

    def __init__(self, settings: S, tools: Tools) -> None:
        self.settings = settings
        self.tools = tools

    async def start(self) -> Mapping[type, object]:
        """
        The services by their types, open.

        :raises OperatorError: they cannot be opened, and why.
        """
        raise NotImplementedError

    async def stop(self) -> None:
        """Close the services; nobody uses them any more. It is called where :meth:`start` has returned."""
        raise NotImplementedError

    def checks(self) -> Sequence[Check]:
        """Health checks of the services."""
        return ()
