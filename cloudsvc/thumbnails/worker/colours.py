"""Colour conversion of any image to sRGB, which is what a JPEG without a profile means."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from contextlib import suppress
from math import exp
from typing import Final, NamedTuple

from PIL import Image, ImageCms, ImageFilter

Matrix = tuple[tuple[float, float, float], ...]


class Coded(NamedTuple):
    """Primaries and transfer characteristics by their numbers in ITU-T H.273, tables 2 and 3."""

    primaries: int
    transfer: int


class Measured(NamedTuple):
    """
    The exponent of light for a number, and the chromaticities x and y of white, red, green and blue: those of sRGB if
    there are none.
    """

    gamma: float
    points: tuple[float, ...] | None


class Profiled(NamedTuple):
    """An ICC profile, which may be damaged."""

    profile: bytes


Colours = Coded | Measured | Profiled

SRGB: Final = Coded(1, 13)

_WHITE: Final = (0.3127, 0.3290)
_SRGB_POINTS: Final = (*_WHITE, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
_POINTS: Final[dict[int, tuple[float, ...]]] = {
    9: (*_WHITE, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046),
    11: (0.3140, 0.3510, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    12: (*_WHITE, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
}
"""
Chromaticities of the primaries that show: BT.2020, and P3 of cinemas and displays.

Those of standard definition differ from sRGB by less than displays do, and programs write them into files without a
thought.
"""

_GAMMAS: Final[dict[int, float]] = {4: 2.2, 5: 2.8, 8: 1.0, 17: 2.6}
_PQ, _HLG = 16, 18

_REFERENCE_WHITE: Final = 203.0
"""Of HDR, in cd/m² (ITU-R BT.2408, table 1): that of paper, which is to stay white. What is brighter is white too."""

_PQ_PEAK: Final = 10_000.0
_HLG_PEAK: Final = 1000.0
_HLG_GAMMA: Final = 1.2
"""Of the display for which HLG is graded (ITU-R BT.2100, table 5, note 5f)."""

_SRGB_LINEAR_NUMBER, _SRGB_LINEAR_LIGHT = 0.04045, 0.0031308
_HLG_ROOT_NUMBER: Final = 0.5
"""Up to which a curve begins in another way."""

_NODES: Final = 33
"""Of the table in each dimension: between them colours are interpolated, within two of 255."""

_CLOSE: Final = 0.02
"""Of an exponent, which changes nothing that could be seen."""

_SRGB_GAMMA: Final = 2.2


def to_srgb(image: Image.Image, colours: Colours) -> Image.Image:
    """
    ``image`` in sRGB: of mode L, RGB or, with transparency that stays as it is, LA or RGBA.

    An image in CMYK or Lab without a profile that fits becomes what Pillow takes it for.
    """
    if image.mode in {"LA", "RGBA"}:
        opaque = to_srgb(image.convert(image.mode[:-1]), colours)
        opaque.putalpha(image.getchannel("A"))
        return opaque
    if isinstance(colours, Profiled):
        return _apply(colours.profile, image)
    image = image if image.mode in {"L", "RGB"} else image.convert("RGB")
    table = _find_table(colours)
    return image if table is None else image.convert("RGB").filter(table)


def _apply(profile: bytes, image: Image.Image) -> Image.Image:
    """``image`` in sRGB, or as it is where the profile is damaged or one of other colours."""
    plain = image if image.mode in {"L", "RGB"} else image.convert("RGB")
    with suppress(ImageCms.PyCMSError, OSError, ValueError, TypeError):
        opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        space = opened.profile.xcolor_space.strip()
        source = {"RGB": plain.convert("RGB"), "GRAY": plain, "CMYK": image, "Lab": image}.get(space)
        if source is None or source.mode != {"GRAY": "L", "Lab": "LAB"}.get(space, space):
            return plain
        converted = ImageCms.profileToProfile(
            source,
            opened,
            ImageCms.createProfile("sRGB"),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
        return converted or plain
    return plain


def _find_table(colours: Coded | Measured) -> ImageFilter.Color3DLUT | None:
    """The table that takes ``colours`` to sRGB, unless they are that already or unknown."""
    if isinstance(colours, Measured):
        return _tabulate_measured(colours.gamma, colours.points or _SRGB_POINTS)
    points = _POINTS.get(colours.primaries, _SRGB_POINTS)
    if colours.transfer == _PQ:
        return _tabulate(_decode_pq, points)
    if colours.transfer == _HLG:
        return _tabulate(_decode_hlg, points, adapt=_adapt_hlg)
    gamma = _GAMMAS.get(colours.transfer)
    if gamma is not None and abs(gamma - _SRGB_GAMMA) > _CLOSE:
        return _tabulate(lambda number: number**gamma, points)
    return None if points is _SRGB_POINTS else _tabulate(_decode_srgb, points)


def _tabulate_measured(gamma: float, points: Sequence[float]) -> ImageFilter.Color3DLUT | None:
    if abs(gamma - _SRGB_GAMMA) < _CLOSE and _are_close(points, _SRGB_POINTS):
        return None
    # There may be primaries of which no light can be made.
    with suppress(ZeroDivisionError, OverflowError):
        return _tabulate(lambda number: number**gamma, points)
    return None


def _are_close(some: Sequence[float], others: Sequence[float]) -> bool:
    return all(abs(one - other) < _CLOSE / 4 for one, other in zip(some, others, strict=True))


Light = tuple[float, float, float]


def _tabulate(
    decode: Callable[[float], float], points: Sequence[float], *, adapt: Callable[[Light], Light] | None = None
) -> ImageFilter.Color3DLUT:
    matrix = _keep_white(_multiply(_invert(_find_matrix(_SRGB_POINTS)), _find_matrix(points)))
    lights = [decode(node / (_NODES - 1)) for node in range(_NODES)]
    table: list[float] = []
    for blue in lights:
        for green in lights:
            for red in lights:
                light = (red, green, blue) if adapt is None else adapt((red, green, blue))
                table += [_encode_srgb(_dot(row, light)) for row in matrix]
    return ImageFilter.Color3DLUT(_NODES, table)


def _decode_srgb(number: float) -> float:
    """IEC 61966-2-1."""
    return number / 12.92 if number <= _SRGB_LINEAR_NUMBER else ((number + 0.055) / 1.055) ** 2.4


def _encode_srgb(light: float) -> float:
    """
    The inverse, which goes on beyond black and white.

    The table holds numbers of up to two, and only what is looked up in it is cut off: a straight line runs from the
    node on this side of white to the one on the other.
    """
    if light <= _SRGB_LINEAR_LIGHT:
        return light * 12.92
    return float(1.055 * light ** (1 / 2.4) - 0.055)


def _decode_pq(number: float) -> float:
    """SMPTE ST 2084, with the reference white as one."""
    power = number ** (1 / 78.84375)
    light = (max(power - 0.8359375, 0.0) / (18.8515625 - 18.6875 * power)) ** (1 / 0.1593017578125)
    return float(light * _PQ_PEAK / _REFERENCE_WHITE)


def _decode_hlg(number: float) -> float:
    """ARIB STD-B67: light of the scene, between zero and one."""
    return number**2 / 3 if number <= _HLG_ROOT_NUMBER else (exp((number - 0.55991073) / 0.17883277) + 0.28466892) / 12


def _adapt_hlg(light: Light) -> Light:
    """Light of the display, with the reference white as one (ITU-R BT.2100, table 5, HLG OOTF)."""
    luminance = 0.2627 * light[0] + 0.6780 * light[1] + 0.0593 * light[2]
    scale = luminance ** (_HLG_GAMMA - 1) * _HLG_PEAK / _REFERENCE_WHITE
    return light[0] * scale, light[1] * scale, light[2] * scale


def _find_matrix(points: Sequence[float]) -> Matrix:
    """From red, green and blue to CIE XYZ, with white as (1, 1, 1) of the former (SMPTE RP 177)."""
    columns = [(x / y, 1.0, (1 - x - y) / y) for x, y in zip(points[2::2], points[3::2], strict=True)]
    primaries: Matrix = tuple(zip(*columns, strict=True))
    x, y = points[:2]
    inverse = _invert(primaries)
    white = (x / y, 1.0, (1 - x - y) / y)
    shares = [_dot(row, white) for row in inverse]
    return tuple((row[0] * shares[0], row[1] * shares[1], row[2] * shares[2]) for row in primaries)


def _keep_white(matrix: Matrix) -> Matrix:
    """Whichever white the source has, it is white to the eye that has adapted to it."""
    return tuple((row[0] / sum(row), row[1] / sum(row), row[2] / sum(row)) for row in matrix)


def _multiply(left: Matrix, right: Matrix) -> Matrix:
    columns = tuple(zip(*right, strict=True))
    return tuple((_dot(row, columns[0]), _dot(row, columns[1]), _dot(row, columns[2])) for row in left)


def _dot(row: Sequence[float], column: Sequence[float]) -> float:
    return row[0] * column[0] + row[1] * column[1] + row[2] * column[2]


def _invert(matrix: Matrix) -> Matrix:
    (a, b, c), (d, e, f), (g, h, i) = matrix
    determinant = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
    return (
        ((e * i - f * h) / determinant, (c * h - b * i) / determinant, (b * f - c * e) / determinant),
        ((f * g - d * i) / determinant, (a * i - c * g) / determinant, (c * d - a * f) / determinant),
        ((d * h - e * g) / determinant, (b * g - a * h) / determinant, (a * e - b * d) / determinant),
    )
