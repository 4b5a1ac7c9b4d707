"""Files that are replaced whole or not at all."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

from cloudsvc.core.errors import StartFault
from cloudsvc.core.files import sync_directory


def replace_file(path: Path, content: bytes, *, mode: int) -> None:
    """
    Make ``path`` hold ``content``, durably; whoever reads it sees the old content or the new. Links are followed.

    :param mode: permissions of the file, whatever they were before.
    :raises StartFault: when its directory cannot be written. The file is then as before, or as it should be, which may
        not be durable.
    """
    path = path.resolve()
    staged = None
    try:
        with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            staged = Path(file.name)
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        staged.replace(path)
        sync_directory(path.parent)
    except OSError as problem:
        if staged is not None:
            with suppress(OSError):
                staged.unlink()
        raise StartFault([f"{path} cannot be written: {problem.strerror}; its directory must be writable"]) from None
