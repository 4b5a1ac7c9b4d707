"""The drive is measured: real servers, one short round; its large store is one that the drive could have made."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from bench.server import ROOT
from bench.stores import FEW, MANY, PAGE, make_store
from cloudsvc.drive.names import parse_path
from cloudsvc.drive.nodes import File
from cloudsvc.storage.catalogue.listing import Lists
from cloudsvc.storage.catalogue.sight import EVERYTHING
from cloudsvc.storage.database.sqlite.connections import connect
from tests.support.postgresql import find_programs
from tests.support.required_tools import require_tool


def test_a_quick_run_measures_the_stages_asked_for(tmp_path: Path) -> None:
    for tool, package in (("wrk", "wrk"), ("nginx", "nginx-light"), ("weed", "requirements/tools-s3.txt")):
        require_tool(tool, package)
    find_programs()
    output = tmp_path / "found.json"
    stages = ("download", "requests", "attack-values", "memory", "listing", "workers", "commits", "blobs", "catalogues")
    only = [argument for name in stages for argument in ("--only", name)]
    command = [sys.executable, "-m", "bench", "--quick", "--output", str(output), *only]
    done = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(output.read_text())
    assert found["servers"] == []
    assert [stage["name"] for stage in found["drive"]["stages"]] == list(stages)
    for stage in found["drive"]["stages"]:
        assert stage["medians"].keys() == stage["titles"].keys()
    assert len(found["drive"]["findings"]) == 19


def test_the_large_store_is_whole(tmp_path: Path) -> None:
    make_store(tmp_path / "store", 250)
    connection = connect(tmp_path / "store" / "catalogue.sqlite3")
    try:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        lists = Lists(connection=connection, epoch="e", sight=EVERYTHING)
        for name, count in ((MANY, 250), (FEW, PAGE)):
            page = lists.children(parse_path(name), 1000, None)
            assert len(page.items) == count
            assert all(isinstance(node, File) and node.version.blob.size == 4096 for node in page.items)
        counted = connection.execute("SELECT sum(size * (refs = 1)) FROM blob").fetchone()
        assert counted == connection.execute("SELECT stored_bytes FROM state").fetchone() == (350 * 4096,)
        assert connection.execute("SELECT count(*) FROM change").fetchone() == (352,)
    finally:
        connection.close()
