"""Files that are spooled for another process: of a bounded size, without a name, and gone with whoever needed them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cloudsvc.core.errors import CloudError, Kind
from cloudsvc.drive.spooling import Spooler
from cloudsvc.storage.blobs.reading import ContentReader
from tests.support.blobs import find_files
from tests.support.inline_threads import Inline
from tests.support.reactors import in_reactor


@in_reactor
async def test_a_file_has_no_name_and_begins_at_the_first_byte(tmp_path: Path) -> None:
    spooler = Spooler(directory=tmp_path, threads=Inline(), most_bytes=7)
    async with spooler.spool(ContentReader(b"content")) as descriptor:
        assert os.read(descriptor, 100) == b"content"
        assert find_files(tmp_path) == set()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.read(descriptor, 1)


@in_reactor
async def test_what_is_too_large_is_refused_and_takes_no_space(tmp_path: Path) -> None:
    spooler = Spooler(directory=tmp_path / "missing", threads=Inline(), most_bytes=6)
    with pytest.raises(CloudError) as caught:
        async with spooler.spool(ContentReader(b"content")):
            pytest.fail("it was spooled")
    assert caught.value.kind is Kind.UNPROCESSABLE
