"""Marker in a directory of blobs: the id of the installation to which they belong."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path
from typing import Final

from cloudsvc.core.durable_files import sync_directory, write_new

NAME: Final = "installation"

_ID: Final = re.compile(r"[0-9a-f]{32}")
_MOST_BYTES: Final = 64


def make_installation() -> str:
    """An id that no other installation has."""
    return secrets.token_hex(16)


def read_marker(directory: Path) -> str | None:
    """
    Whose blobs are in ``directory``; ``None`` where nobody has said so. Blocks.

    :raises OSError: it cannot be read.
    :raises ValueError: it is damaged.
    """
    try:
        with (directory / NAME).open("rb") as file:
            found = file.read(_MOST_BYTES).decode("ascii", "replace").strip()
    except FileNotFoundError:
        return None
    if not _ID.fullmatch(found):
        raise ValueError(f"{directory / NAME} is damaged: it holds no 32 hexadecimal digits")
    return found


def make_marker(directory: Path, installation: str) -> str:
    """
    Say durably whose the blobs in ``directory`` are, unless somebody has; what is said then. Blocks.

    :raises OSError: it cannot be written.
    :raises ValueError: as :func:`read_marker`.
    """
    staged = directory / f".{NAME}-{secrets.token_hex(8)}"
    write_new(staged, f"{installation}\n".encode(), mode=0o600, beside=directory)
    try:
        # Unlike a renaming, a link takes the place of nothing.
        os.link(staged, directory / NAME)
    except FileExistsError:
        pass
    finally:
        staged.unlink()
    sync_directory(directory)
    return read_marker(directory) or installation
