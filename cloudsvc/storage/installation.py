"""Installation of a catalogue and of blobs in a directory, in the place of those that are there."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from attrs import frozen

from cloudsvc.core.durable_files import publish, sync_directory, sync_file
from cloudsvc.drive.nodes import BlobId
from cloudsvc.storage.blobs.layout import Layout
from cloudsvc.storage.blobs.marker import NAME as MARKER_NAME
from cloudsvc.storage.local import CATALOGUE_NAME

_JOURNALS: Final = ("-wal", "-shm")


@frozen(kw_only=True)
class Installation:
    """
    Puts everything into its place. Blocks.

    Until the catalogue gets its name, nothing refers to the blobs that came; from then on, nothing to the others.

    :ivar directory: of the storage, which nobody else has open.
    :ivar own: where the new catalogue is, closed; removed when this program ends, however it does.
    :ivar layout: of the blobs in it; ``None`` where they are elsewhere.
    :ivar arrived: blobs that wait in this program's incoming folder.
    :ivar former: the name for what was there before, if anything was.
    """

    directory: Path
    own: Path
    layout: Layout | None
    arrived: Sequence[BlobId]
    former: str | None

    def run(self) -> Path | None:
        """
        Do it; where all is kept that was there before, if anything was.

        :raises OSError: it cannot be done. Nothing was replaced.
        """
        kept = None if self.former is None else self._keep(self.directory / self.former)
        try:
            if self.layout is not None:
                self._place_blobs(self.layout)
            sync_file(self.own / CATALOGUE_NAME)
        except OSError:
            if kept is not None:
                shutil.rmtree(kept)
            raise
        for suffix in _JOURNALS:
            # One that a damaged catalogue has left would be taken for the new one's. It has been kept aside.
            (self.directory / f"{CATALOGUE_NAME}{suffix}").unlink(missing_ok=True)
        publish(self.own / CATALOGUE_NAME, self.directory / CATALOGUE_NAME)
        return kept

    def _place_blobs(self, layout: Layout) -> None:
        folders = {layout.find_folder(blob) for blob in self.arrived}
        for folder in folders:
            folder.mkdir(mode=0o700, exist_ok=True)
        for blob in self.arrived:
            layout.find_incoming(blob).rename(layout.find(blob))
        for folder in (*folders, layout.blobs):
            sync_directory(folder)

    def _keep(self, kept: Path) -> Path:
        """Make ``kept`` a drive with all that is there. Blobs are linked: they take no space until the originals go."""
        staged = self.own / kept.name
        if self.layout is not None:
            self._link_blobs(self.layout, staged)
        staged.mkdir(mode=0o700, exist_ok=True)
        for name in (CATALOGUE_NAME, *(f"{CATALOGUE_NAME}{suffix}" for suffix in _JOURNALS), MARKER_NAME):
            original = self.directory / name
            if original.exists():
                # A database must not have two names.
                shutil.copy2(original, staged)
                sync_file(staged / original.name)
        sync_directory(staged)
        publish(staged, kept)
        return kept

    def _link_blobs(self, layout: Layout, staged: Path) -> None:
        for folder in layout.list_folders():
            copy = staged / "blobs" / folder.name
            copy.mkdir(mode=0o700, parents=True)
            for blob in layout.list_blobs(folder):
                (copy / blob).hardlink_to(folder / blob)
            sync_directory(copy)
