"""The folder of a python-cloud-server (upstream): ``storage`` with the files, and ``metadata.json`` beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

NOON: Final = 1_767_268_800_000_000
"""Noon of 2026-01-01 in UTC, in microseconds since the epoch."""

_NOON_TEXT: Final = "2026-01-01T12:00:00Z"
_LATER_TEXT: Final = "2026-01-01T12:00:01.000001Z"

LATER: Final = NOON + 1_000_001


_TYPES: Final = {"jpeg": "image/jpeg", "jpg": "image/jpeg", "png": "image/png", "txt": "text/plain"}


def describe(path: str, tags: Sequence[str] = (), size: int = 0) -> dict[str, Any]:
    """What such a server keeps about one file that was changed a second after it had come."""
    return {
        "filepath": path,
        "mime_type": _TYPES.get(path.rpartition(".")[2], "application/octet-stream"),
        "size": size,
        "tags": [*tags],
        "uploaded_at": _NOON_TEXT,
        "updated_at": _LATER_TEXT,
    }


def make_upstream(directory: Path, files: Mapping[str, tuple[bytes, Sequence[str]]]) -> Path:
    """Write such a folder with ``files``: path -> content and tags. It has thumbnails, as theirs have."""
    storage = directory / "storage"
    for path, (content, _) in files.items():
        for place in (storage / path, storage / ".thumbnails" / f"{path}.jpg"):
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
    metadata = {path: describe(path, tags, len(content)) for path, (content, tags) in files.items()}
    (directory / "metadata.json").write_text(json.dumps(metadata, indent=2, ensure_ascii=False), "utf-8")
    return directory
