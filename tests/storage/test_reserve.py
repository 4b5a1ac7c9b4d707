"""Room that is kept for deleting."""

from __future__ import annotations

from pathlib import Path

from cloudsvc.storage.reserve import Reserve


def test_it_is_taken_and_given_up(tmp_path: Path) -> None:
    file = tmp_path / "reserve"
    reserve = Reserve(file)
    reserve.fill()
    before = file.stat()
    assert 0 < before.st_size <= 8 * 2**20
    assert before.st_blocks * 512 >= before.st_size
    reserve.fill()
    assert file.stat().st_ino == before.st_ino
    reserve.give_up()
    assert not file.exists()
    reserve.give_up()


def test_one_that_is_too_small_grows(tmp_path: Path) -> None:
    file = tmp_path / "reserve"
    file.write_bytes(bytes(4096))
    Reserve(file).fill()
    assert file.stat().st_size > 4096
