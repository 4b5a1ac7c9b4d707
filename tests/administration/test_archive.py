"""A backup's format: what is written is read, and what is not whole is refused."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsvc.administration.archive import (
    CATALOGUE_NAME,
    HEAD_NAME,
    MANIFEST_NAME,
    ArchiveWriter,
    BadArchive,
    identify_blob,
    name_blob,
    read_archive,
)
from cloudsvc.drive.nodes import BlobId

BLOBS = {BlobId(hashlib.md5(name).hexdigest()): name * 5000 for name in (b"first", b"second", b"")}  # noqa: S324 - 32 digits


def write(catalogue: bytes = b"catalogue", blobs: dict[BlobId, bytes] = BLOBS) -> bytes:
    stream = io.BytesIO()
    writer = ArchiveWriter(stream, "2026-01-01T00:00:00.000000Z")
    writer.add(CATALOGUE_NAME, io.BytesIO(catalogue), len(catalogue))
    for blob, content in blobs.items():
        writer.add(name_blob(blob), io.BytesIO(content), len(content))
    writer.end()
    return stream.getvalue()


def read(archive: bytes) -> dict[str, bytes]:
    return {name: content.read() for name, _, content in read_archive(io.BytesIO(archive))}


WHOLE = write()


def test_what_is_written_is_read() -> None:
    assert read(WHOLE) == {CATALOGUE_NAME: b"catalogue"} | {name_blob(blob): BLOBS[blob] for blob in BLOBS}


def test_any_program_that_knows_tar_can_read_it() -> None:
    with tarfile.open(fileobj=io.BytesIO(WHOLE)) as tar:
        assert tar.getnames() == [HEAD_NAME, CATALOGUE_NAME, *map(name_blob, BLOBS), MANIFEST_NAME]
        assert {member.mode for member in tar} == {0o600}


def test_one_of_nothing_is_whole() -> None:
    assert read(write(b"", {})) == {CATALOGUE_NAME: b""}


def test_a_size_that_no_old_tar_could_say_is_said() -> None:
    huge = tarfile.TarInfo("blobs/" + "0" * 32)
    huge.size = 9 * 2**30
    assert tarfile.TarInfo.frombuf(huge.tobuf(tarfile.PAX_FORMAT)[-512:], "utf-8", "strict").size != huge.size
    assert b"size=9663676416" in huge.tobuf(tarfile.PAX_FORMAT)


@given(cut=st.integers(0, len(WHOLE) - 1).filter(lambda cut: WHOLE[cut:].strip(b"\0")))
def test_what_is_cut_off_is_refused(cut: int) -> None:
    with pytest.raises(BadArchive):
        read(WHOLE[:cut])


@given(place=st.integers(0, len(WHOLE) - 1), difference=st.integers(1, 255))
def test_what_is_altered_is_refused_or_makes_no_difference(place: int, difference: int) -> None:
    altered = bytearray(WHOLE)
    altered[place] ^= difference
    try:
        found = read(bytes(altered))
    except BadArchive:
        return
    assert found == read(WHOLE)


@given(data=st.binary(max_size=4000))
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(BadArchive):
        read(data)


def repack(change: Callable[[list[tuple[tarfile.TarInfo, bytes]]], object]) -> bytes:
    """The archive with other members; the manifest remains what it was."""
    members: list[tuple[tarfile.TarInfo, bytes]] = []
    with tarfile.open(fileobj=io.BytesIO(WHOLE)) as tar:
        for member in tar:
            content = tar.extractfile(member)
            assert content is not None
            members.append((member, content.read()))
    change(members)
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for member, data in members:
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return stream.getvalue()


def rename(place: int, name: str) -> Callable[[list[tuple[tarfile.TarInfo, bytes]]], object]:
    def change(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
        members[place][0].name = name

    return change


def retype(place: int, kind: bytes) -> Callable[[list[tuple[tarfile.TarInfo, bytes]]], object]:
    def change(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
        members[place][0].type = kind
        members[place][0].linkname = "/etc/passwd"

    return change


def changes() -> Iterator[object]:
    for name in ("blobs/../../../etc/passwd", "/etc/passwd", "blobs/ABC", "blobs/" + "g" * 32, "notes.txt", "blobs/"):
        yield pytest.param(rename(2, name), id=name)
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE):
        yield pytest.param(retype(2, kind), id=f"type {kind!r}")
    yield pytest.param(lambda members: members.pop(2), id="one missing")
    yield pytest.param(lambda members: members.insert(2, members[2]), id="one twice")
    yield pytest.param(lambda members: members.pop(0), id="no head")
    yield pytest.param(lambda members: members.pop(1), id="no catalogue")
    yield pytest.param(lambda members: members.pop(), id="no manifest")
    yield pytest.param(lambda members: members.reverse(), id="backwards")


@pytest.mark.parametrize("change", [*changes()])
def test_other_members_are_refused(change: Callable[[list[tuple[tarfile.TarInfo, bytes]]], object]) -> None:
    with pytest.raises(BadArchive):
        read(repack(change))


def describe_blob(**headers: str) -> bytes:
    """The head of a member with extended headers."""
    information = tarfile.TarInfo(name_blob(BlobId("0" * 32)))
    information.pax_headers = {name.replace("_", "."): value for name, value in headers.items()}
    return information.tobuf(tarfile.PAX_FORMAT)


def extend(content: bytes, kind: bytes = tarfile.XHDTYPE) -> bytes:
    """An extended header, whatever is in it."""
    information = tarfile.TarInfo("extended")
    information.type, information.size = kind, len(content)
    return information.tobuf() + content + bytes(-len(content) % tarfile.BLOCKSIZE)


HEADS = {
    "a map of holes that is none": describe_blob(GNU_sparse_map="abc"),
    "a map of holes": describe_blob(GNU_sparse_map="0,1", GNU_sparse_size="1152921504606846976"),
    "a size that is none": describe_blob(GNU_sparse_size="abc"),
    "a size beyond all disks": describe_blob(size=str(2**80)),
    "a length with too many digits": extend(b"9" * 5000 + b" a=b\n") + describe_blob(),
    "headers of headers": extend(b"5 a=\n") * 3000 + describe_blob(),
}


@pytest.mark.parametrize("how", HEADS)
def test_heads_that_make_no_sense_are_refused(how: str) -> None:
    place = WHOLE.index(b"blobs/")
    with pytest.raises(BadArchive):
        read(WHOLE[:place] + HEADS[how] + bytes(2 * tarfile.BLOCKSIZE))


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        (b'{"format": "other", "version": 1}', "some other archive"),
        (b'{"format": "cloudsvc backup", "version": 2}', "newer program"),
        (b"[]", "damaged"),
        (b"{", "damaged"),
    ],
)
def test_another_head_is_refused_with_the_reason(head: bytes, reason: str) -> None:
    with pytest.raises(BadArchive, match=reason):
        read(repack(lambda members: members.__setitem__(0, (members[0][0], head))))


def test_content_that_is_shorter_than_announced_is_told() -> None:
    writer = ArchiveWriter(io.BytesIO(), "now")
    with pytest.raises(BadArchive, match="has 3 bytes instead of 4"):
        writer.add(CATALOGUE_NAME, io.BytesIO(b"abc"), 4)


def test_content_that_cannot_be_read_is_told_from_an_archive_that_cannot_be_written() -> None:
    writer = ArchiveWriter(io.BytesIO(), "now")
    # What is at its beginning is nobody's memory.
    with (
        Path("/proc/self/mem").open("rb", buffering=0) as memory,
        pytest.raises(BadArchive, match="it cannot be read: Input/output error"),
    ):
        writer.add(name_blob(BlobId("0" * 32)), memory, 10)


def test_only_names_of_blobs_name_blobs() -> None:
    blob = BlobId("0123456789abcdef" * 2)
    assert identify_blob(name_blob(blob)) == blob
    assert identify_blob("blobs/..") is None
    assert identify_blob(CATALOGUE_NAME) is None
