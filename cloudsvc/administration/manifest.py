"""
Manifest of a snapshot: where each current file's bytes lie, readable without this program.

It is text in UTF-8, one JSON object (RFC 8259) per line and file, with the members

- ``path``: names from the top down with slashes between them;
- ``blob``: the id of the file's bytes;
- ``sha256``: of the bytes, in hexadecimal; null where it is not known yet;
- ``size``: in bytes;
- ``updated_at``: when the file last changed (RFC 3339);
- ``modified_at``: when its content was last changed, as whoever stored it said.

JSON escapes what a name might do to a line, so every name is told exactly.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from cloudsvc.drive.nodes import File, format_instant


def write_lines(files: Iterable[File]) -> str:
    """The lines of ``files``."""
    return "".join(_write_line(file) for file in files)


def _write_line(file: File) -> str:
    blob = file.version.blob
    line = {
        "path": str(file.path),
        "blob": blob.id,
        "sha256": blob.digest.hex() if blob.digest else None,
        "size": blob.size,
        "updated_at": format_instant(file.updated_at),
        "modified_at": format_instant(file.version.modified_at),
    }
    return json.dumps(line, ensure_ascii=False) + "\n"
