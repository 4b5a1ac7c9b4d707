"""Exit statuses of the decoder program."""

from __future__ import annotations

from enum import Enum


class Verdict(Enum):
    """Exit statuses. Any other, and any signal, is a decoder that was killed by its limits or by what it read."""

    MADE = 0
    UNSUPPORTED = 64
    TOO_LARGE = 65
    DAMAGED = 66
