"""Format detection: the decoder is chosen by the bytes of a file alone, never by its name or its type."""

from __future__ import annotations

from typing import BinaryIO, Final, NamedTuple

from cloudsvc.thumbnails.worker.boxes import find_layout

_HEAD: Final = 600

_STILLS: Final = (
    (0, b"\xff\xd8\xff", "JPEG"),
    (0, b"\x89PNG\r\n\x1a\n", "PNG"),
    (0, b"GIF87a", "GIF"),
    (0, b"GIF89a", "GIF"),
    (8, b"WEBP", "WEBP"),
    (0, b"BM", "BMP"),
    (0, b"II\x2a\0", "TIFF"),
    (0, b"MM\0\x2a", "TIFF"),
    (0, b"II\x2b\0", "TIFF"),
    (0, b"MM\0\x2b", "TIFF"),
)
"""At which offset there is what, and the only decoder of Pillow's that then may read it."""

_MEDIA: Final = (
    (0, b"\x1a\x45\xdf\xa3", "matroska"),
    (8, b"AVI ", "avi"),
    (0, b"OggS", "ogg"),
    (0, b"FLV\x01", "flv"),
    (0, b"\x00\x00\x01\xba", "mpeg"),
    (0, b"fLaC", "flac"),
    (8, b"WAVE", "wav"),
    (8, b"AIFF", "aiff"),
    (8, b"AIFC", "aiff"),
)
"""Films and sounds: at which offset there is what, and FFmpeg's only demultiplexer for it. None follows references."""

_TS_PACKETS: Final = ((0, 188), (4, 192))
"""Where the first packet of a transport stream begins, and how far it is to the next: broadcast, and camcorders."""

_TS_SYNC: Final = 0x47
_TS_COUNT: Final = 3
"""Packets that have to begin as they should."""

_TAG: Final = b"ID3"
_TAG_HEAD: Final = 10
_LAYER_MASK: Final = 0xFFF6
_LAYERS: Final = {0xFFF0: "aac", 0xFFF2: "mp3"}


class FileKind(NamedTuple):
    """
    A kind of file.

    :ivar form: what Pillow calls the format of an image, or FFmpeg the demultiplexer of videos and sound.
    :ivar is_still: which of the two.
    :ivar major_at: where an image in boxes names its major brand.
    """

    form: str
    is_still: bool
    major_at: int | None = None

    @property
    def needs_threads(self) -> bool:
        """Whether its decoder cannot do without a thread of its own."""
        return self.form == "HEIF"


def find_kind(source: BinaryIO) -> FileKind | None:
    """What ``source`` is, if it is something of which a thumbnail may be made; it is read from its start."""
    source.seek(0)
    head = source.read(_HEAD)
    for marks, is_still in ((_STILLS, True), (_MEDIA, False)):
        for offset, mark, form in marks:
            if head[offset : offset + len(mark)] == mark:
                return FileKind(form, is_still)
    for start, distance in _TS_PACKETS:
        packets = head[start::distance]
        if len(packets) >= _TS_COUNT and not packets.strip(bytes([_TS_SYNC])):
            return FileKind("mpegts", is_still=False)
    return _find_sound(source, head) or _find_boxes(source)


def _find_sound(source: BinaryIO, head: bytes) -> FileKind | None:
    """What has no mark but that of a tag before it (ID3v2.4.0, section 3.1), or the beginning of a frame."""
    start = 0
    if head.startswith(_TAG) and len(head) >= _TAG_HEAD:
        for byte in head[6:_TAG_HEAD]:
            start = start << 7 | byte & 0x7F
        start += _TAG_HEAD
    source.seek(start)
    first = source.read(4)
    if start and first == b"fLaC":
        return FileKind("flac", is_still=False)
    # A frame begins with twelve ones, and tells its layer (ISO/IEC 11172-3, section 2.4.1.3; 13818-7, section 6.2).
    form = _LAYERS.get(int.from_bytes(first[:2], "big") & _LAYER_MASK)
    if form:
        return FileKind(form, is_still=False)
    return FileKind("mp3", is_still=False) if start else None


def _find_boxes(source: BinaryIO) -> FileKind | None:
    layout = find_layout(source)
    if layout is None:
        return None
    if layout.is_still:
        return FileKind("AVIF" if layout.is_av1 else "HEIF", is_still=True, major_at=layout.major_at)
    return FileKind("mov", is_still=False) if layout.is_video else None
