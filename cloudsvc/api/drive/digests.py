"""Digest fields of what is sent and of what is stored (RFC 9530)."""

from __future__ import annotations

from base64 import b64encode
from typing import Final

import http_sf

from cloudsvc.extend import CloudError, Kind, Request, read_field
from cloudsvc.extend.drive import digest_mismatch

_ALGORITHM: Final = "sha-256"
_SIZE: Final = 32

_LONGEST: Final = 4096
"""Characters of a field. All the digests that there are take some six hundred."""


def read_digest(request: Request) -> bytes | None:
    """
    The SHA-256 that the content must have, by ``Content-Digest`` or ``Repr-Digest``; ``None`` where neither says.

    Other algorithms are ignored, as section 2 demands. The two fields are about the same bytes here: there are no
    content codings and no partial uploads.

    :raises CloudError: a field is malformed, or the two do not agree.
    """
    found = {parse_digest(name, read_field(request, name)) for name in ("Content-Digest", "Repr-Digest")} - {None}
    if len(found) > 1:
        raise digest_mismatch()
    return found.pop() if found else None


def parse_digest(name: str, field: str | None) -> bytes | None:
    """
    The SHA-256 in the value of the field called ``name``.

    :raises CloudError: it is malformed.
    """
    if field is None:
        return None
    if len(field) > _LONGEST:
        raise _malformed(name, f"it is longer than {_LONGEST} characters")
    try:
        dictionary = http_sf.parse(field.encode("latin-1", "replace"), tltype="dictionary")
    except http_sf.StructuredFieldError as problem:
        raise _malformed(name, str(problem)) from problem
    if not isinstance(dictionary, dict) or _ALGORITHM not in dictionary:
        return None
    member = dictionary[_ALGORITHM]
    digest = member[0] if isinstance(member, tuple) else member
    if not isinstance(digest, bytes) or len(digest) != _SIZE:
        raise _malformed(name, f"{_ALGORITHM} takes {_SIZE} bytes between colons, in Base64")
    return digest


def format_digest(digest: bytes | None) -> tuple[tuple[bytes, bytes], ...]:
    """The ``Repr-Digest`` of bytes with this SHA-256; none where that is not known yet."""
    return () if digest is None else ((b"Repr-Digest", b"sha-256=:%b:" % b64encode(digest)),)


def _malformed(name: str, reason: str) -> CloudError:
    return CloudError(Kind.INVALID, "malformed_digest", f"The field {name} is malformed: {reason}.")
