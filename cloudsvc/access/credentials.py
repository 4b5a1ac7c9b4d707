"""
Credential sources: where a request may carry a credential, whose it is, and how a client is asked for one.

Sources are asked in a fixed order, and the first that finds its kind of credential decides. So when a request carries
both header fields, ``X-API-Key`` wins (with :class:`KeyHeader` listed first) and the other is not read: a right key
never makes up for a wrong one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Coroutine, Generator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, Final, Protocol, TypeAlias

from attrs import evolve, frozen
from twisted.web.http_headers import Headers

from cloudsvc.access.keys import Keys
from cloudsvc.core.actors import Actor, Principal
from cloudsvc.core.coroutines import abandon


class RequestHead(Protocol):
    """
    A request before its body, as credential sources see it.

    :ivar method: in capitals.
    :ivar uri: the path and the query, as they were sent.
    :ivar path: as it was sent: not decoded, without the query.
    :ivar requestHeaders: its header fields.
    """

    @property
    def method(self) -> bytes: ...
    @property
    def uri(self) -> bytes: ...
    @property
    def path(self) -> bytes: ...
    @property
    def requestHeaders(self) -> Headers: ...


Identified: TypeAlias = Principal | Awaitable[Principal | None] | None
"""The principal behind a credential, ``None`` for nobody, or something to await where only a look-up can say."""


class CredentialSource(ABC):
    """
    One kind of credential. Its users subclass it, so that what it may gain later has a default.

    Nothing about it is fixed when the server starts: its credentials may come and go, and it is asked at each request.

    :cvar name: of its kind, unique in a server; what ``via`` of its principals says, and what the API's description
        calls it.
    :cvar is_ambient: whether browsers add it to requests on their own, also to what pages of others send; by one that
        they do, only requests of the server's own pages change anything.
    :cvar scheme: the Security Scheme Object that describes it (OpenAPI 3.1, section 4.8.27); empty for a kind that the
        description leaves out.
    """

    name: ClassVar[str]
    is_ambient: ClassVar[bool] = False
    scheme: ClassVar[Mapping[str, Any]] = MappingProxyType({})

    @property
    def configured(self) -> bool:
        """Whether any credential of this kind can be valid at all, now; true where only a look-up could say."""
        return True

    @abstractmethod
    def find(self, head: RequestHead, /) -> bytes | None:
        """
        The credential of this kind that a request carries; ``None`` when it carries none.

        It is what a guess would be: its digest tells one attempt from the next, and is kept for a while. A request of
        which this returns something is let in by this source, or by none.
        """

    @abstractmethod
    def identify(self, credential: bytes, head: RequestHead, /) -> Identified:
        """
        The principal whose ``credential`` it is; ``None`` for nobody, found in the same time as somebody.

        A source that knows at once returns the answer itself, which costs the request nothing; any other returns
        something to await.

        :raises CloudError: of the kind ``UNAVAILABLE``, where nobody can say now. So is any other exception taken: a
            look-up that fails is no wrong credential.
        """

    def identify_again(self, credential: bytes, head: RequestHead, /) -> Identified:
        """
        As :meth:`identify`, for a request that was let in by it and is still under way: for a kind that ends when it is
        not used for long, this is no use of it.
        """
        return self.identify(credential, head)

    def is_unguessable(self, credential: bytes, /) -> bool:
        """
        Whether it has the form of what this server makes at random, so that nobody could guess one.

        Where it proves nothing it has most likely ended, as clients go on showing what has: it is no wrong key of its
        client then. What of such is looked up is limited all the same, apart from those.
        """
        return False

    def withdraw(self) -> Sequence[tuple[bytes, bytes]]:
        """Header fields of the 401 to a credential of this kind that proves nothing: that it is to be shown no more."""
        return ()

    def challenge(self, head: RequestHead, /) -> bytes | None:
        """
        What ``WWW-Authenticate`` says of this kind (RFC 9110 section 11.6.1) to a request that is not let in.

        ``None`` for a kind that is not asked for there: a browser asks its user for what ``Basic`` names.
        """
        return None


@frozen
class KeyHeader(CredentialSource):
    """``X-API-Key: KEY``."""

    keys: Keys

    name = "key"
    scheme = MappingProxyType({"type": "apiKey", "in": "header", "name": "X-API-Key"})

    @property
    def configured(self) -> bool:
        """See :class:`CredentialSource`."""
        return self.keys.configured

    def find(self, head: RequestHead, /) -> bytes | None:
        """See :class:`CredentialSource`."""
        return _combine(head.requestHeaders.getRawHeaders(b"x-api-key", ()))

    def identify(self, credential: bytes, head: RequestHead, /) -> Identified:
        """See :class:`CredentialSource`."""
        return _identify(self.keys, credential, self.name)

    def challenge(self, head: RequestHead, /) -> bytes | None:
        """See :class:`CredentialSource`."""
        return b'ApiKey realm="cloudsvc"'


@frozen
class BearerToken(CredentialSource):
    """``Authorization: Bearer KEY`` (RFC 6750, 2.1). Other schemes are left to other sources."""

    keys: Keys

    name = "bearer"
    scheme = MappingProxyType({"type": "http", "scheme": "bearer"})

    @property
    def configured(self) -> bool:
        """See :class:`CredentialSource`."""
        return self.keys.configured

    def find(self, head: RequestHead, /) -> bytes | None:
        """See :class:`CredentialSource`."""
        lines = head.requestHeaders.getRawHeaders(b"authorization", ())
        fields = (line.strip().partition(b" ") for line in lines)
        return _combine([token for scheme, _, token in fields if scheme.lower() == b"bearer"])

    def identify(self, credential: bytes, head: RequestHead, /) -> Identified:
        """See :class:`CredentialSource`."""
        return _identify(self.keys, credential, self.name)

    def challenge(self, head: RequestHead, /) -> bytes | None:
        """See :class:`CredentialSource`."""
        return b'Bearer realm="cloudsvc"'


_APART: Final = b", "
"""What stands between the values of lines of one name when they are one value (RFC 9110 section 5.2)."""


def _combine(lines: Sequence[bytes]) -> bytes | None:
    """
    The key in ``lines``. An empty one is none. Of several different ones nobody can tell which was meant: together they
    are a wrong one.
    """
    return _APART.join(dict.fromkeys(key for line in lines if (key := line.strip()))) or None


def _identify(keys: Keys, key: bytes, via: str) -> Identified:
    found = keys.identify(key)
    return _Naming(found, via) if isinstance(found, Awaitable) else _name_kind(found, via)


class _Naming(Coroutine[Any, Any, Principal | None]):
    """A look-up whose principal is told by which kind of credential it was found: who leaves it alone leaves both."""

    def __init__(self, looked_up: Awaitable[Actor | Principal | None], via: str) -> None:
        self._looked_up = looked_up
        self._naming = _await_holder(looked_up, via)

    def __await__(self) -> Generator[Any, Any, Principal | None]:
        return self._naming.__await__()

    def send(self, value: Any, /) -> Any:
        return self._naming.send(value)

    def throw(self, *problem: Any) -> Any:
        return self._naming.throw(*problem)

    def close(self) -> None:
        self._naming.close()
        abandon(self._looked_up)


async def _await_holder(looked_up: Awaitable[Actor | Principal | None], via: str) -> Principal | None:
    return _name_kind(await looked_up, via)


def _name_kind(found: Actor | Principal | None, via: str) -> Principal | None:
    if isinstance(found, Principal):
        return found if found.via == via else evolve(found, via=via)
    return None if found is None else Principal(actor=found, via=via)
