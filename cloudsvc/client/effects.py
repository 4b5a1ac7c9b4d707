"""
Effects: what the core asks the world for.

What the client does is written as generators that yield effects and are sent what came of them, or are thrown the
error. So there is one core, which opens no socket and knows no event loop, and two faces that carry effects out.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from attrs import frozen

T = TypeVar("T")


@frozen(kw_only=True)
class Answer:
    """
    An answer of the server.

    :ivar headers: by names in lower case.
    :ivar content: empty where the answer is read as it comes.
    """

    status: int
    headers: Mapping[str, str]
    content: bytes = b""


class Source(Protocol):
    """Bytes to send."""

    @property
    def length(self) -> int | None:
        """How many they are; ``None`` where that is not known."""

    @property
    def rewindable(self) -> bool:
        """Whether they can be sent again."""

    def open(self) -> Iterator[bytes]:
        """The bytes from the beginning. May block. Any error that it raises ends the request unfinished."""


@frozen(kw_only=True)
class Call(Generic[T]):
    """
    A request as a value, and what its answer means.

    :ivar target: path and query, escaped.
    :ivar content: JSON, or what is sent as it comes.
    :ivar parse: the meaning of an answer that is no refusal.
    :ivar repeatable: whether it may be sent again where nobody knows if it has been carried out (RFC 9110 section
        9.2.2).
    :ivar with_key: whether it needs the key.
    :ivar patience: seconds that an answer may take beyond the ordinary, because the request asks the server to wait.
    """

    method: str
    target: str
    parse: Callable[[Answer], T]
    repeatable: bool
    headers: Mapping[str, str] = {}
    content: bytes | Source | None = None
    with_key: bool = True
    patience: float = 0.0

    @property
    def can_be_sent_again(self) -> bool:
        """Whether what it sends is still there."""
        return self.content is None or isinstance(self.content, bytes) or self.content.rewindable


@frozen
class Send:
    """Send a request; gives the whole :class:`Answer`."""

    call: Call[Any]


@frozen
class Open:
    """
    Send a request; gives an :class:`Answer` whose content is then read, or is there whole where it is a refusal. One
    that was opened before is let go of, as is the last one when all is done.
    """

    call: Call[Any]


@frozen
class Read:
    """Some bytes of the answer that was opened last; none at its end."""


@frozen
class Run:
    """Call something that blocks; gives what it returns."""

    work: Callable[[], Any]


@frozen
class Sleep:
    """Wait for so many seconds."""

    seconds: float


@frozen
class Emit:
    """Hand something on to the caller, who goes on when he likes."""

    value: Any


Effect: TypeAlias = Send | Open | Read | Run | Sleep | Emit

Flow: TypeAlias = Generator[Effect, Any, T]
"""Something that is done by effects, and its result."""
