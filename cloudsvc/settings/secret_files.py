"""Secret files: a variable whose name ends in ``_FILE`` names a file with the secret, as orchestrators mount them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

SUFFIX: Final = "_FILE"

_MOST_BYTES: Final = 2**16


def read_secret_file(name: str) -> str:
    """
    What the file at the absolute path ``name`` holds, without the line feed that editors put at its end. Blocks.

    :raises ValueError: it cannot be used, and why; nothing of what it holds is told.
    """
    if not Path(name).is_absolute():
        raise ValueError(f"{name!r} is no absolute path; write the whole path of the file that holds the secret")
    try:
        with Path(name).open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or problem
        raise ValueError(f"{name} cannot be read: {reason}; name a file that the server may read") from None
    if len(content) > _MOST_BYTES:
        raise ValueError(f"{name} has more than {_MOST_BYTES} bytes; name a file that holds the secret alone")
    try:
        text = content.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise ValueError(f"{name} is no text; name a file that holds the secret alone") from None
    if not text:
        raise ValueError(f"{name} is empty; put the secret into it, or drop the variable")
    return text
