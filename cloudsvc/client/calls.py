"""Requests that the client can make, and what their answers mean."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final, TypeVar

import msgspec
from attrs import evolve, frozen

from cloudsvc.client.effects import Answer, Call, Source
from cloudsvc.client.errors import MalformedAnswerError
from cloudsvc.client.operations import Operation, as_json
from cloudsvc.client.paths import escape, escape_path
from cloudsvc.client.values import (
    BatchAnswer,
    Changes,
    Done,
    FilePage,
    Health,
    NodePage,
    Purged,
    Status,
    Stored,
    Tagged,
    TrashPage,
    VersionPage,
)

T = TypeVar("T")

PAGE: Final = 1000
"""Entries of a list that one request asks for: as many as the server gives."""

_JSON: Final = {"Content-Type": "application/json"}
_SHA_256: Final = "sha-256=:"
_IN_HEXADECIMAL: Final = 64
"""Characters of a SHA-256."""


@frozen(kw_only=True)
class Search:
    """
    Which files to list, and in which order.

    :ivar folder: only those below it, at whatever depth.
    :ivar tag: only those with this tag.
    :ivar media_type: only those of this type, such as ``image/png``, or ``image`` for all of them.
    :ivar text: only those whose name contains it, whatever its case.
    :ivar sort: ``path``, ``name``, ``created``, ``updated`` or ``size``; with ``-`` before it, the greatest first.
    """

    folder: str = ""
    tag: str | None = None
    media_type: str | None = None
    text: str | None = None
    sort: str = "path"


@frozen(kw_only=True)
class _Greeting:
    """That of which nothing but its form is of interest."""

    message: str


def get_health() -> Call[Health]:
    """How the server is, which it tells anybody."""
    return get_json("/api/health", Health, with_key=False)


def log_in() -> Call[None]:
    """Nothing, where the key is valid."""
    return Call(method="GET", target="/api/login", parse=_ignore, repeatable=True)


def list_folder(path: str, cursor: str | None = None, limit: int = PAGE) -> Call[NodePage]:
    """What is directly in a folder, by name; the root is the empty path."""
    target = f"/api/folders/{escape_path(path)}" if path else "/api/folders"
    return get_json(target, NodePage, {"limit": limit, "cursor": cursor})


def list_files(search: Search, cursor: str | None = None) -> Call[FilePage]:
    """Files anywhere."""
    query = {
        "limit": PAGE,
        "cursor": cursor,
        "prefix": search.folder or None,
        "tag": search.tag,
        "type": search.media_type,
        "q": search.text,
        "sort": search.sort,
    }
    return get_json("/api/files", FilePage, query)


def list_versions(path: str, cursor: str | None = None) -> Call[VersionPage]:
    """The versions of a file, the newest first."""
    return get_json(f"/api/versions/{escape_path(path)}", VersionPage, {"limit": PAGE, "cursor": cursor})


def list_trash(cursor: str | None = None) -> Call[TrashPage]:
    """What is in the trash, the last deleted first."""
    return get_json("/api/trash", TrashPage, {"limit": PAGE, "cursor": cursor})


def list_changes(since: str | None, wait: int = 0) -> Call[Changes]:
    """
    What has changed since a position; without one, only where the changes stand now.

    :param wait: seconds for which the server waits where there is nothing yet.
    """
    query: dict[str, str | int | None] = {"since": since, "wait": wait or None}
    return evolve(get_json("/api/changes", Changes, query), patience=float(wait))


def find_file(path: str, version: int | None = None) -> Call[Status]:
    """What is known of a file."""
    return Call(
        method="HEAD",
        target=_locate_file(path, version),
        parse=lambda answer: parse_status(path, answer),
        repeatable=True,
    )


def get_file(
    path: str, *, version: int | None = None, start: int = 0, stop: int | None = None, etag: str | None = None
) -> Call[Answer]:
    """
    The bytes of a file from ``start`` on and before ``stop``.

    :param etag: where a part is asked for: the whole is sent if the file is another one by then (``If-Range``).
    """
    headers = {}
    if start or stop is not None:
        headers["Range"] = f"bytes={start}-{'' if stop is None else stop - 1}"
        if etag is not None:
            headers["If-Range"] = etag
    return Call(method="GET", target=_locate_file(path, version), headers=headers, parse=_same, repeatable=True)


def get_thumbnail(path: str) -> Call[bytes]:
    """A JPEG of what the file shows."""
    target = f"/api/files/{escape_path(path)}/thumbnail"
    return Call(method="GET", target=target, parse=lambda answer: answer.content, repeatable=True)


def put_file(
    path: str,
    content: bytes | Source,
    *,
    if_absent: bool = False,
    if_match: str | None = None,
    media_type: str | None = None,
    modified_at: datetime | None = None,
    sha256: bytes | None = None,
) -> Call[Stored]:
    """
    Keep a file, or replace it.

    :param if_absent: refuse it (412) where there is one.
    :param if_match: refuse it (412) unless the file there has this entity tag.
    :param modified_at: when it was last changed, with its offset from UTC.
    :param sha256: refuse it (400) unless the bytes that arrive have this digest.
    """
    headers = {"Content-Type": media_type or "application/octet-stream"}
    if if_absent:
        headers["If-None-Match"] = "*"
    if if_match is not None:
        headers["If-Match"] = if_match
    if modified_at is not None:
        headers["X-Modified-At"] = modified_at.isoformat()
    if sha256 is not None:
        headers["Repr-Digest"] = f"{_SHA_256}{b64encode(sha256).decode()}:"
    return Call(
        method="PUT",
        target=_locate_file(path),
        headers=headers,
        content=content,
        parse=lambda answer: _parse_stored(path, answer),
        # Sent a second time, it would be refused for what the first has made.
        repeatable=not if_absent and if_match is None,
    )


def make_folder(path: str) -> Call[Done]:
    """Make a folder, and those above it that are missing."""
    return Call(method="PUT", target=f"/api/folders/{escape_path(path)}", parse=parse_as(Done), repeatable=True)


def copy(source: str, destination: str) -> Call[Done]:
    """Copy a file or folder."""
    return post_json("/api/copies", Done, {"source": source, "destination": destination})


def apply_batch(operations: Iterable[Operation]) -> Call[tuple[Done, ...]]:
    """Make all changes, in order, or none."""
    parse = parse_as(BatchAnswer)
    body = msgspec.json.encode({"operations": [as_json(operation) for operation in operations]})
    return Call(
        method="POST",
        target="/api/batch",
        headers=_JSON,
        content=body,
        parse=lambda answer: parse(answer).results,
        repeatable=False,
    )


def edit_tags(path: str, add: Iterable[str], remove: Iterable[str]) -> Call[Tagged]:
    """Add and remove tags of a file."""
    body = msgspec.json.encode({"add_tags": list(add), "remove_tags": list(remove)})
    return Call(
        method="PATCH",
        target=_locate_file(path),
        headers=_JSON,
        content=body,
        parse=parse_as(Tagged),
        repeatable=False,
    )


def restore_version(path: str, version: int) -> Call[None]:
    """Make a version the content of its file again, as a new version."""
    content = msgspec.json.encode({"restore": version})
    target = f"/api/versions/{escape_path(path)}"
    return Call(method="POST", target=target, headers=_JSON, content=content, parse=_ignore, repeatable=False)


def restore(entry: int, destination: str | None = None) -> Call[Done]:
    """Take something out of the trash."""
    query = "" if destination is None else f"?destination={escape(destination)}"
    return Call(method="POST", target=f"/api/trash/{entry}/restore{query}", parse=parse_as(Done), repeatable=False)


def purge(entry: int | None) -> Call[Purged]:
    """Remove an entry of the trash for good, or all of them."""
    target = "/api/trash" if entry is None else f"/api/trash/{entry}"
    return Call(method="DELETE", target=target, parse=parse_as(Purged), repeatable=False)


def parse_status(path: str, answer: Answer) -> Status:
    """
    What the header fields of ``answer`` say of the file at ``path``.

    :raises MalformedAnswerError: they do not say it.
    """
    headers = answer.headers
    size, etag = _parse_size(answer), headers.get("etag")
    if size is None or etag is None:
        raise _malformed(answer)
    return Status(
        path=path,
        kind="file",
        size=size,
        etag=etag,
        sha256=parse_digest(headers),
        mime_type=headers.get("content-type"),
        modified_at=_parse_moment(answer),
    )


def parse_digest(headers: Mapping[str, str]) -> str | None:
    """The SHA-256 of the whole file, in hexadecimal (RFC 9530); ``None`` where the server does not say it."""
    for member in headers.get("repr-digest", "").split(","):
        name = member.strip()
        if name.lower().startswith(_SHA_256) and name.endswith(":"):
            try:
                digest = b64decode(name[len(_SHA_256) : -1], validate=True).hex()
            except ValueError:
                return None
            return digest if len(digest) == _IN_HEXADECIMAL else None
    return None


def parse_first(answer: Answer) -> int:
    """
    The offset of the first byte that ``answer`` sends.

    :raises MalformedAnswerError: it sends a part and does not say which.
    """
    if answer.status != HTTPStatus.PARTIAL_CONTENT:
        return 0
    unit, _, place = answer.headers.get("content-range", "").partition(" ")
    first = place.partition("-")[0]
    if unit.lower() != "bytes" or not (first.isascii() and first.isdecimal()):
        raise _malformed(answer)
    return int(first)


def _parse_size(answer: Answer) -> int | None:
    if answer.status == HTTPStatus.PARTIAL_CONTENT:
        text = answer.headers.get("content-range", "").rpartition("/")[2]
    else:
        text = answer.headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdecimal() else None


def _parse_moment(answer: Answer) -> datetime | None:
    try:
        return msgspec.convert(answer.headers.get("x-modified-at"), datetime)
    except msgspec.ValidationError:
        return None


def _parse_stored(path: str, answer: Answer) -> Stored:
    etag = answer.headers.get("etag")
    if etag is None:
        raise _malformed(answer)
    created = answer.status == HTTPStatus.CREATED
    return Stored(path=path, created=created, etag=etag, sha256=parse_digest(answer.headers))


def _locate_file(path: str, version: int | None = None) -> str:
    return f"/api/files/{escape_path(path)}{'' if version is None else f'?version={version}'}"


def get_json(
    target: str, shape: type[T], query: Mapping[str, str | int | None] = {}, *, with_key: bool = True
) -> Call[T]:
    pairs = "&".join(f"{name}={escape(str(value))}" for name, value in query.items() if value is not None)
    whole = f"{target}?{pairs}" if pairs else target
    return Call(method="GET", target=whole, parse=parse_as(shape), repeatable=True, with_key=with_key)


def post_json(target: str, shape: type[T], body: Mapping[str, Any]) -> Call[T]:
    content = msgspec.json.encode(body)
    return Call(method="POST", target=target, headers=_JSON, content=content, parse=parse_as(shape), repeatable=False)


def parse_as(shape: type[T]) -> Callable[[Answer], T]:
    """What gives the JSON of an answer as ``shape``. Members that it does not know are those of a newer server."""

    def parse(answer: Answer) -> T:
        try:
            return msgspec.json.decode(answer.content, type=shape)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise _malformed(answer) from None

    return parse


def _ignore(answer: Answer) -> None:
    """Nothing, once it is seen that ``answer`` is one of this server."""
    parse_as(_Greeting)(answer)


def _same(answer: Answer) -> Answer:
    return answer


def _malformed(answer: Answer) -> MalformedAnswerError:
    message = f"The answer ({answer.status}) is none of cloudsvc: is the URL the right one?"
    return MalformedAnswerError("malformed_answer", message)
