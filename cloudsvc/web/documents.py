"""Static documents: content that stays as it is while the server runs."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Final

from attrs import frozen

from cloudsvc.web.codings import LEAST, VARIES, accepts_gzip, compress, is_compressible
from cloudsvc.web.conditions import Validators
from cloudsvc.web.representations import Representation
from cloudsvc.web.responses import HeaderList, Response

if TYPE_CHECKING:
    from cloudsvc.web.http1.request import Request

_BEST: Final = 9
"""The level of gzip: it is done once."""


@frozen(kw_only=True)
class Document:
    """
    Such content, and the same in gzip where that is smaller: packed once, sent as often as anybody asks.

    :ivar packed: in gzip; ``None`` where it is not worth it.
    :ivar tag: the opaque part of its entity tag.
    """

    content_type: bytes
    content: bytes
    packed: bytes | None
    tag: str

    @classmethod
    def of(cls, content: bytes, content_type: bytes) -> Document:
        """``content`` of this type. It must be for everybody, and hold nothing that a client chooses."""
        packed = None
        if len(content) >= LEAST and is_compressible(content_type.decode("ascii")):
            packed = compress(content, level=_BEST)
        tag = sha256(content).hexdigest()[:32]
        return cls(content_type=content_type, content=content, packed=packed, tag=tag)

    def answer(self, request: Request, *, kept: HeaderList) -> Response:
        """
        The answer to ``GET`` or ``HEAD``.

        :param kept: as in :class:`~cloudsvc.web.representations.Representation`.
        :raises HTTPError: 412, 416, 431.
        """
        representation = Representation(
            content_type=self.content_type,
            size=len(self.content),
            validators=Validators(tag=self.tag),
            kept=kept if self.packed is None else VARIES + kept,
        )
        if self.packed is not None and accepts_gzip(request):
            return representation.gzipped(len(self.packed)).select(request).cut(self.packed)
        return representation.select(request).cut(self.content)
