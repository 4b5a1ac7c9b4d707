"""A disk that fails while something is stored: the client is told, the old version stays, and nothing else."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.blobs import TrialDisk
from tests.support.drive_servers import curl, list_blobs, run_drive
from tests.support.durability.inspection import find_orphans, find_problems
from tests.support.durability.strace import RENAME, tracing
from tests.support.opened_drives import GENEROUS, open_drive, refusal
from tests.support.reactors import in_reactor
from tests.support.server import Server

OLD = b"old" * 1000
LARGE = bytes(range(256)) * 10_000

POINTS = [
    ("create", 0),
    ("write", 0),
    ("write", 1),
    ("sync", 0),
    ("make_folder", 0),
    ("sync_folder", 0),
    ("rename", 0),
    ("sync_folder", 1),
]


@pytest.mark.parametrize("point", POINTS, ids=lambda point: f"{point[0]}-{point[1]}")
@pytest.mark.parametrize(
    ("code", "refused"),
    [(errno.EIO, "storage_failed"), (errno.ENOSPC, "no_space"), (errno.EDQUOT, "no_space")],
    ids=["EIO", "ENOSPC", "EDQUOT"],
)
@in_reactor
async def test_a_call_of_the_store_fails(tmp_path: Path, point: tuple[str, int], code: int, refused: str) -> None:
    disk = TrialDisk()
    async with open_drive(tmp_path, disk=disk) as opened:
        await opened.store("a", OLD)
        last = (await opened.drive.read_changes(opened.actor, 0, 10)).last
        # Or a folder that is there by chance would not be made again.
        opened.storage.blobs._layout._durable.clear()
        step, number = point
        number += disk.calls.count(step)
        disk.trouble[step, number] = OSError(code, "as the test wants it")
        assert await refusal(opened.store("a", LARGE)) == refused
        assert disk.calls.count(step) == number + 1
        assert await opened.load("a") == OLD
        assert [*find_problems(tmp_path), *find_orphans(tmp_path)] == []
        assert (await opened.drive.read_changes(opened.actor, last, 10)).items == []
        await opened.capacity.check(GENEROUS.capacity - len(OLD))
        await opened.store("a", LARGE)
        assert await opened.load("a") == LARGE


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with run_drive(tmp_path_factory.mktemp("drive") / "home") as server:
        yield server


@pytest.mark.parametrize(
    ("fault", "status", "error"),
    [
        ("fsync:error=EIO", 503, "storage_failed"),
        ("fsync:error=ENOSPC", 507, "no_space"),
        (f"{RENAME}:error=EIO", 503, "storage_failed"),
        ("fdatasync:error=EIO:when=1", 503, "storage_failed"),
        ("pwrite64:error=ENOSPC", 507, "no_space"),
        ("pwrite64:error=EIO:when=1", 503, "storage_failed"),
    ],
)
def test_a_call_of_a_running_server_fails(tmp_path: Path, server: Server, fault: str, status: int, error: str) -> None:
    """The last three are of the catalogue's commit."""
    call, report = fault.partition(":")[0], tmp_path / "report"
    (tmp_path / "old").write_bytes(OLD)
    (tmp_path / "large").write_bytes(LARGE)
    assert curl(server, "/api/files/a", "-T", tmp_path / "old").status in {201, 204}
    before = {*list_blobs(server)}
    with tracing(server.process.pid, report, call, faults=[fault]):
        refused = curl(server, "/api/files/a", "-T", tmp_path / "large")
        assert (refused.status, refused.json["error"]) == (status, error)
        assert curl(server, "/api/files/a").body == OLD
    traced = [line for line in report.read_text().splitlines() if "INJECTED" in line]
    assert traced
    if call == "fsync":
        assert len(traced) == 1, "it was tried again"
    assert {*list_blobs(server)} == before
    assert [*find_problems(server.home / "data" / "drive")] == []
    assert curl(server, "/api/files/a", "-T", tmp_path / "large").status == 204
    assert curl(server, "/api/files/a").body == LARGE
