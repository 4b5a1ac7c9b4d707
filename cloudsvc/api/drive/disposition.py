"""How browsers are told to treat what users have stored: never as a page of this server."""

from __future__ import annotations

import unicodedata
from typing import Final
from urllib.parse import quote

from cloudsvc.drive.media_types import essence_of

SANDBOX: Final = (b"Content-Security-Policy", b"sandbox; default-src 'none'")
"""Whatever a file is, opened by its URL it runs nothing, loads nothing, and has no part in this server's origin."""

_SHOWN: Final = frozenset(
    {"image/avif", "image/bmp", "image/gif", "image/jpeg", "image/png", "image/webp", "text/plain"}
)
_SHOWN_KINDS: Final = ("audio/", "video/")

_ATTR_CHAR: Final = "!#$&+^`|"
"""What RFC 8187 section 3.2.1 leaves unescaped, besides letters, digits and ``-._~``."""

_TROUBLE: Final = str.maketrans('"\\%/', "____")
"""
What some readers of a quoted ``filename`` take for an escape (RFC 6266 appendix D), and the slash that a look-alike in
the name becomes.
"""


def spell_disposition(media_type: str, name: str) -> tuple[bytes, bytes]:
    """
    The ``Content-Disposition`` of a file called ``name`` (RFC 6266): pictures, sound, video and plain text are shown,
    everything else is saved.
    """
    essence = essence_of(media_type)
    shown = essence in _SHOWN or essence.startswith(_SHOWN_KINDS)
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode("ascii").translate(_TROUBLE)
    value = f'{"inline" if shown else "attachment"}; filename="{plain or "_"}"'
    if plain != name:
        value += f"; filename*=UTF-8''{quote(name, safe=_ATTR_CHAR)}"
    return b"Content-Disposition", value.encode("ascii")
