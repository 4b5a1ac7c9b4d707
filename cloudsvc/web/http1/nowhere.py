"""Null transport of a connection whose client has left while its requests are still carried out."""

from __future__ import annotations

from typing import ClassVar

from attrs import define
from twisted.internet.interfaces import IAddress, IPushProducer
from zope.interface import implementer


@implementer(IPushProducer)
@define(eq=False)
class Nowhere:
    """
    Takes all that is said and passes on nothing.

    :ivar peer: who was at the other end.
    """

    peer: IAddress
    bufferSize: int = 0
    disconnecting: ClassVar[bool] = False
    dataBuffer: ClassVar[bytes] = b""
    offset: ClassVar[int] = 0
    _tempDataLen: ClassVar[int] = 0

    def getPeer(self) -> IAddress:
        """The other end, as it was."""
        return self.peer

    getHost = getPeer

    def write(self, data: bytes) -> None:
        """Drop it."""

    def pauseProducing(self) -> None:
        """Nothing comes from here."""

    def resumeProducing(self) -> None:
        """As above."""

    def registerProducer(self, producer: object, streaming: bool) -> None:  # noqa: FBT001  # Twisted's signature
        """There is always room."""

    def unregisterProducer(self) -> None:
        """As above."""

    def loseConnection(self) -> None:
        """It is lost already."""

    abortConnection = stopProducing = loseConnection
