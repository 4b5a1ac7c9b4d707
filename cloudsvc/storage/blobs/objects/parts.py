"""Sizes of the parts in which large blobs are uploaded and copied."""

from __future__ import annotations

from typing import Final

from attrs import frozen

_MIB: Final = 2**20


@frozen(kw_only=True)
class PartSizes:
    """
    How large each part of an upload is. It follows from its number alone: whoever goes on with an upload, or does so at
    the same time as another, cuts where the other would have.

    Parts of 8 MiB are large enough to be worth their requests, and few enough bytes to be kept in memory. An upload can
    have no more than 10,000 (S3), so that later ones are larger: a blob can have 293 GiB.

    :ivar first: bytes of the first ones. S3 demands 5 MiB of all but the last.
    :ivar stage: parts after which they become twice as large.
    :ivar most: parts of one upload.
    :ivar copied: bytes that the store copies in one step, silently. 5 GiB are the most in S3.
    """

    first: int = 8 * _MIB
    stage: int = 2500
    most: int = 10_000
    copied: int = 128 * _MIB

    def find(self, number: int) -> int:
        """The bytes of a part; 1 is the first."""
        return self.first << ((number - 1) // self.stage)

    @property
    def largest_state(self) -> int:
        """Bytes of the largest state of a suspended upload: one part, and the tags of all."""
        return self.find(self.most) + 100 * self.most + _MIB

    def list_copied(self, size: int) -> list[tuple[int, int]]:
        """Where the pieces begin and end in which an object of ``size`` bytes is copied."""
        # Where 10,000 such pieces would be too few they are larger.
        step = max(self.copied, -(-size // self.most))
        return [(start, min(start + step, size)) for start in range(0, size, step)]
