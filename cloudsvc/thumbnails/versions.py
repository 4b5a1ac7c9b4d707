"""Versions of the decoders that make thumbnails."""

from __future__ import annotations

import hashlib
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Final

_REVISION: Final = 2
"""Of what is done here to an image. Raised whenever a thumbnail would look different."""

_DECODERS: Final = {"pillow": "PIL", "pillow-heif": "pillow_heif", "av": "av"}
"""Packages, and the modules that they bring."""

_LENGTH: Final = 10


def identify_decoders() -> str:
    """
    A name for the decoders that are installed, and what is done here with them.

    Others may make another thumbnail of the same image, or one where there was none. None of them is loaded for it.
    """
    versions = ",".join(f"{name}={_find_version(name)}" for name in _DECODERS)
    return hashlib.sha256(f"{_REVISION},{versions}".encode()).hexdigest()[:_LENGTH]


def find_missing_decoders() -> tuple[str, ...]:
    """The packages that are wanted for thumbnails and are not installed. None of them is loaded for it."""
    return tuple(name for name, module in _DECODERS.items() if find_spec(module) is None)


def _find_version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
