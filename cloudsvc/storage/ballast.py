"""Ballast file: room for deleting on a full disk, where a delete must first be written down."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from attrs import frozen

_MOST: Final = 8 * 2**20
"""Bytes."""

_SHARE: Final = 8
"""Of what is free, one in so many bytes is taken at most."""


@frozen
class Ballast:
    """A file with nothing in it. Its methods block."""

    _file: Path

    def fill(self) -> None:
        """
        Take the room, or less where there is little.

        :raises OSError: it cannot be had.
        """
        descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            size, status = os.fstat(descriptor).st_size, os.fstatvfs(descriptor)
            wanted = min(_MOST, (size + status.f_bavail * status.f_frsize) // _SHARE)
            if wanted > size:
                os.posix_fallocate(descriptor, 0, wanted)
        finally:
            os.close(descriptor)

    def give_up(self) -> None:
        """Leave the room to whoever takes it first."""
        with suppress(OSError):
            self._file.unlink()
