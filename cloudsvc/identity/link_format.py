"""
Secrets of links as text (:mod:`cloudsvc.identity.secret_format`), which begin with ``csl_``, and what is told instead.

They stand in paths, and paths are told in many places. So whoever tells one takes :func:`hide_links` first.
"""

from __future__ import annotations

import re
from typing import Final, NewType
from urllib.parse import unquote

from cloudsvc.identity.secret_format import ID_LENGTH, NOBODY, Made, is_secret_id, make_secret, read_secret

LinkId = NewType("LinkId", str)
"""Names a link: 16 random characters of base 62 (95 bits). No secret, and never used again."""

LINK_PREFIX: Final = "csl_"
"""What the secret of every link begins with."""

NO_LINK: Final = LinkId(NOBODY)
"""The id of no link: looking for it costs what any other look-up does."""

LINK_MOUNT: Final = "s"
"""The first segment of the paths of links; the second one is the secret."""

_HIDDEN: Final = "-"
"""Told instead of what has not the form of a secret, and may be one with a slip of the pen."""

_SECRET: Final = re.compile(rf"{LINK_PREFIX}([0-9A-Za-z]{{0,{ID_LENGTH}}})[0-9A-Za-z]*")
_UNDER_MOUNT: Final = re.compile(rf"((?:[a-z][a-z0-9+.-]*://[^/]*)?/+{LINK_MOUNT}/+)([^/?#]+)", re.IGNORECASE)
_PLAIN: Final = re.compile(rb"/(?![sS/])")
_ESCAPED: Final = "%"


def make_link_secret() -> Made:
    """A new one of 256 random bits."""
    return make_secret(LINK_PREFIX)


def read_link_secret(text: bytes) -> tuple[LinkId, bytes]:
    """The link that ``text`` says to be, :data:`NO_LINK` where it has not the form, and SHA-256 of its secret."""
    shown = read_secret(LINK_PREFIX, text)
    return LinkId(shown.id), shown.digest


def is_link_id(text: str) -> bool:
    """Whether ``text`` could name a link."""
    return is_secret_id(text)


def hide_links(path: str) -> str:
    """
    ``path`` as it may be told: with the id of each link instead of its secret, and with nothing of what stands where a
    secret does and is none. It is decoded as far as it would be to be understood.
    """
    if LINK_PREFIX not in path and f"{LINK_MOUNT}/" not in path and _ESCAPED not in path:
        return path
    plain = unquote(path, errors="replace") if _ESCAPED in path else path
    told = _UNDER_MOUNT.sub(_hide_segment, plain, count=1) if _UNDER_MOUNT.match(plain) else plain
    told = _SECRET.sub(r"\1", told)
    # What is no way to a link stays as it was sent.
    return path if told == plain else told


def hide_links_in(target: bytes) -> bytes:
    """As :func:`hide_links`, of a path as it was sent."""
    # Nearly all begin in a way that leads to no link.
    if _PLAIN.match(target) and b"%" not in target and b"csl_" not in target:
        return target
    told = hide_links(target.decode("latin-1"))
    return told.encode(errors="replace")


def _hide_segment(found: re.Match[str]) -> str:
    shown, _ = read_link_secret(found[2].encode(errors="replace"))
    return f"{found[1]}{_HIDDEN if shown == NO_LINK else shown}"
