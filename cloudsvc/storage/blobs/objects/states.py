"""State of a suspended upload: one object, which says what is durable and holds the bytes that fill no part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
from attrs import frozen
from msgspec import Struct

_LINE: Final = b"\n"


class _Head(Struct, frozen=True, kw_only=True):
    upload: str | None
    tags: list[str]
    stored: int
    rest: int


@frozen(kw_only=True)
class State:
    """
    What of an upload is durable. A part that is stored, and not named here, is nobody's: its number is used again.

    :ivar upload: the id of the multipart upload; ``None`` where none was needed yet.
    :ivar tags: entity tags of its parts, from the first on, without gaps.
    :ivar stored: bytes in these parts.
    :ivar rest: the bytes behind them, no more than one part has.
    """

    upload: str | None
    tags: Sequence[str]
    stored: int
    rest: bytes

    @property
    def size(self) -> int:
        """How many bytes of the blob are durable."""
        return self.stored + len(self.rest)

    def encode(self) -> bytes:
        """The content of the object: a line of JSON, and the rest."""
        head = _Head(upload=self.upload, tags=[*self.tags], stored=self.stored, rest=len(self.rest))
        return b"".join((msgspec.json.encode(head), _LINE, self.rest))

    @classmethod
    def decode(cls, content: bytes | None) -> State:
        """
        What :meth:`encode` has made; ``None`` is what is too large for that.

        :raises ValueError: it is something else.
        """
        line, _, rest = (content or b"").partition(_LINE)
        head = msgspec.json.decode(line, type=_Head)
        if len(rest) != head.rest:
            raise ValueError("it is cut")
        return cls(upload=head.upload, tags=head.tags, stored=head.stored, rest=rest)
