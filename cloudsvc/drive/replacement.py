"""Replacement interface: a storage comes to hold what a backup holds, all of it at once, or stays as it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import IO, Final, Protocol, TypeAlias

from cloudsvc.drive.checksums import Checksums
from cloudsvc.drive.freezing import Beginning
from cloudsvc.drive.nodes import Blob

_PIECE: Final = 1024 * 1024

Supply: TypeAlias = Callable[[Blob], Awaitable[IO[bytes]]]
"""Gives the bytes of a blob, which are read to their end before it is asked for the next one. Reading blocks."""


class Unusable(Exception):  # noqa: N818  # a state of affairs that callers put into words
    """What a storage should come to hold is damaged, or nothing that one could have written. The text says what."""


class Replacement(Protocol):
    """
    What a storage is to hold in place of what it holds. Nobody else uses it meanwhile.

    It is taken in beside that, and then installed. Until then nothing has changed; whoever lets go of it earlier leaves
    nothing behind.
    """

    @property
    def is_empty(self) -> bool:
        """Whether the storage holds nothing that anybody could miss. What cannot be read may be missed."""
        ...

    async def take(self, catalogue: IO[bytes], supply: Supply | None, beginning: Beginning) -> None:
        """
        Take in a catalogue, examine it, and take in the bytes of each blob that it refers to. It may be anybody's.

        :param catalogue: an SQLite database, the format of interchange, of this program or an older one. Reading
            blocks.
        :param supply: is asked for each blob once, by id; ``None`` where the storage has all of them already, whole, as
            the caller has seen to.
        :param beginning: what its history begins with.
        :raises Unusable: the catalogue is, or a blob has other bytes than it says.
        :raises OperatorError: the storage cannot take it, and why.
        """
        ...

    async def install(self) -> str | None:
        """
        Make what was taken in what the storage holds, durably: a power failure leaves the one or the other. Change
        numbers begin a new epoch, and no id is given again that may have been given since the catalogue was written.

        Cancelling the caller does not stop it half-way.

        :return: where all is kept that was there before; ``None`` where nothing was, or nothing outlives it.
        :raises OperatorError: it cannot be done, and why. The storage holds what it held.
        """
        ...


def read_verified(blob: Blob, content: IO[bytes]) -> Iterator[bytes]:
    """
    The bytes of ``blob``, in pieces. Blocks.

    :raises Unusable: after the last one: they are others.
    """
    checksums = Checksums()
    while piece := content.read(_PIECE):
        checksums.add(piece)
        yield piece
    # What the catalogue does not know yet cannot be compared: there, whatever the backup has must do.
    is_whole = blob.digest in {None, checksums.digest} and blob.crc32 in {None, checksums.crc32}
    if checksums.size != blob.size or not is_whole:
        raise Unusable(f"blob {blob.id} is damaged")
