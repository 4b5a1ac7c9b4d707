"""Reception of a catalogue from elsewhere: it is examined, brought up to date, and begins anew."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from sqlalchemy.exc import SQLAlchemyError

from cloudsvc.core.durable_files import open_unlinked
from cloudsvc.core.errors import CloudError
from cloudsvc.drive.freezing import Beginning
from cloudsvc.drive.replacement import Unusable
from cloudsvc.storage.catalogue.migration import NewerSchema
from cloudsvc.storage.catalogue.sqlite.examination import examine, examine_definitions
from cloudsvc.storage.catalogue.sqlite.migration import begin_anew, find_revision, migrate

SENSELESS: Final = (CloudError, sqlite3.Error, SQLAlchemyError, LookupError, TypeError, ValueError)
"""What reading a damaged catalogue may come to."""


def receive(content: IO[bytes], file: Path, beginning: Beginning) -> None:
    """
    Write a catalogue to ``file``, which must not be there yet, and make it one that can be used. Blocks.

    :raises OSError: it cannot be written.
    :raises NewerSchema: a newer program has written it.
    :raises Exception: one of :data:`SENSELESS`: it makes no sense.
    """
    # Anybody may have written it, so each step relies on nothing but those before.
    with os.fdopen(open_unlinked(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as copy:
        shutil.copyfileobj(content, copy)
    examine_definitions(file)
    if find_revision(file) is None:
        # A migration would make an empty drive of it.
        raise ValueError("it has no tables")
    migrate(file)
    examine(file)
    begin_anew(file, beginning)


@contextmanager
def telling_what_is_unusable() -> Iterator[None]:
    """
    Meanwhile a catalogue from elsewhere is read.

    :raises Unusable: it makes no sense.
    """
    try:
        yield
    except NewerSchema:
        raise Unusable("a newer program has written its catalogue; restore it with that program") from None
    except SENSELESS as problem:
        raise Unusable(f"its catalogue is damaged ({problem})") from None
