"""
``metadata.json``: media types, tags and dates beside plain files.

It has the shape that python-cloud-server (upstream) gives it: one JSON object, path -> what is known about the file.
"""

from __future__ import annotations

import json
import pathlib
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import IO, Final

import msgspec
from attrs import frozen

from cloudsvc.administration.faults import MetadataMissingError
from cloudsvc.core.errors import CloudError, OperatorError
from cloudsvc.drive.media_types import parse_media_type
from cloudsvc.drive.names import DrivePath
from cloudsvc.drive.nodes import File, Instant, clamp, format_instant

METADATA_NAME: Final = "metadata.json"

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


@frozen(kw_only=True)
class Metadata:
    """
    What a file is besides its bytes.

    :ivar media_type: empty where the name tells.
    :ivar created_at: when the file came to be in the drive that it comes from.
    :ivar updated_at: when anything of it last changed there.
    :ivar modified_at: when its content was last changed; ``None`` where only the file itself knows.
    """

    media_type: str
    tags: tuple[str, ...]
    created_at: Instant
    updated_at: Instant
    modified_at: Instant | None = None


@frozen(kw_only=True)
class _Entry:
    mime_type: str
    tags: tuple[str, ...] = ()
    uploaded_at: datetime
    updated_at: datetime
    modified_at: datetime | None = None


_decoder: Final = msgspec.json.Decoder(dict[str, _Entry])


def read_metadata(file: pathlib.Path, zone: tzinfo | None = None) -> Mapping[str, Metadata]:
    """
    What ``file`` says about each path, by :func:`key_of` it. Blocks.

    :param zone: of the clock that wrote the dates, whatever they say themselves: upstream writes local
        times and calls them UTC. ``None`` takes them as they are.
    :raises OperatorError: it cannot be read, or is something else.
    """
    try:
        entries = _decoder.decode(file.read_bytes())
    except OSError as problem:
        raise OperatorError([f"{file} cannot be read: {problem.strerror}"]) from None
    except msgspec.DecodeError as problem:
        raise MetadataMissingError([f"{file} does not hold tags and dates: {problem}"]) from None
    return {
        unicodedata.normalize("NFC", path): Metadata(
            media_type=_keep_media_type(entry.mime_type),
            tags=entry.tags,
            created_at=_count_microseconds(entry.uploaded_at, zone),
            updated_at=_count_microseconds(entry.updated_at, zone),
            modified_at=None if entry.modified_at is None else _count_microseconds(entry.modified_at, zone),
        )
        for path, entry in entries.items()
    }


def key_of(path: DrivePath) -> str:
    """What names ``path``, however its characters are composed."""
    return "/".join(name.key for name in path.names)


def _keep_media_type(text: str) -> str:
    # What upstream wrote down came from its clients unseen.
    try:
        return parse_media_type(text)
    except CloudError:
        return ""


def _count_microseconds(moment: datetime, zone: tzinfo | None) -> Instant:
    if zone is not None or moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone or UTC)
    return clamp((moment - _EPOCH) // _MICROSECOND)


class MetadataWriter:
    """Writes such a file, piece by piece, so that it may be larger than the memory. Blocks."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._separator = "{\n"

    def add(self, files: Iterable[File]) -> None:
        """Write what is known about ``files``."""
        for file in files:
            entry = {
                "filepath": str(file.path),
                "mime_type": file.version.media_type,
                "size": file.version.blob.size,
                "tags": file.tags,
                "uploaded_at": format_instant(file.created_at),
                "updated_at": format_instant(file.updated_at),
                "modified_at": format_instant(file.version.modified_at),
            }
            path, value = (json.dumps(each, ensure_ascii=False) for each in (str(file.path), entry))
            self._stream.write(f"{self._separator}  {path}: {value}")
            self._separator = ",\n"

    def end(self) -> None:
        """Write what is missing at the end."""
        self._stream.write("{}\n" if self._separator == "{\n" else "\n}\n")
