"""Providers: what the server opens for applications before they start, and closes after they have stopped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Generic, TypeVar

from attrs import frozen

from cloudsvc.access.credentials import CredentialSource
from cloudsvc.access.issued import IssuedCredentials
from cloudsvc.access.keychain import Keychain
from cloudsvc.access.throttling import Throttle
from cloudsvc.core.reactors import IReactor
from cloudsvc.extend import Check, Tools
from cloudsvc.server.running import Running
from cloudsvc.storage.engines import Engines

S = TypeVar("S")


@frozen(kw_only=True)
class Foundation:
    """
    What services stand on, beside what is lent to applications.

    :ivar home: what relative paths of the configuration are relative to.
    :ivar keys: where keys are let in.
    :ivar keychain: where the owner's token is let in.
    :ivar throttle: counts requests; ``None`` where rate limits are off.
    :ivar running: the requests that are under way.
    :ivar names: of the certificate.
    """

    reactor: IReactor
    home: Path
    engines: Engines
    keys: IssuedCredentials
    keychain: Keychain
    throttle: Throttle | None
    running: Running
    names: tuple[str, ...]


class Provider(Generic[S]):
    """
    The base of what opens services. Each is opened once, whichever applications need it, and not where none does.

    :cvar name: the prefix of its metrics, and the name of its directory for data.
    :cvar section: of the configuration.
    :cvar settings_type: the attrs class of that section.
    :cvar opens: the types of services that it gives.
    :cvar needs: the types of services that are opened before, for it to ask ``tools.services`` for.
    """

    name: ClassVar[str]
    section: ClassVar[str]
    settings_type: ClassVar[type]
    opens: ClassVar[tuple[type, ...]]
    needs: ClassVar[tuple[type, ...]] = ()

    def __init__(self, settings: S, tools: Tools, foundation: Foundation) -> None:
        self.settings = settings
        self.tools = tools
        self.foundation = foundation

    async def start(self) -> Mapping[type, object]:
        """
        The services by their types, open.

        :raises OperatorError: they cannot be opened, and why.
        """
        raise NotImplementedError

    async def stop(self) -> None:
        """Close the services; nobody uses them any more. It is called where :meth:`start` has returned."""
        raise NotImplementedError

    def credential_sources(self) -> Sequence[CredentialSource]:
        """Where requests carry credentials of its own, beside keys; asked after all others. It is called once."""
        return ()

    def checks(self) -> Sequence[Check]:
        """Health checks of the services."""
        return ()
