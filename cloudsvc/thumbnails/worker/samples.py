"""
Sample values of an image, normalised before any of them are mixed.

The mean of two numbers of colours is a third colour, of two transparent blacks and a white it is grey, and of halves of
numbers with two bytes it is noise. So each image is first turned into lightness or colours of eight bits, and what is
transparent into nothing, piece by piece, and only then reduced.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from PIL import Image, ImageChops, ImageMath

_GAP: Final = 3
"""How many times too large an image still is when its exact reduction begins."""

_BAND_PIXELS: Final = 2**21
"""Of what is settled at once. A whole image and all that it passes through would not fit into the memory."""

_NUMBERS: Final = ("I", "F")
"""How the modes begin of numbers with more than eight bits."""

_MIXABLE: Final = frozenset({"L", "La", "RGB", "RGBa", "CMYK", "YCbCr", "LAB"})
"""Modes in which the mean of two numbers is what lies between."""

_UNIT: Final = 1.0
_BYTE: Final = 255.0
_WORD: Final = 65535.0
_FRACTIONS: Final = (_UNIT, _BYTE, _WORD)
_WHOLE: Final = (_BYTE, _WORD)
_DARK: Final = 8
"""An image whose brightest number is this many times below what its range could hold was not meant for that range."""


class Meaning(NamedTuple):
    """
    What else has to be known of the numbers.

    :ivar key: the colour that is transparent, in numbers of the image.
    :ivar bits: how many a number has, if those of the mode are more.
    :ivar is_unsigned: negative numbers are large ones.
    :ivar is_inverted: what should be dark is light.
    :ivar is_opaque: what seems to be transparency is none.
    """

    key: int | tuple[int, ...] | None = None
    bits: int = 32
    is_unsigned: bool = False
    is_inverted: bool = False
    is_opaque: bool = False


AS_IT_SAYS: Final = Meaning()


def shrink(image: Image.Image, size: tuple[int, int], meaning: Meaning) -> Image.Image:
    """``image`` with ``size``, which is not larger in either direction, in one of L, LA, RGB, RGBA, CMYK and LAB."""
    if image.mode not in _MIXABLE or meaning.key is not None:
        image = _settle_all(image, _find_factors(image.size, size), meaning)
    if image.size != size:
        image = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=_GAP)
    mode = {"La": "LA", "RGBa": "RGBA", "YCbCr": "RGB"}.get(image.mode)
    return image if mode is None else image.convert(mode)


def _find_factors(size: tuple[int, int], wanted: tuple[int, int]) -> tuple[int, int]:
    width, height = (max(1, large // (_GAP * small)) for large, small in zip(size, wanted, strict=True))
    return width, height


def _settle_all(image: Image.Image, factors: tuple[int, int], meaning: Meaning) -> Image.Image:
    """All of ``image`` in a mode that can be mixed, reduced by ``factors``."""
    limits = _find_range(image, meaning) if image.mode.startswith(_NUMBERS) else (0.0, _BYTE)
    across, down = factors
    width, height = -(-image.width // across), -(-image.height // down)
    rows = max(1, _BAND_PIXELS // image.width // down) * down
    settled: Image.Image | None = None
    for top in range(0, image.height, rows):
        band = image.crop((0, top, image.width, min(top + rows, image.height)))
        reduced = _settle(band, meaning, limits)
        if factors != (1, 1):
            reduced = reduced.reduce(factors)
        settled = settled or Image.new(reduced.mode, (width, height))
        settled.paste(reduced, (0, top // down))
    if settled is None:
        raise ValueError("an image without rows")
    return settled


def _settle(band: Image.Image, meaning: Meaning, limits: tuple[float, float]) -> Image.Image:  # noqa: PLR0911 - a table
    """``band`` in a mode that can be mixed."""
    mode = band.mode
    if mode.startswith(_NUMBERS):
        return _settle_numbers(band, meaning, limits)
    if mode in {"P", "PA"}:
        is_transparent = mode == "PA" or band.has_transparency_data
        return band.convert("RGBA").convert("RGBa") if is_transparent else band.convert("RGB")
    if mode in {"LA", "RGBA"}:
        return band.convert(mode[:-1]) if meaning.is_opaque else band.convert(mode[:-1] + "a")
    # Whether a pixel has the colour of the key is only known as long as nothing is mixed.
    if mode == "RGB" and isinstance(meaning.key, tuple):
        channels = zip(band.split(), meaning.key, strict=True)
        masks = [channel.point([0 if value == part else 255 for value in range(256)]) for channel, part in channels]
        band.putalpha(ImageChops.lighter(ImageChops.lighter(masks[0], masks[1]), masks[2]))
        return band.convert("RGBa")
    if mode in {"1", "L"}:
        grey = band.convert("L")
        if not isinstance(meaning.key, int):
            return grey
        grey.putalpha(grey.point([0 if value == meaning.key else 255 for value in range(256)]))
        return grey.convert("La")
    return band.convert("RGB")


def _settle_numbers(band: Image.Image, meaning: Meaning, limits: tuple[float, float]) -> Image.Image:
    """Lightness, of numbers that have more than eight bits."""
    black, white = limits
    numbers = _to_numbers(band, is_unsigned=meaning.is_unsigned)
    scale = _BYTE / (white - black)
    # Pillow cuts off what is behind the point.
    grey = numbers.point(lambda number: number * scale + (0.5 - black * scale)).convert("L")
    if not isinstance(meaning.key, int):
        return grey
    key = meaning.key
    found = ImageMath.lambda_eval(lambda images: abs(images["numbers"] - key), numbers=numbers)
    grey.putalpha(found.point(lambda number: number * _BYTE + 0.0).convert("L"))
    return grey.convert("La")


def _to_numbers(image: Image.Image, *, is_unsigned: bool) -> Image.Image:
    """Floating-point numbers."""
    if image.mode.startswith("I;16"):
        # There are no other ways from this mode.
        image = image.convert("I")
    numbers = image if image.mode == "F" else image.convert("F")
    if not is_unsigned:
        return numbers
    mended: Image.Image = ImageMath.lambda_eval(
        lambda images: images["numbers"] + images["convert"](images["numbers"] < 0, "F") * 2.0**32, numbers=numbers
    )
    return mended


def _find_range(image: Image.Image, meaning: Meaning) -> tuple[float, float]:
    """The number that is black and the one that is white."""
    if image.mode.startswith("I;16"):
        black, white = 0.0, float((1 << min(meaning.bits, 16)) - 1)
    else:
        low, high = (float(number) for number in image.getextrema())  # type: ignore[arg-type]  # of one channel
        if meaning.is_unsigned and image.mode == "I" and low < 0:
            black, white = 0.0, 2.0**32 - 1
        else:
            black, white = _guess_range(low, high, ranges=_WHOLE if image.mode == "I" else _FRACTIONS)
    return (white, black) if meaning.is_inverted else (black, white)


def _guess_range(low: float, high: float, ranges: Sequence[float]) -> tuple[float, float]:
    """
    What is black and what is white, of numbers from ``low`` to ``high``.

    The smallest of ``ranges`` that holds them, if they nearly fill it. Nothing says of others what they mean, and the
    darkest is black then, and the brightest white.
    """
    if not math.isfinite(high - low):
        return 0.0, ranges[0]
    fitting = [most for most in ranges if low >= 0 and high <= most]
    if fitting and (fitting[0] == _UNIT or high * _DARK >= fitting[0]):
        return 0.0, fitting[0]
    if high > low:
        return low, high
    return min(low, 0.0), max(high, 1.0)
