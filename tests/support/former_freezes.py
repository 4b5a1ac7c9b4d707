"""Freezes as catalogues of schema 0010 wrote them: as one number."""

from __future__ import annotations

from typing import Final

from cloudsvc.drive.freezing import ARRIVING, THAWED, Freeze, freeze_for_good, freeze_until

FORMER_FREEZES: Final[dict[str, tuple[int, Freeze]]] = {
    "none": (0, THAWED),
    "for a while": (1_800_000_000_000_000, freeze_until(1_800_000_000_000_000)),
    "of a clock that was wrong": (2**61 - 1, freeze_until(2**61 - 1)),
    "arriving": (2**61, ARRIVING),
    "moved": (2**62 - 2**32 + 0x0A1B2C3D, freeze_for_good("0a1b2c3d")),
    "moved, the least epoch": (2**62 - 2**32, freeze_for_good("00000000")),
    "moved, the greatest epoch": (2**62 - 1, freeze_for_good("ffffffff")),
}
"""What stood in ``frozen_until``, and what that meant."""
