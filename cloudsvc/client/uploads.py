"""Uploads: the bytes are sent once, and what the server has kept is compared with them."""

from __future__ import annotations

from datetime import datetime

from cloudsvc.client.calls import put_file
from cloudsvc.client.effects import Flow, Run, Source
from cloudsvc.client.errors import DamagedError
from cloudsvc.client.retrying import RetryPolicy, ask
from cloudsvc.client.sources import Progress, Watched
from cloudsvc.client.values import Stored


def upload(
    source: Source,
    path: str,
    policy: RetryPolicy,
    *,
    if_absent: bool = False,
    if_match: str | None = None,
    media_type: str | None = None,
    modified_at: datetime | None = None,
    sha256: bytes | None = None,
    progress: Progress | None = None,
) -> Flow[Stored]:
    """
    Keep what ``source`` gives at ``path``; the arguments are those of :func:`~cloudsvc.client.calls.put_file`.

    :raises DamagedError: the server has kept something else.
    """
    length: int | None = yield Run(lambda: source.length)
    watched = Watched(source=source, length=length, progress=progress)
    stored = yield from ask(
        put_file(
            path,
            watched,
            if_absent=if_absent,
            if_match=if_match,
            media_type=media_type,
            modified_at=modified_at,
            sha256=sha256,
        ),
        policy,
    )
    if stored.sha256 is not None and watched.digest is not None and stored.sha256 != watched.digest:
        raise DamagedError("stored_differently", f"What the server has kept at {path!r} is not what was sent.")
    return stored
