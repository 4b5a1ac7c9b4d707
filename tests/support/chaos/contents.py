"""Contents of files: bytes that a name of a few characters stands for, so that a history can name them."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256, shake_128
from itertools import count
from random import Random
from typing import Final

from attrs import define, field

_SIZES: Final = (16, 1_000_000, 9_437_184)
"""Bytes that a small, a middle and a large content has at least; the last of them goes to the store in parts."""

_WEIGHTS: Final = (40, 4, 1)


@lru_cache(64)
def make_content(value: str) -> bytes:
    """The bytes that ``value`` stands for: it is their number, which no other content has."""
    return shake_128(value.encode()).digest(int(value))


@lru_cache(4096)
def digest_content(value: str) -> bytes:
    """Their SHA-256."""
    return sha256(make_content(value)).digest()


def name_content(data: bytes) -> str | None:
    """What stands for these bytes, or ``None`` where nothing does."""
    value = str(len(data))
    return value if sha256(data).digest() == digest_content(value) else None


@define(eq=False)
class Contents:
    """Invents contents. Threads share it."""

    _numbers: count[int] = field(factory=count)

    def invent(self, random: Random) -> str:
        """One that nobody has had yet."""
        [size] = random.choices(_SIZES, _WEIGHTS)
        return str(size + next(self._numbers))
