"""Layout of a bucket: under which key each object is."""

from __future__ import annotations

import re
from typing import Final

from attrs import field, frozen

from cloudsvc.drive.nodes import BlobId
from cloudsvc.storage.blobs.layout import check_blob_id

_BLOB: Final = re.compile(r"[0-9a-f]{2}/([0-9a-f]{32})")
_STATE: Final = re.compile(r"([0-9a-f]{32})\.([0-9]{1,19})")


@frozen(kw_only=True)
class Keys:
    """
    The keys of one installation.

    :ivar prefix: of all of them; it ends with a slash, unless it is empty.
    :ivar installation: says whose they are.
    :ivar blobs: begins those of sealed blobs, and of uploads that become one.
    :ivar quarantined: begins those of blobs in quarantine.
    :ivar suspended: begins those that say how far an upload is durable.
    :ivar sealing: begins those that say that a blob has just been sealed, however old its upload is.
    """

    prefix: str
    installation: str = field(init=False)
    blobs: str = field(init=False)
    quarantined: str = field(init=False)
    suspended: str = field(init=False)
    sealing: str = field(init=False)

    def __attrs_post_init__(self) -> None:
        for name, text in (
            ("installation", "installation.json"),
            ("blobs", "blobs/"),
            ("quarantined", "quarantine/"),
            ("suspended", "suspended/"),
            ("sealing", "sealing/"),
        ):
            object.__setattr__(self, name, self.prefix + text)

    @classmethod
    def below(cls, prefix: str) -> Keys:
        """Those below a prefix as the settings have it."""
        return cls(prefix=f"{prefix}/" if prefix else "")

    def find(self, blob: BlobId) -> str:
        """Where ``blob`` is once it is sealed."""
        return f"{self.blobs}{check_blob_id(blob)[:2]}/{blob}"

    def find_quarantined(self, blob: BlobId) -> str:
        """Where ``blob`` is once it is in quarantine."""
        return f"{self.quarantined}{check_blob_id(blob)[:2]}/{blob}"

    def find_states(self, blob: BlobId) -> str:
        """What the keys begin with that say how far the upload of ``blob`` is durable."""
        return f"{self.suspended}{check_blob_id(blob)}."

    def find_state(self, blob: BlobId, size: int) -> str:
        """Where it says that ``size`` bytes of the upload of ``blob`` are durable."""
        return f"{self.find_states(blob)}{size}"

    def find_mark(self, blob: BlobId) -> str:
        """Where it says that ``blob`` has just been sealed."""
        return f"{self.sealing}{check_blob_id(blob)}"

    def read_blob(self, key: str) -> BlobId | None:
        """Which blob is under ``key``, sealed or in quarantine; ``None`` where that is somebody else's business."""
        for top in (self.blobs, self.quarantined):
            found = _BLOB.fullmatch(key.removeprefix(top)) if key.startswith(top) else None
            if found is not None and key == f"{top}{found[1][:2]}/{found[1]}":
                return BlobId(found[1])
        return None

    def read_state(self, key: str) -> tuple[BlobId, int] | None:
        """Of which blob ``key`` says how many bytes are durable, likewise."""
        found = _STATE.fullmatch(key.removeprefix(self.suspended)) if key.startswith(self.suspended) else None
        return None if found is None else (BlobId(found[1]), int(found[2]))

    def read_mark(self, key: str) -> str:
        """Of which blob ``key`` says that it has just been sealed."""
        return key.removeprefix(self.sealing)
