"""Request targets, and the path that each names (RFC 9112 section 3.2)."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

from cloudsvc.web.errors import HTTPError


def decode_path(path: bytes) -> tuple[str, ...]:
    """
    The segments of a request's path, percent-decoded once and never merged (RFC 3986 section 3.3).

    A ``%`` that begins no escape stands for itself: existing clients put file names into URLs as they are.

    :raises HTTPError: 400 for what is no path, is not UTF-8, or has a NUL.
    """
    if not path.startswith(b"/"):
        scheme, separator, rest = path.partition(b"://")
        # RFC 9112 section 3.2.2: a server accepts the absolute form too.
        if not separator or scheme.lower() not in {b"http", b"https"}:
            raise HTTPError(400, "bad_target", "The request target is not a path.")
        _, slash, rest = rest.partition(b"/")
        path = slash + rest or b"/"
    try:
        text = path.decode("ascii") if b"%" not in path else unquote_to_bytes(path).decode()
    except UnicodeDecodeError:
        raise HTTPError(400, "bad_path", "The path is not UTF-8.") from None
    if "\x00" in text:
        raise HTTPError(400, "bad_path", "The path has a NUL character.")
    return tuple(text[1:].split("/"))
