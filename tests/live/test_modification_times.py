"""Modification times on the way into a running server and out of it again."""

from __future__ import annotations

import json
import os
import subprocess
from email.utils import parsedate_to_datetime
from pathlib import Path

from tests.support.drive_servers import curl, run_drive
from tests.support.server import PATIENCE, Server, environment, program

OLD = "1965-06-01T12:00:00.250000Z"
OLD_NANOSECONDS = -144_676_799_750_000_000


def cloudsvc(server: Server, *arguments: object) -> None:
    command = [program("cloudsvc"), *map(str, arguments), "--home", str(server.home)]
    subprocess.run(command, check=True, env=environment(), timeout=PATIENCE)


def test_in_by_every_way_and_out_again(tmp_path: Path) -> None:
    source = tmp_path / "tree" / "imported"
    source.parent.mkdir()
    source.write_bytes(b"imported")
    os.utime(source, ns=(0, OLD_NANOSECONDS))
    with run_drive(tmp_path / "home") as server:
        put = curl(server, "/api/files/put", "-T", source, "-H", "X-OC-Mtime: -144676799.75")
        assert (put.status, put.headers["x-oc-mtime"], put.json["modified_at"]) == (201, "accepted", OLD)
        posted = curl(server, "/api/files/posted", "-F", f"file=@{source}", "-H", f"X-Modified-At: {OLD}")
        assert (posted.status, posted.json["modified_at"]) == (200, OLD)
        refused = curl(server, "/api/files/refused", "-T", source, "-H", "X-OC-Mtime: yesterday")
        assert (refused.status, refused.json["error"]) == (400, "malformed_moment")
        cloudsvc(server, "import", source.parent)
        files = {file["filepath"]: file for file in server.ask("GET", "/api/files").json["files"]}
        assert {name: file["modified_at"] for name, file in files.items()} == dict.fromkeys(
            ("put", "posted", "imported"), OLD
        )
        assert files["imported"]["updated_at"] == OLD
        head = curl(server, "/api/files/imported", "-I")
        assert head.headers["x-modified-at"] == OLD
        assert parsedate_to_datetime(head.headers["last-modified"]).isoformat() == "1965-06-01T12:00:00+00:00"
        # What has not changed since 1965 is not sent again, and what has been asked for before that is.
        for moment, status in (("Tue, 01 Jun 1965 12:00:00 GMT", 304), ("Tue, 01 Jun 1965 11:59:59 GMT", 200)):
            assert curl(server, "/api/files/imported", "-H", f"If-Modified-Since: {moment}").status == status
            assert curl(server, "/api/files/imported", "-H", f"If-Unmodified-Since: {moment}").status == (
                412 if status == 200 else 200
            )
        cloudsvc(server, "export", tmp_path / "out")
    for name in files:
        assert (tmp_path / "out" / name).stat().st_mtime_ns == OLD_NANOSECONDS
    metadata = json.loads((tmp_path / "out/metadata.json").read_text())
    assert {entry["modified_at"] for entry in metadata.values()} == {OLD}
