"""
Connections that other workers of this server have open, so that a bound holds over all of them.

Each worker has a table of its own in memory that all can read, and only its owner writes: nobody waits for anybody, and
the table of a worker that has died is cleared and given to the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from mmap import MADV_REMOVE, PAGESIZE, mmap
from struct import Struct
from typing import Final, Protocol

from attrs import define

from cloudsvc.core.shared_tables import DIGEST_BYTES, SharedTable, make_memory

_ENTRY: Final = Struct(f"={DIGEST_BYTES}sI")
"""How many connections the client has open whose digest this is."""

_TOTAL: Final = Struct("=I")
"""At the beginning of a page before the table: how many the worker has open."""

_TABLE_BYTES: Final = 102_400 * _ENTRY.size // PAGESIZE * PAGESIZE
"""
Of one worker: 2 MB of addresses, of which as much becomes memory as there are clients. There is room for ten times as
many as connections by default; where a bucket is full, those of one more client count in their own worker only.
"""

_PLACE_BYTES: Final = PAGESIZE + _TABLE_BYTES


class Elsewhere(Protocol):
    """What a register of connections knows of those of other processes, and tells of its own."""

    def count_all(self) -> int:
        """How many they have open."""
        ...

    def count(self, client: str) -> int:
        """How many of these are of ``client``."""
        ...

    def note(self, client: str | None, of_client: int, total: int) -> None:
        """Tell them that so many are open here, and so many of ``client``, where it is one that counts."""


class Nowhere:
    """There are no other processes."""

    def count_all(self) -> int:
        """None."""
        return 0

    def count(self, client: str) -> int:
        """None."""
        return 0

    def note(self, client: str | None, of_client: int, total: int) -> None:
        """To nobody."""


def make_counts(places: int) -> int:
    """
    Memory for so many workers.

    :raises OSError: the system gives none.
    """
    return make_memory("cloudsvc-connections", places * _PLACE_BYTES)


def clear_place(descriptor: int, place: int) -> None:
    """Forget what the worker at ``place`` had open, which has ended."""
    with mmap(descriptor, _PLACE_BYTES, offset=place * _PLACE_BYTES) as memory:
        try:
            memory.madvise(MADV_REMOVE)
        except OSError:  # A kernel that cannot give the memory back.
            memory[:] = bytes(_PLACE_BYTES)


@define(eq=False)
class OtherWorkers:
    """
    The other workers of one server.

    :ivar own: the table of this worker, and the tables of all others.
    """

    _own: SharedTable
    _others: Sequence[SharedTable]

    @classmethod
    def open(cls, descriptor: int, key: bytes, place: int, places: int) -> OtherWorkers:
        """
        The tables in the memory of :func:`make_counts`.

        :param key: secret, and the same in all workers.
        :param place: of this worker among ``places``, from 0; no other that lives has it.
        """
        tables = [
            SharedTable(descriptor, key, _ENTRY.size, offset=number * _PLACE_BYTES, size=_PLACE_BYTES, skipped=PAGESIZE)
            for number in range(places)
        ]
        own = tables.pop(place)
        return cls(own, tables)

    def count_all(self) -> int:
        """As of :class:`Elsewhere`."""
        return sum(_TOTAL.unpack_from(table.memory, 0)[0] for table in self._others)

    def count(self, client: str) -> int:
        """As of :class:`Elsewhere`."""
        digest = self._own.digest(client)
        bucket = self._own.locate(digest)
        found = ((table, table.find(digest, bucket)) for table in self._others)
        return sum(_ENTRY.unpack_from(table.memory, place)[1] for table, place in found if place is not None)

    def note(self, client: str | None, of_client: int, total: int) -> None:
        """As of :class:`Elsewhere`."""
        own = self._own
        _TOTAL.pack_into(own.memory, 0, total)
        if client is None:
            return
        digest = own.digest(client)
        bucket = own.locate(digest)
        place = own.find(digest, bucket)
        if place is None:
            place = own.find_free(bucket)
        if place is not None:
            _ENTRY.pack_into(own.memory, place, digest if of_client else bytes(DIGEST_BYTES), of_client)
