"""Checksums of bytes that come in order."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from attrs import define, field
from isal.isal_zlib import crc32

if TYPE_CHECKING:
    from hashlib import _Hash


@define
class Checksums:
    """
    The SHA-256 and the CRC-32 of what was added so far. It calculates without Python's lock: in threads, best in pieces
    of 1 MiB or more.

    :ivar size: of that, in bytes.
    :ivar crc32: as zip has it (ISO 3309).
    """

    size: int = 0
    crc32: int = 0
    _sha256: _Hash = field(factory=hashlib.sha256)

    @property
    def digest(self) -> bytes:
        """The SHA-256."""
        return self._sha256.digest()

    def add(self, data: bytes | bytearray) -> None:
        """More bytes."""
        self._sha256.update(data)
        self.crc32 = crc32(data, self.crc32)
        self.size += len(data)
