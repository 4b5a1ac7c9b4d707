"""The checks of the server's own parts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred

from cloudsvc.observe.checks import (
    check_certificate,
    check_descriptors,
    check_disk,
    check_limits_storage,
    check_reactor_lag,
    check_token,
)
from cloudsvc.observe.disks import FreeSpace, find_free_space
from cloudsvc.observe.health import Check, Finding
from tests.support.inline_threads import Inline


def run(check: Check) -> Finding:
    async def wait() -> Finding:
        return await check.run()

    findings: list[Finding] = []
    Deferred.fromCoroutine(wait()).addCallback(findings.append)
    return findings.pop()


def test_a_server_without_a_token_is_of_no_use() -> None:
    check = check_token(lambda: False, gets_in=lambda: False)
    assert check.vital
    assert run(check) == Finding(ok=False, message="Server token is not configured")
    assert run(check_token(lambda: True, gets_in=lambda: True)).ok


def test_without_a_token_others_may_have_credentials() -> None:
    held = [False]
    check = check_token(lambda: False, gets_in=lambda: held[0])
    assert not run(check).ok
    held[0] = True
    assert run(check).ok, "it is asked each time"


@pytest.mark.parametrize(
    ("days", "ok", "message"),
    [
        (365, True, "The certificate is valid for 365 more days"),
        (14, True, "The certificate is valid for 14 more days"),
        (13.9, False, "The certificate is valid for 13 more days"),
        (0, False, "The certificate has expired"),
        (-3, False, "The certificate has expired"),
    ],
)
def test_a_certificate_should_be_renewed_in_time(days: float, ok: bool, message: str) -> None:  # noqa: FBT001  # a parameter of the table
    assert run(
        check_certificate(lambda: 1000 + days * 86400, lambda: 1000, days=14, has_problem=lambda: False)
    ) == Finding(ok=ok, message=message)


def test_a_certificate_that_cannot_be_replaced_needs_attention() -> None:
    finding = run(check_certificate(lambda: 365 * 86400, lambda: 0, days=14, has_problem=lambda: True))
    assert not finding.ok
    assert "log" in finding.message


@pytest.mark.parametrize("ok", [True, False])
def test_the_storage_of_the_limits_answers_or_not(ok: bool) -> None:  # noqa: FBT001  # a parameter of the table  # pytest gives it
    async def answers() -> bool:
        return ok

    assert run(check_limits_storage("redis", answers, is_needed=False)).ok is ok


def test_a_disk_needs_room(tmp_path: Path) -> None:
    assert run(check_disk([tmp_path], Inline(), free_bytes=0)).ok
    assert not run(check_disk([tmp_path], Inline(), free_bytes=2**80)).ok
    assert not run(check_disk([], Inline(), trees=[tmp_path / "not/made/yet"], free_bytes=2**80)).ok


def test_every_disk_that_is_written_to_needs_room(tmp_path: Path) -> None:
    """Another file system than that of the tests, two levels down, stands for one that is mounted there."""
    others = [Path(place) for place in ("/dev/shm", "/sys/fs") if Path(place).is_dir()]  # noqa: S108  # a file system
    other = next((place for place in others if place.stat().st_dev != tmp_path.stat().st_dev), None)
    if other is None:
        pytest.skip("there is one file system only")
    (tmp_path / "data/drive").mkdir(parents=True)
    (tmp_path / "data/drive/blobs").symlink_to(other)
    assert len(find_free_space([tmp_path], [tmp_path / "data"])) == 2
    assert len(find_free_space([tmp_path, other], [])) == 2
    found = run(check_disk([tmp_path], Inline(), trees=[tmp_path / "data"], free_bytes=0))
    assert found.message.endswith("of the fullest of 2 disks is free")
    # Two levels are looked at, and no third.
    assert len(find_free_space([tmp_path], [tmp_path])) == 1


def test_a_disk_that_takes_no_more_files_needs_attention() -> None:
    def spell(free_files: int) -> os.statvfs_result:
        return os.statvfs_result((4096, 4096, 100, 50, 50, 10, free_files, free_files, 0, 255, 0))

    assert not FreeSpace.of(spell(0)).takes_files
    assert FreeSpace.of(spell(1)).takes_files
    assert FreeSpace.of(os.statvfs_result((4096, 4096, 100, 50, 50, 0, 0, 0, 0, 255, 0))).takes_files


def test_however_many_folders_there_are_so_many_are_looked_at(tmp_path: Path) -> None:
    for number in range(1100):
        (tmp_path / str(number)).mkdir()
    assert len(find_free_space([], [tmp_path])) == 1


def test_a_file_system_without_blocks_is_not_full() -> None:
    assert run(check_disk([Path("/proc")], Inline(), free_bytes=2**30)) == Finding(
        ok=True, message="100% of the disk is free"
    )


def test_the_reactor_should_be_on_time() -> None:
    assert run(check_reactor_lag(lambda: 0.25, seconds=1)) == Finding(
        ok=True, message="The reactor was at most 250 ms late"
    )
    assert not run(check_reactor_lag(lambda: 1.5, seconds=1)).ok


@pytest.mark.parametrize("left", [True, False])
def test_a_server_that_can_open_nothing_is_of_no_use(*, left: bool) -> None:
    check = check_descriptors(lambda: left)
    assert check.vital
    assert run(check).ok is left


def test_the_others_are_not_vital(tmp_path: Path) -> None:
    async def answers() -> bool:
        return True

    checks = [
        check_certificate(lambda: 0, lambda: 0, days=14, has_problem=lambda: False),
        check_limits_storage("redis", answers, is_needed=False),
        check_disk([tmp_path], Inline(), free_bytes=0),
        check_reactor_lag(lambda: 0, seconds=1),
    ]
    assert not any(check.vital for check in checks)
    assert [check.name for check in checks] == ["certificate", "redis", "disk", "reactor"]


def test_who_refuses_what_cannot_be_counted_needs_what_counts() -> None:
    async def answers() -> bool:
        return True

    assert check_limits_storage("redis", answers, is_needed=True).vital
