"""Room that is kept for deleting."""

from __future__ import annotations

from pathlib import Path

from cloudsvc.storage.ballast import Ballast


def test_it_is_taken_and_given_up(tmp_path: Path) -> None:
    file = tmp_path / "reserve"
    ballast = Ballast(file)
    ballast.fill()
    before = file.stat()
    assert 0 < before.st_size <= 8 * 2**20
    assert before.st_blocks * 512 >= before.st_size
    ballast.fill()
    assert file.stat().st_ino == before.st_ino
    ballast.give_up()
    assert not file.exists()
    ballast.give_up()


def test_one_that_is_too_small_grows(tmp_path: Path) -> None:
    file = tmp_path / "reserve"
    file.write_bytes(bytes(4096))
    Ballast(file).fill()
    assert file.stat().st_size > 4096
