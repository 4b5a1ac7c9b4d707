"""Work directories: space that a program needs only while it runs."""

from __future__ import annotations

import os
import pathlib
import shutil
from tempfile import mkdtemp
from typing import Final

from attrs import frozen

from cloudsvc.core.durable_files import lock

WORK_NAME: Final = "moments"
"""The folder of a drive in which they are made."""


@frozen(kw_only=True)
class OwnPlace:
    """
    A directory that is locked as long as this program runs. Its methods block.

    :ivar directory: it.
    """

    directory: pathlib.Path
    _lock: int

    @classmethod
    def make(cls, above: pathlib.Path) -> OwnPlace:
        """A new one in ``above``; those of programs that were killed are removed."""
        above.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in above.iterdir():
            if (held := _lock_directory(left)) is not None:
                cls(directory=left, lock=held).remove()
        while True:
            directory = pathlib.Path(mkdtemp(dir=above))
            # Between these two another program may take it for left behind.
            if (held := _lock_directory(directory)) is not None:
                return cls(directory=directory, lock=held)

    def remove(self) -> None:
        """Remove it with all that is in it."""
        shutil.rmtree(self.directory, ignore_errors=True)
        os.close(self._lock)


def _lock_directory(directory: pathlib.Path) -> int | None:
    """A descriptor that holds the lock of ``directory``, unless someone else does, or it is gone."""
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    if lock(descriptor) and os.fstat(descriptor).st_nlink:
        return descriptor
    os.close(descriptor)
    return None
