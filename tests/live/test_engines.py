"""A drive whose catalogue or blobs are kept by other engines is like any other, to clients and to administrators."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from cloudsvc.core.secrets import Secret
from tests.support.drive_servers import DRIVE, list_blobs
from tests.support.engine_homes import Engines, Home
from tests.support.hostile_clients import ROOT
from tests.support.object_stores import run_seaweedfs
from tests.support.postgresql import GUARDED, PASSWORD, find_cluster
from tests.support.sample_media import QUARTERS, decode, draw, encode, read_quarters
from tests.support.server import make_home, running

pytestmark = pytest.mark.slow

LARGE = bytes(range(256)) * (12 * 4096) + b"end"
"""Of several parts."""


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    with run_seaweedfs(tmp_path_factory.mktemp("seaweedfs")) as store:
        yield Engines(directory=tmp_path_factory.mktemp("secrets"), store=store)


@pytest.fixture(params=["bucket", "database", "both"])
def home(request: pytest.FixtureRequest, engines: Engines, tmp_path: Path) -> Home:
    sections: dict[str, Any] = {"applications": [DRIVE], "logging": {"console": False}}
    environ: dict[str, str] = {}
    if request.param in {"bucket", "both"}:
        sections["blobs"], variables = engines.configure_bucket()
        environ |= variables
    if request.param in {"database", "both"}:
        environ |= engines.configure_database()
    directory, token = make_home(tmp_path / "home", **sections)
    return Home(directory=directory, token=token, environ=environ)


def test_clients_notice_nothing(home: Home) -> None:
    with home.serve() as server:
        assert server.ask("PUT", "/api/files/a.txt", b"first").status == 201
        assert server.ask("PUT", "/api/files/a.txt", b"second").status == 204
        assert server.ask("PUT", "/api/files/folder/large", LARGE).status == 201
        assert server.ask("PUT", "/api/files/picture.png", encode(draw(640, 480), "PNG")).status == 201
        assert server.ask("PUT", "/api/files/gone.txt", b"gone").status == 201
        assert server.ask("DELETE", "/api/files/gone.txt").status == 200
        whole = server.ask("GET", "/api/files/folder/large")
        assert (whole.status, whole.body) == (200, LARGE)
        part = server.ask("GET", "/api/files/folder/large", headers={"Range": "bytes=8388600-8388999"})
        assert (part.status, part.body) == (206, LARGE[8388600:8389000])
        tag = whole.headers["ETag"]
        assert server.ask("GET", "/api/files/folder/large", headers={"If-None-Match": tag}).status == 304
        thumbnail = server.ask("GET", "/api/files/picture.png/thumbnail")
        assert thumbnail.status == 200
        assert read_quarters(decode(thumbnail.body)) == QUARTERS
        assert server.ask("GET", "/api/health", key=False).json["status"] == "healthy"
        assert server.stop() == 0
    with home.serve() as server:
        assert server.ask("GET", "/api/files/a.txt").body == b"second"
        assert server.ask("GET", "/api/files/folder/large").body == LARGE
        [thrown] = server.ask("GET", "/api/trash").json["entries"]
        assert server.ask("POST", f"/api/trash/{thrown['id']}/restore").status in {200, 201}
        assert server.ask("GET", "/api/files/gone.txt").body == b"gone"


@pytest.mark.parametrize("home", ["both"], indirect=True)
def test_administrators_notice_nothing(home: Home, tmp_path: Path) -> None:
    with home.serve() as server:
        assert server.ask("PUT", "/api/files/a.txt", b"first").status == 201
        assert server.ask("PUT", "/api/files/folder/large", LARGE).status == 201
        verified = home.run("verify")
        assert verified.returncode == 0, verified.stderr
        told = json.loads(home.run("stats", "--json").stdout)
        assert (told["files"], told["blobs"]) == (2, 2)
        assert home.run("gc").returncode == 0
        backed_up = home.run("backup", tmp_path / "backup.tar")
        assert backed_up.returncode == 0, backed_up.stderr
    exported = home.run("export", tmp_path / "exported")
    assert exported.returncode == 0, exported.stderr
    assert (tmp_path / "exported" / "folder" / "large").read_bytes() == LARGE
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "b.txt").write_bytes(b"imported")
    imported = home.run("import", tmp_path / "more")
    assert imported.returncode == 0, imported.stderr


@pytest.mark.parametrize("home", ["bucket", "database", "both"], indirect=True)
def test_a_backup_is_restored_where_it_came_from(home: Home, tmp_path: Path) -> None:
    with home.serve() as server:
        assert server.ask("PUT", "/api/files/a.txt", b"first").status == 201
        assert home.run("backup", tmp_path / "backup.tar").returncode == 0
        assert server.ask("PUT", "/api/files/a.txt", b"second").status == 204
        assert "is in use" in home.run("restore", "--replace", tmp_path / "backup.tar").stderr
    assert "holds files" in home.run("restore", tmp_path / "backup.tar").stderr
    restored = home.run("restore", "--replace", tmp_path / "backup.tar")
    assert restored.returncode == 0, restored.stderr
    assert "what was there before is in " in restored.stderr
    with home.serve() as server:
        assert server.ask("GET", "/api/files/a.txt").body == b"first"
        assert server.ask("PUT", "/api/files/b.txt", b"more").status == 201


@pytest.mark.parametrize("home", ["both"], indirect=True)
def test_no_byte_of_a_file_is_in_the_home(home: Home) -> None:
    with home.serve() as server:
        assert server.ask("PUT", "/api/files/large", LARGE).status == 201
        assert server.ask("GET", "/api/files/large").body == LARGE
        assert list_blobs(server) == []


@pytest.mark.parametrize("home", ["bucket"], indirect=True)
def test_a_drive_with_files_is_opened_beside_no_other_blobs(home: Home, engines: Engines) -> None:
    with home.serve() as server:
        assert server.ask("PUT", "/api/files/a.txt", b"first").status == 201
    config = json.loads((home.directory / "config" / "config.json").read_text())
    blobs = config.pop("blobs")
    (home.directory / "config" / "config.json").write_text(json.dumps(config))
    environ = dict.fromkeys(home.environ, "")
    assert "where blobs.url said: set it again" in home.refuse(**environ)
    config["blobs"] = {**blobs, "url": engines.store.choose_prefix().url}
    (home.directory / "config" / "config.json").write_text(json.dumps(config))
    assert "is empty, and the catalogue refers to blobs" in home.refuse()
    config["blobs"] = blobs
    (home.directory / "config" / "config.json").write_text(json.dumps(config))
    with home.serve() as server:
        assert server.ask("GET", "/api/files/a.txt").body == b"first"


@pytest.mark.parametrize("home", ["database"], indirect=True)
def test_blobs_are_opened_beside_no_other_database(home: Home, engines: Engines) -> None:
    with home.serve() as server:
        assert server.ask("PUT", "/api/files/a.txt", b"first").status == 201
    line = home.refuse(**engines.configure_database())
    assert "name the right one in database.url" in line or "belong" in line
    with home.serve() as server:
        assert server.ask("GET", "/api/files/a.txt").body == b"first"


@pytest.mark.parametrize("home", ["database"], indirect=True)
def test_a_home_with_a_catalogue_takes_no_database_beside_it(home: Home) -> None:
    unset = dict.fromkeys(home.environ, "")
    with running(home.directory, home.token, environ={"PYTHONPATH": str(ROOT), **unset}) as server:
        assert server.ask("PUT", "/api/files/a.txt", b"first").status == 201
    assert "has a catalogue of its own: drop database.url" in home.refuse()


@pytest.mark.parametrize("home", ["database"], indirect=True)
def test_a_database_that_cannot_be_used_is_one_line_without_secrets(home: Home, engines: Engines) -> None:
    cluster = find_cluster()
    url = cluster.make_url("test_that_is_not_there", GUARDED, quote(PASSWORD, safe=""))
    line = home.refuse(**engines.keep("DATABASE__URL", url))
    assert "there is no connection to the database: " in line
    assert PASSWORD not in line
    wrong = cluster.make_url("postgres", GUARDED, "hush")
    line = home.refuse(**engines.keep("DATABASE__URL", wrong))
    assert "password authentication failed" in line
    assert "hush" not in line


@pytest.mark.parametrize("home", ["bucket"], indirect=True)
def test_a_store_that_cannot_be_used_is_one_line_without_secrets(home: Home, engines: Engines) -> None:
    wrong = engines.keep("BLOBS__SECRET_KEY", Secret("hush"))
    line = home.refuse(**wrong)
    assert "refuses the credentials" in line
    assert "hush" not in line
