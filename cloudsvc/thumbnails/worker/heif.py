"""HEIF images coded as HEVC, as telephones make them (ISO/IEC 23008-12), decoded by libheif."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, BinaryIO, Final

import pillow_heif.options
from pillow_heif.as_plugin import HeifImageFile

from cloudsvc.thumbnails.worker.colours import SRGB, Coded, Colours, Profiled
from cloudsvc.thumbnails.worker.decoded import MAX_REDUCED_PIXELS, DecodedImage, Refused, check_pixels
from cloudsvc.thumbnails.worker.verdicts import Verdict

# It cannot do without a thread, and may have no more of them.
pillow_heif.options.DECODE_THREADS = 1
pillow_heif.options.DEPTH_IMAGES = False
pillow_heif.options.AUX_IMAGES = False

_LARGE_PIXELS: Final = 40_000_000
"""Beyond it, the small image that a camera has put beside the large one is taken, if it is a copy of it."""

_UNKNOWN: Final = "Unsupported"
_TOO_LARGE: Final = ("Memory allocation error", "Security limit exceeded")
"""How libheif begins or spells its errors."""


def load_heif(source: BinaryIO, size: int) -> DecodedImage:
    """
    The primary image, whole, the right way up: with all of its tiles, and turned, mirrored and cut as it says.

    :raises Refused: it is too large, damaged, or coded in a way that is not known.
    """
    try:
        image = HeifImageFile(source)
        check_pixels(*image.size, most=MAX_REDUCED_PIXELS)
        if image.width * image.height > _LARGE_PIXELS:
            _take_small_copy(image, size)
        image.load()
    except (SyntaxError, ValueError, RuntimeError, OSError) as problem:
        raise Refused(_judge(str(problem))) from problem
    return DecodedImage(image, _find_colours(image.info), aspect=_find_aspect(image.info))


def _take_small_copy(image: HeifImageFile, size: int) -> None:
    """Have the small image decoded in place of the large one: with pixels to spare, or else with just enough."""
    scale = size / max(image.size)
    for times in (2, 1):
        if image.draft(None, (round(image.width * scale * times), round(image.height * scale * times))):
            break


def _judge(problem: str) -> Verdict:
    if any(mark in problem for mark in _TOO_LARGE):
        return Verdict.TOO_LARGE
    return Verdict.UNSUPPORTED if _UNKNOWN in problem else Verdict.DAMAGED


def _find_colours(info: Mapping[Any, Any]) -> Colours:
    if profile := info.get("icc_profile"):
        return Profiled(profile)
    if codes := info.get("nclx_profile"):
        return Coded(codes["color_primaries"], codes["transfer_characteristics"])
    return SRGB


def _find_aspect(info: Mapping[Any, Any]) -> float:
    across, down = info.get("pixel_aspect_ratio") or (1, 1)
    return across / down if across and down else 1.0
