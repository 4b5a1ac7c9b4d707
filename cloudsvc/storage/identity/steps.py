"""Steps of a store of accounts in a database: which of its threads a statement runs in, and who is woken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from attrs import define

from cloudsvc.drive.changes import ChangeSignal
from cloudsvc.identity.errors import last_manager
from cloudsvc.storage.database.group_commit import Weight, Writer
from cloudsvc.storage.database.reading import Readers, ReadingConnection
from cloudsvc.storage.identity.owner import leaves_nobody

T = TypeVar("T")
C = TypeVar("C", bound=ReadingConnection)


@define(eq=False, kw_only=True)
class Steps(Generic[C]):
    """
    What all parts of such a store stand on.

    :ivar signal: wakes those who listen, after each commit that changed something.
    """

    _writer: Writer[C]
    _readers: Readers[C]
    _signal: ChangeSignal

    async def close(self) -> None:
        """Finish what was asked for, and let go of the database."""
        try:
            await self._readers.close()
        finally:
            await self._writer.close()

    async def _change(self, work: Callable[[C], T], weight: Weight = Weight.LIGHT) -> T:
        """
        What ``work`` returns, once it is durable; whoever listens is woken then.

        :raises CloudError: ``last_manager``, beside its own.
        """

        def change(connection: C) -> T:
            was_nobody = leaves_nobody(connection)
            result = work(connection)
            # The work has locked out all others that change something, if it is a change.
            if not was_nobody and leaves_nobody(connection):
                raise last_manager()
            self._signal.note()
            return result

        return await self._writer.run(change, weight=weight)
