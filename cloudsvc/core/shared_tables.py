"""
Tables in memory that several processes of one machine share: short entries by the digests of their keys.

A table has a fixed size, which is its bound. The digests are keyed, so that nobody outside can choose which entries
displace each other.
"""

from __future__ import annotations

import hashlib
import os
import time
from fcntl import LOCK_EX, LOCK_NB, LOCK_UN, lockf
from mmap import mmap
from typing import Final

from attrs import define, field

DIGEST_BYTES: Final = 16

WAYS: Final = 8
"""Entries of a bucket: those whose digests begin alike."""

_ATTEMPTS: Final = 200
"""To lock a bucket at once, which the other process needs for some microseconds."""

PATIENCE: Final = 0.25
"""
Seconds for which one that has no processor just then is waited for. One that was stopped holds nobody up for longer:
then the entry is changed all the same, and when it goes on, what was counted meanwhile may be lost.
"""

_PAUSE: Final = 0.0005
"""Seconds between two attempts, once the others were in vain."""

_GIVEN_UP: Final = 5.0
"""Seconds after that in which nobody is waited for again, so that this process is not held up at each request."""


def make_memory(name: str, size: int) -> int:
    """
    A descriptor of so many bytes of memory, all zero, for processes that get it from this one.

    :raises OSError: the system gives none.
    """
    descriptor = os.memfd_create(name, os.MFD_CLOEXEC)
    os.ftruncate(descriptor, size)
    return descriptor


@define(eq=False)
class SharedTable:
    """
    A table of entries of one size in buckets of :data:`WAYS`. Only one thread of a process uses it.

    :ivar memory: the bytes of it.
    :ivar entry_bytes: of one entry, the digest of its key first.
    :ivar offset: where in the memory behind the descriptor it begins, at a page.
    :ivar size: bytes of it; 0 for all that there is.
    :ivar skipped: bytes at its beginning that are no entries.
    """

    _descriptor: int
    _key: bytes = field(repr=False)
    entry_bytes: int
    _offset: int = field(default=0, kw_only=True)
    _size: int = field(default=0, kw_only=True)
    _skipped: int = field(default=0, kw_only=True)
    _given_up_until: float = field(default=0.0, init=False)
    memory: mmap = field(init=False)
    _buckets: int = field(init=False)

    @memory.default
    def _map(self) -> mmap:
        return mmap(self._descriptor, self._size, offset=self._offset)

    @_buckets.default
    def _count(self) -> int:
        return (len(self.memory) - self._skipped) // self.bucket_bytes

    @property
    def bucket_bytes(self) -> int:
        """Of one bucket."""
        return WAYS * self.entry_bytes

    def digest(self, *key: str) -> bytes:
        """What stands for ``key``. Whoever asks for the same again and again remembers it."""
        text = "\0".join(key).encode(errors="backslashreplace")
        return hashlib.blake2b(text, digest_size=DIGEST_BYTES, key=self._key).digest()

    def locate(self, digest: bytes) -> int:
        """Where the bucket of ``digest`` begins."""
        return self._skipped + int.from_bytes(digest[:4]) % self._buckets * self.bucket_bytes

    def find(self, digest: bytes, bucket: int) -> int | None:
        """Where the entry of ``digest`` begins in its bucket, or ``None``."""
        place = self.memory.find(digest, bucket, bucket + self.bucket_bytes)
        return None if place < 0 or (place - bucket) % self.entry_bytes else place

    def find_free(self, bucket: int) -> int | None:
        """Where an entry begins that nobody uses, in this bucket, or ``None``."""
        unused = bytes(DIGEST_BYTES)
        for place in range(bucket, bucket + self.bucket_bytes, self.entry_bytes):
            if self.memory[place : place + DIGEST_BYTES] == unused:
                return place
        return None

    def lock(self, bucket: int) -> None:
        """Keep other processes from the bucket. The system unlocks what a process that dies has locked."""
        for _ in range(_ATTEMPTS):
            if self._try_to_lock(bucket):
                return
            os.sched_yield()
        began = time.monotonic()
        if began < self._given_up_until:
            return
        while time.monotonic() - began < PATIENCE:
            time.sleep(_PAUSE)
            if self._try_to_lock(bucket):
                return
        self._given_up_until = time.monotonic() + _GIVEN_UP

    def _try_to_lock(self, bucket: int) -> bool:
        try:
            lockf(self._descriptor, LOCK_EX | LOCK_NB, 1, bucket)
        except OSError:
            return False
        return True

    def unlock(self, bucket: int) -> None:
        """Let the others have it."""
        lockf(self._descriptor, LOCK_UN, 1, bucket)

    def close(self) -> None:
        """Use it no more."""
        self.memory.close()
        os.close(self._descriptor)
