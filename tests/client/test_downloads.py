"""Downloads, with answers by a script and files on a disk."""

from __future__ import annotations

import errno
import os
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from cloudsvc.client.downloads import Download, read_pieces
from cloudsvc.client.effects import Answer
from cloudsvc.client.errors import (
    ChangedError,
    ClientError,
    DamagedError,
    LocalError,
    MalformedAnswerError,
    NotFoundError,
    UnreachableError,
)
from cloudsvc.client.partial_files import PartialFile
from cloudsvc.client.retrying import RetryPolicy
from cloudsvc.client.values import Downloaded
from tests.support.scripted_answers import Script, Streamed, lost, refuse

POLICY = RetryPolicy(attempts=2, first_delay=0.0)
CONTENT = b"the content of the file"


def describe(content: bytes, *, start: int = 0, tag: str = '"1"', digest: bytes | None = None) -> Answer:
    """The beginning of an answer with the bytes from ``start`` on."""
    value = b64encode(sha256(content).digest() if digest is None else digest).decode()
    headers = {"etag": tag, "content-length": str(len(content) - start), "repr-digest": f"sha-256=:{value}:"}
    if start:
        headers["content-range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
    return Answer(status=206 if start else 200, headers=headers)


def send(content: bytes, *faults: ClientError, start: int = 0, stop: int | None = None, tag: str = '"1"') -> Streamed:
    return Streamed(describe(content, start=start, tag=tag), [content[start:stop], *faults])


def download(place: Path, *answers: Any, **options: Any) -> tuple[Downloaded, Script]:
    script = Script(answers)
    work = Download(origin="https://localhost", path="a", destination=place, policy=POLICY, **options)
    return script.run(work.run()), script


def leftovers(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir() if each.name.startswith("."))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "file"


@pytest.mark.parametrize("content", [b"", CONTENT])
def test_a_whole_file(place: Path, content: bytes) -> None:
    answers = [send(content)] if content else []
    done, _ = download(place, describe(content), *answers)
    assert place.read_bytes() == content
    assert (done.size, done.transferred, done.verified, done.etag) == (len(content), len(content), True, '"1"')
    assert leftovers(place.parent) == []


def test_a_cut_goes_on_where_it_was(place: Path) -> None:
    done, script = download(place, describe(CONTENT), send(CONTENT, lost(), stop=5), send(CONTENT, start=5))
    assert script.asked[-1].headers == {"Range": "bytes=5-", "If-Range": '"1"'}
    assert place.read_bytes() == CONTENT
    assert done.transferred == len(CONTENT)


def test_the_next_attempt_goes_on_as_well(place: Path) -> None:
    with pytest.raises(UnreachableError):
        download(place, describe(CONTENT), send(CONTENT, lost(), stop=5), lost(), lost())
    assert not place.exists()
    assert len(leftovers(place.parent)) == 1
    done, _ = download(place, describe(CONTENT), send(CONTENT, start=5))
    assert place.read_bytes() == CONTENT
    assert done.transferred == len(CONTENT) - 5


def test_two_contents_are_not_mixed(place: Path) -> None:
    other = CONTENT.upper()
    answers = (send(CONTENT, lost(), stop=5), send(other, tag='"2"'), send(other, tag='"2"'))
    done, _ = download(place, describe(CONTENT), *answers)
    assert place.read_bytes() == other
    assert done.etag == '"2"'
    assert leftovers(place.parent) == []


def test_two_contents_are_not_mixed_from_one_attempt_to_the_next(place: Path) -> None:
    with pytest.raises(UnreachableError):
        download(place, describe(CONTENT), send(CONTENT, lost(), stop=5), lost(), lost())
    other = CONTENT.upper()
    download(place, describe(other, tag='"2"'), send(other, tag='"2"'))
    assert place.read_bytes() == other


def test_a_file_that_never_stays_the_same(place: Path) -> None:
    changing = [send(CONTENT, tag=f'"{number}"') for number in range(2, 7)]
    with pytest.raises(ChangedError, match="again and again"):
        download(place, describe(CONTENT), *changing)


def test_a_wrong_digest_leaves_nothing(place: Path) -> None:
    with pytest.raises(DamagedError):
        download(place, describe(CONTENT, digest=bytes(32)), send(CONTENT))
    assert list(place.parent.iterdir()) == []


def test_a_partial_file_that_was_damaged_is_brought_anew(place: Path) -> None:
    with pytest.raises(UnreachableError):
        download(place, describe(CONTENT), send(CONTENT, lost(), stop=5), lost(), lost())
    [name] = leftovers(place.parent)
    place.with_name(name).write_bytes(b"wrong")
    download(place, describe(CONTENT), send(CONTENT, start=5), send(CONTENT))
    assert place.read_bytes() == CONTENT


@pytest.mark.parametrize("answer", [send(CONTENT, stop=5), send(CONTENT, stop=0)])
def test_an_end_before_the_end_is_a_cut(place: Path, answer: Streamed) -> None:
    with pytest.raises(UnreachableError):
        download(place, describe(CONTENT), answer, lost(), *([] if answer.pieces == [b""] else [lost()]))
    assert not place.exists()


def test_more_than_there_should_be(place: Path) -> None:
    with pytest.raises(DamagedError):
        download(place, describe(CONTENT), Streamed(describe(CONTENT), [CONTENT, b"more"]))


def test_another_part_than_was_asked_for(place: Path) -> None:
    with pytest.raises(MalformedAnswerError):
        download(place, describe(CONTENT), send(CONTENT, lost(), stop=5), send(CONTENT, start=7))


def test_what_is_there_already_is_left_alone(place: Path) -> None:
    place.write_bytes(CONTENT)
    done, _ = download(place, describe(CONTENT))
    assert done.transferred == 0
    place.write_bytes(b"mine")
    with pytest.raises(LocalError) as raised:
        download(place, describe(CONTENT))
    assert raised.value.code == "exists_already"
    assert place.read_bytes() == b"mine"


def test_what_is_there_is_replaced_on_demand(place: Path) -> None:
    place.write_bytes(b"mine")
    download(place, describe(CONTENT), send(CONTENT), replace=True)
    assert place.read_bytes() == CONTENT


def test_what_comes_to_be_there_meanwhile_is_left_alone(place: Path) -> None:
    with pytest.raises(LocalError, match="already"):
        download(place, describe(CONTENT), send(CONTENT), progress=lambda _: place.write_text("mine"))
    assert place.read_text() == "mine"


def test_a_link_is_replaced_and_not_followed(place: Path) -> None:
    target = place.with_name("target")
    target.write_text("safe")
    place.symlink_to(target)
    download(place, describe(CONTENT), send(CONTENT), replace=True)
    assert target.read_text() == "safe"
    assert not place.is_symlink()


def test_two_downloads_of_the_same_do_not_meet(place: Path) -> None:
    def second(_: int) -> None:
        with pytest.raises(LocalError) as raised:
            download(place, describe(CONTENT))
        assert raised.value.code == "download_under_way"

    download(place, describe(CONTENT), send(CONTENT), progress=second)


def test_a_full_disk_keeps_what_has_come(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = PartialFile.write

    def fill(partial: PartialFile, block: bytes) -> None:
        write(partial, block[:5])
        raise LocalError("local_disk_full", os.strerror(errno.ENOSPC))

    monkeypatch.setattr(PartialFile, "write", fill)
    with pytest.raises(LocalError):
        download(place, describe(CONTENT), send(CONTENT))
    monkeypatch.undo()
    download(place, describe(CONTENT), send(CONTENT, start=5))
    assert place.read_bytes() == CONTENT


def test_the_system_says_that_the_disk_is_full() -> None:
    with pytest.raises(LocalError) as raised, Path("/dev/full").open("r+b", buffering=0) as file:
        PartialFile(Path("/dev/full"), file).write(b"x")
    assert raised.value.code == "local_disk_full"


def test_what_is_not_there(place: Path) -> None:
    with pytest.raises(NotFoundError):
        download(place, refuse(404))
    assert list(place.parent.iterdir()) == []


def test_without_a_digest_it_is_not_verified(place: Path) -> None:
    plain = evolve(describe(CONTENT), headers={"etag": '"1"', "content-length": str(len(CONTENT))})
    done, _ = download(place, plain, send(CONTENT))
    assert not done.verified


def read(*answers: Any, **options: Any) -> bytes:
    script = Script(answers)
    script.run(read_pieces("a", POLICY, **options))
    return b"".join(script.emitted)


def test_pieces_go_on_after_a_cut() -> None:
    assert read(send(CONTENT, lost(), stop=5), send(CONTENT, start=5)) == CONTENT


def test_pieces_of_two_contents_are_not_mixed() -> None:
    with pytest.raises(ChangedError):
        read(send(CONTENT, lost(), stop=5), send(CONTENT, tag='"2"'))


def test_a_flow_that_is_left_closes_its_file(place: Path) -> None:
    work = Download(origin="https://localhost", path="a", destination=place, policy=POLICY)
    flow = work.run()
    next(flow)
    flow.send(describe(CONTENT))
    flow.close()
    assert leftovers(place.parent) == []
