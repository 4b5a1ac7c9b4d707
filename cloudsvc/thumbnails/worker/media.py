"""Videos and sounds, decoded by FFmpeg: the first shown frame of a video, and the cover of a sound."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

import av
from av.stream import Disposition
from av.video.reformatter import Interpolation
from PIL import Image

from cloudsvc.thumbnails.worker.colours import Coded
from cloudsvc.thumbnails.worker.decoded import DecodedImage, Refused, check_pixels
from cloudsvc.thumbnails.worker.verdicts import Verdict

_LAST_STRICT: Final = 18
"""The last major version of PyAV that needs to be told to put up with any metadata."""

_PACKETS: Final = 2000
"""Looked at, of one stream: more than a minute of a video."""

_GAP: Final = 3
"""How many times too large a frame still is after its first reduction."""

_SCALER: Final = (
    Interpolation.AREA | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP
)
"""Without the last three it is quicker and two of 255 too dark, which tone mapping makes ten of."""

_COVER_BYTES: Final = 64 * 2**20
_FRONT: Final = "front"

_RGB, _UNSPECIFIED = 0, 2
_OTHER_MODELS: Final = frozenset({14, 15})
"""ICtCp and its relatives (ITU-T H.273, table 4), in which no number is a colour difference."""

_MATRICES: Final = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9, 10: 9}
"""What FFmpeg's scaler calls the matrices of H.273."""

_HIGH_DEFINITION: Final = 720
"""Rows from which on a video that does not say has the matrix of BT.709, as players take it."""

_BT709, _BT601 = 1, 5
_FULL_RANGE: Final = 2

_TURNS: Final = {
    (1, 0, 0, 1): None,
    (-1, 0, 0, 1): Image.Transpose.FLIP_LEFT_RIGHT,
    (-1, 0, 0, -1): Image.Transpose.ROTATE_180,
    (1, 0, 0, -1): Image.Transpose.FLIP_TOP_BOTTOM,
    (0, 1, 1, 0): Image.Transpose.TRANSPOSE,
    (0, 1, -1, 0): Image.Transpose.ROTATE_270,
    (0, -1, -1, 0): Image.Transpose.TRANSVERSE,
    (0, -1, 1, 0): Image.Transpose.ROTATE_90,
}
"""What each direction of a display matrix does (ISO/IEC 14496-12, section 8.3.2; y grows downwards)."""

_MATRIX_BYTES: Final = 36
"""Of such a matrix: nine numbers of 32 bits."""


def load_frame(source: BinaryIO, container: str, size: int) -> DecodedImage | io.BytesIO:
    """
    The first frame that is shown of a video, not much larger than ``size``; or the cover of a sound, another file.

    :raises Refused: there is neither, or it has too many pixels.
    :raises Exception: whatever a decoder raises on damaged input.
    """
    # From 19 on, metadata that are no UTF-8 are no error anyway, and cannot be asked to be none.
    options: Any = {} if int(av.__version__.split(".")[0]) > _LAST_STRICT else {"metadata_errors": "ignore"}
    with av.open(source, "r", format=container, **options) as media:
        videos: list[Any] = []
        covers: list[Any] = []
        for stream in media.streams.video:
            (covers if Disposition.attached_pic in stream.disposition else videos).append(stream)
        if videos:
            return _load_video(media, videos[0], size)
        if covers:
            return _load_cover(media, covers)
    raise Refused(Verdict.UNSUPPORTED)


def _load_cover(media: Any, covers: list[Any]) -> io.BytesIO:
    """The front, or what there is."""
    fronts = [cover for cover in covers if _FRONT in cover.metadata.get("comment", "").casefold()]
    cover = [*fronts, *covers][0]
    for packet in media.demux(cover):
        if 0 < packet.size <= _COVER_BYTES:
            return io.BytesIO(bytes(packet))
    raise Refused(Verdict.DAMAGED)


def _load_video(media: Any, stream: Any, size: int) -> DecodedImage:
    context = stream.codec_context
    if context is None:
        raise Refused(Verdict.UNSUPPORTED)
    check_pixels(context.width, context.height)
    context.thread_type = "NONE"
    context.thread_count = 1
    aspect = float(stream.sample_aspect_ratio or 1)
    frame = _find_frame(media, stream)
    check_pixels(frame.width, frame.height)
    if frame.colorspace in _OTHER_MODELS:
        raise Refused(Verdict.UNSUPPORTED)
    colours = Coded(frame.color_primaries, frame.color_trc)
    return DecodedImage(_convert(frame, size), colours, turn=_find_turn(frame), aspect=aspect)


def _find_frame(media: Any, stream: Any) -> Any:
    """
    The first frame that is shown.

    A video begins with a frame that needs no other. One that was cut without being coded anew has frames before it that
    are only there to be decoded; then all of them are.
    """
    context = stream.codec_context
    for packet in _demux(media, stream):
        if packet.is_discard:
            break
        if packet.is_keyframe:
            # Some codecs keep a frame until they have seen more, or are told that there is no more.
            for frame in (*packet.decode(), *context.decode(None)):
                return frame
            context.flush_buffers()
    media.seek(0)
    context.flush_buffers()
    for packet in _demux(media, stream):
        for frame in packet.decode():
            if not frame.is_corrupt:
                return frame
    for frame in context.decode(None):
        if not frame.is_corrupt:
            return frame
    raise Refused(Verdict.DAMAGED)


def _demux(media: Any, stream: Any) -> Iterator[Any]:
    for _, packet in zip(range(_PACKETS), media.demux(stream), strict=False):
        if packet.size:
            yield packet


def _convert(frame: Any, size: int) -> Image.Image:
    """Red, green and blue of eight bits, and transparency where there is some."""
    factor = max(1, max(frame.width, frame.height) // (_GAP * size))
    is_transparent = any(component.is_alpha for component in frame.format.components)
    matrix = _BT709 if max(frame.height, frame.width * 9 // 16) >= _HIGH_DEFINITION else _BT601
    converted = frame.reformat(
        width=max(1, frame.width // factor),
        height=max(1, frame.height // factor),
        format="rgba" if is_transparent else "rgb24",
        src_colorspace=None if frame.format.is_rgb else _MATRICES.get(frame.colorspace, matrix),
        dst_color_range=_FULL_RANGE,
        interpolation=_SCALER,
        threads=1,
    )
    mode, plane = "RGBA" if is_transparent else "RGB", converted.planes[0]
    return Image.frombytes(mode, (converted.width, converted.height), bytes(plane), "raw", mode, plane.line_size, 1)


def _find_turn(frame: Any) -> Image.Transpose | None:
    """What brings a frame the right way up: the nearest quarter turn, mirrored or not."""
    matrix = bytes(frame.side_data.get("DISPLAYMATRIX") or b"")
    if len(matrix) < _MATRIX_BYTES:
        return None
    a, b, _, c, d = struct.unpack_from("=5i", matrix)
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return _TURNS[_sign(a), 0, 0, _sign(d)]
    return _TURNS[0, _sign(b), _sign(c), 0]


def _sign(number: int) -> int:
    return -1 if number < 0 else 1
