"""The health of a running server is that of its drive, of the store of bytes too."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from cloudsvc.storage.local import CATALOGUE_NAME
from tests.support.drive_servers import list_blobs, run_drive
from tests.support.server import Server, wait_until


def tell_whether_writable(server: Server) -> str:
    """What the server says of changes."""
    return str(server.ask("GET", "/api/health/checks").json["checks"]["drive_writable"]["message"])


def test_a_store_that_does_not_work_is_told(tmp_path: Path) -> None:
    with run_drive(tmp_path / "home") as server:
        checks = server.ask("GET", "/api/health/checks").json["checks"]
        assert checks["blobs"] == {"status": "healthy", "message": "What is stored can be read."}
        assert checks["database"] == {"status": "healthy", "message": "The database of the catalogue answers."}
        assert list_blobs(server) == []
        # As a drive that is brought from elsewhere.
        with (
            closing(sqlite3.connect(server.home / "data/drive" / CATALOGUE_NAME, timeout=100)) as connection,
            connection,
        ):
            connection.execute("UPDATE state SET arriving = 1")
        wait_until(lambda: "repeat the `cloudsvc migrate`" in tell_whether_writable(server), server.log)
        refused = server.ask("PUT", "/api/files/a", b"a")
        assert refused.status == 503
        assert b"read_only" in refused.body
        assert int(refused.headers["Retry-After"]) > 0
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
