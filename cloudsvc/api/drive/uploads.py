"""Upload bodies, received piece by piece."""

from __future__ import annotations

from cloudsvc.extend import HTTPError, Request, read_field


def check_plain(request: Request) -> None:
    """
    See that the content is the file itself, whole and as it is.

    :raises HTTPError: it is a part of a file (RFC 9110 section 14.5), or is coded (section 15.5.16).
    """
    if read_field(request, "Content-Range") is not None:
        raise HTTPError(400, "partial_upload", "Content-Range is not supported: send the whole file.")
    codings = (read_field(request, "Content-Encoding") or "").split(",")
    if {coding.strip().lower() for coding in codings} - {"", "identity"}:
        accepted = ((b"Accept-Encoding", b"identity"),)
        raise HTTPError(
            415, "content_coding", "Content-Encoding is not supported: send the bytes as they are.", accepted
        )
