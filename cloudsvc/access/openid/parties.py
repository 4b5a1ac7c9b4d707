"""
Sign-ins by identity providers: what this server is to them, and what they are asked for.

This module is light: the libraries that signatures take are imported where there is a provider.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from attrs import field, frozen

from cloudsvc.access.openid.errors import provider_unknown
from cloudsvc.access.openid.limits import SignInLimits
from cloudsvc.access.openid.state import Attempt, Linking
from cloudsvc.core.secrets import Secret


@frozen(kw_only=True)
class Client:
    """
    This server as a provider knows it.

    :ivar provider: the name by which the provider is called here.
    :ivar title: what people call it.
    :ivar issuer: what it calls itself.
    :ivar id: the client id.
    :ivar redirect_uri: where browsers come back to.
    :ivar scopes: what it is asked for.
    :ivar wanted: claims that are asked for at the userinfo endpoint, where the ID token lacks them.
    """

    provider: str
    title: str
    issuer: str
    id: str
    secret: Secret
    redirect_uri: str
    scopes: tuple[str, ...]
    wanted: tuple[str, ...] = ()


@frozen(kw_only=True)
class Departure:
    """
    An attempt that has begun.

    :ivar url: where the browser goes.
    :ivar cookie: what it keeps meanwhile.
    """

    url: str = field(repr=False)
    cookie: Secret


@frozen(kw_only=True)
class Answer:
    """
    What a browser brings back from the provider (RFC 6749 section 4.1.2).

    :ivar issuer: who says so (RFC 9207).
    """

    state: str = field(repr=False)
    code: str | None = field(default=None, repr=False)
    error: str | None = None
    issuer: str | None = None


class Party(Protocol):
    """One provider, of which this server is a client. :class:`~cloudsvc.access.openid.relying_party.RelyingParty`."""

    @property
    def client(self) -> Client:
        """This server as the provider knows it."""
        ...

    @property
    def is_failing(self) -> bool:
        """Whether the provider has not answered as it should when it was last asked for what it has published."""
        ...

    async def begin(self, path: str = "", linking: Linking | None = None) -> Departure:
        """
        Begin an attempt.

        :param path: where to go on afterwards.
        :param linking: for whom it is, who is signed in already.
        :raises CloudError: ``path`` is none of this server, or the provider does not answer.
        """
        ...

    def find_attempt(self, cookie: bytes, state: str) -> Attempt:
        """
        The attempt that this browser has begun, and that the provider answers.

        :raises CloudError: it is another browser's, another attempt's or another provider's, or has taken too long.
        """
        ...

    async def redeem(self, attempt: Attempt, answer: Answer) -> Mapping[str, Any]:
        """
        What the provider says of who has signed in: its claims, verified.

        :raises CloudError: it, or they, said no; what it says cannot be believed; or it does not answer.
        """
        ...


@frozen(kw_only=True)
class RelyingParties:
    """
    The identity providers that are configured, by their names; there may be none.

    :param limits: of what strangers may have them asked.
    """

    _parties: Mapping[str, Party] = field(factory=dict)
    _limits: SignInLimits

    def find(self, name: str) -> Party:
        """
        The one of this name.

        :raises CloudError: there is none.
        """
        if name not in self._parties:
            raise provider_unknown()
        return self._parties[name]

    def list_parties(self) -> Sequence[Party]:
        """All of them, in the order of the configuration."""
        return [*self._parties.values()]

    async def admit(self, client: str) -> None:
        """
        Count that a client has a provider asked.

        :raises CloudError: it was too often.
        """
        await self._limits.admit(client)
