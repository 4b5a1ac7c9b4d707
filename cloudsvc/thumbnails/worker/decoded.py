"""Decoded image, and what is still to be done to it."""

from __future__ import annotations

from typing import Final, NamedTuple

from PIL import Image

from cloudsvc.thumbnails.worker.colours import SRGB, Colours
from cloudsvc.thumbnails.worker.samples import AS_IT_SAYS, Meaning
from cloudsvc.thumbnails.worker.verdicts import Verdict

MAX_PIXELS: Final = 100_000_000
"""Of what is decoded whole. What is larger is refused for what its header says, before anything is decoded."""

MAX_REDUCED_PIXELS: Final = 16_384 * 12_288
"""Of what is decoded to a fraction of its size: the largest sensors of telephones."""


class DecodedImage(NamedTuple):
    """
    An image.

    :ivar image: its pixels.
    :ivar colours: what its colours mean.
    :ivar meaning: what else there is to know of its numbers.
    :ivar turn: what brings it the right way up.
    :ivar aspect: how wide a pixel is, if it is one high.
    """

    image: Image.Image
    colours: Colours = SRGB
    meaning: Meaning = AS_IT_SAYS
    turn: Image.Transpose | None = None
    aspect: float = 1.0


class Refused(Exception):  # noqa: N818  # a state of affairs that its caller tells on
    """No thumbnail can be made."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.name)
        self.verdict = verdict


def check_pixels(width: int, height: int, most: int = MAX_PIXELS) -> None:
    """
    Refuse what has more pixels than ``most``.

    :raises Refused: it has.
    """
    if width * height > most:
        raise Refused(Verdict.TOO_LARGE)
