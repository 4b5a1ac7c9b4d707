"""Content-Disposition of stored files, which browsers never treat as pages of this server (RFC 6266)."""

from __future__ import annotations

import unicodedata
from typing import Final
from urllib.parse import quote

from cloudsvc.extend.drive import essence_of

SANDBOX: Final = (b"Content-Security-Policy", b"sandbox; default-src 'none'")
"""Whatever a file is, opened by its URL it runs nothing, loads nothing, and has no part in this server's origin."""

_PLAYER: Final = (b"Content-Security-Policy", b"sandbox allow-same-origin; default-src 'none'; media-src 'self'")
"""
The same of what a browser plays: the page that it makes around such a file loads the file once more, from its own URL.

That has to be of one origin, or else Cross-Origin-Resource-Policy forbids it. There is still nothing that could run:
the sandbox allows no scripts, and by ``nosniff`` such a file is never taken for a page, whatever is in it.
"""

_SHOWN: Final = frozenset(
    {"image/avif", "image/bmp", "image/gif", "image/jpeg", "image/png", "image/webp", "text/plain"}
)
_PLAYED: Final = frozenset(
    {
        *("audio/aac", "audio/flac", "audio/mp4", "audio/mpeg", "audio/ogg", "audio/wav", "audio/webm", "audio/x-wav"),
        *("video/3gpp", "video/matroska", "video/mp4", "video/mpeg", "video/ogg", "video/quicktime", "video/webm"),
        "video/x-matroska",
    }
)
"""What some browser plays. Of another film or sound it would show an empty player, or save it all the same."""

_ATTR_CHAR: Final = "!#$&+^`|"
"""What RFC 8187 section 3.2.1 leaves unescaped, besides letters, digits and ``-._~``."""

_TROUBLE: Final = str.maketrans('"\\%/', "____")
"""
What some readers of a quoted ``filename`` take for an escape (RFC 6266 appendix D), and the slash that a look-alike in
the name becomes.
"""


def format_policy(media_type: str) -> tuple[bytes, bytes]:
    """The ``Content-Security-Policy`` of a file of this type."""
    return _PLAYER if essence_of(media_type) in _PLAYED else SANDBOX


def format_disposition(media_type: str, name: str) -> tuple[bytes, bytes]:
    """
    The ``Content-Disposition`` of a file called ``name`` (RFC 6266): pictures and plain text are shown, sound and video
    are played, as far as browsers know them, and everything else is saved.
    """
    shown = essence_of(media_type) in _SHOWN | _PLAYED
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode("ascii").translate(_TROUBLE)
    value = f'{"inline" if shown else "attachment"}; filename="{plain or "_"}"'
    if plain != name:
        value += f"; filename*=UTF-8''{quote(name, safe=_ATTR_CHAR)}"
    return b"Content-Disposition", value.encode("ascii")
