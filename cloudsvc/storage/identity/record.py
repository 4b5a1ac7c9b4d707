"""The record of the last restricting change, in a file of this machine that does not go back with the store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from attrs import frozen
from twisted.logger import Logger

from cloudsvc.core.durable_files import replace_file
from cloudsvc.core.errors import OperatorError
from cloudsvc.core.threads import ThreadRunner
from cloudsvc.drive.errors import storage_failed
from cloudsvc.identity.revisions import NEVER, Restriction, Revision

_log = Logger("cloudsvc.identity")

RECORD_NAME: Final = "accounts.witness"
"""What the file is called, in the directory of a home in which those of its services are."""

_MOST: Final = 1_000
"""Bytes of the file; it has some 90."""

_UNKNOWN: Final = Restriction(revision=NEVER, mark="")
"""What no store knows. A record that cannot be read does not make a store one that is trusted."""


@frozen(kw_only=True)
class FileRecord:
    """
    A :class:`cloudsvc.identity.witness.Record`. Where several processes write it, the last one stays.

    :ivar file: is there once there is something to remember.
    :ivar threads: where it is read and written, which blocks.
    """

    file: Path
    threads: ThreadRunner

    async def read(self) -> Restriction | None:
        """
        As :meth:`cloudsvc.identity.witness.Record.read`.

        :raises CloudError: it is there, and cannot be read.
        """
        return await self.threads.run(self._read)

    async def write(self, restriction: Restriction) -> None:
        """
        As :meth:`cloudsvc.identity.witness.Record.write`.

        :raises CloudError: it cannot be written.
        """
        await self.threads.run(self._write, restriction)

    def _read(self) -> Restriction | None:
        try:
            with self.file.open("rb") as content:
                found = content.read(_MOST)
        except FileNotFoundError:
            return None
        except OSError as problem:
            _log.error("{file} cannot be read: {reason}", file=str(self.file), reason=problem.strerror)
            raise storage_failed() from None
        try:
            told = json.loads(found)
            refused = told.get("refuses_owner", False) is True
            return Restriction(revision=Revision(int(told["revision"])), mark=str(told["mark"]), refuses_owner=refused)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            _log.error("{file} is damaged, so that no store of accounts is known by it", file=str(self.file))
            return _UNKNOWN

    def _write(self, restriction: Restriction) -> None:
        told = {"revision": restriction.revision, "mark": restriction.mark, "refuses_owner": restriction.refuses_owner}
        content = json.dumps(told) + "\n"
        try:
            replace_file(self.file, content.encode(), mode=0o600)
        except (OSError, OperatorError) as problem:
            _log.error("{file} cannot be written: {reason}", file=str(self.file), reason=str(problem))
            raise storage_failed() from None
