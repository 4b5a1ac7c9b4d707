"""The health of a running server is that of its drive, of the store of bytes too."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.support.drive_servers import list_blobs, run_drive


def test_a_store_that_does_not_work_is_told(tmp_path: Path) -> None:
    with run_drive(tmp_path / "home") as server:
        checks = server.ask("GET", "/api/health/checks").json["checks"]
        assert checks["blobs"] == {"status": "healthy", "message": "What is stored can be read."}
        assert checks["database"] == {"status": "healthy", "message": "The database of the catalogue answers."}
        assert list_blobs(server) == []
    # A new one has not been asked yet.
    with run_drive(tmp_path / "other") as server:
        shutil.rmtree(server.home / "data/drive/incoming")
        (server.home / "data/drive/incoming").write_bytes(b"")
        unwell = server.ask("GET", "/api/health")
        assert (unwell.status, unwell.json["status"]) == (500, "unhealthy")
        assert unwell.json["message"] == "The store of bytes fails, and the log says why."
        told = server.ask("GET", "/api/metrics").body.decode()
        assert 'health_check_status{check="blobs"} 0.0' in told
        assert 'health_check_status{check="database"} 1.0' in told
