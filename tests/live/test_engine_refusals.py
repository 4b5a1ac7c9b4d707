"""Engines that are not those of a home: one line that says what to do, and nothing is touched."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.drive_servers import DRIVE
from tests.support.engine_homes import Engines, Home
from tests.support.object_stores import ObjectServer, run_seaweedfs
from tests.support.postgresql import find_cluster
from tests.support.server import make_home

pytestmark = [pytest.mark.slow, pytest.mark.seconds(1800)]


@pytest.fixture
def engines(tmp_path: Path) -> Iterator[Engines]:
    for name in ("store", "secrets"):
        (tmp_path / name).mkdir()
    with run_seaweedfs(tmp_path / "store") as store:
        yield Engines(directory=tmp_path / "secrets", store=store)


def make(directory: Path, blobs: dict[str, Any], environ: dict[str, str]) -> Home:
    made, token = make_home(directory, applications=[DRIVE], logging={"console": False}, blobs=blobs)
    return Home(directory=made, token=token, environ=environ)


def find_database(environ: dict[str, str]) -> str:
    """The name of the database of a home."""
    url = Path(environ["CLOUDSVC__DATABASE__URL_FILE"]).read_text().strip()
    return url.rpartition("/")[-1]


def count_tables(database: str) -> int:
    [(count,)] = find_cluster().ask("SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relname = 'node'", database)
    return int(count)


def list_keys(store: ObjectServer) -> dict[str, str]:
    """All objects of the store, with what tells one content from another."""
    with store.connect() as client:
        found = client.list_objects_v2(Bucket=store.settings.bucket).get("Contents", [])
        return {
            each["Key"]: each["ETag"] for each in found if "/blobs/" in each["Key"] or "installation" in each["Key"]
        }


def test_what_is_not_of_this_home_is_refused_in_one_line_and_left_as_it_is(engines: Engines, tmp_path: Path) -> None:
    blobs, credentials = engines.configure_bucket()
    database = engines.configure_database()
    home = make(tmp_path / "home", blobs, {**credentials, **database})
    with home.serve() as server:
        assert server.ask("PUT", "/api/files/a.txt", b"first").status == 201
    before = list_keys(engines.store)
    assert len(before) >= 2

    # Two installations on one prefix: another home, with a database of its own.
    other = engines.configure_database()
    line = make(tmp_path / "other", blobs, {**credentials, **other}).refuse()
    assert "belong" in line
    assert "blobs.url" in line

    # A database of another installation, which has blobs of its own.
    elsewhere, more = engines.configure_bucket()
    second = engines.configure_database()
    with make(tmp_path / "second", elsewhere, {**more, **second}).serve() as server:
        assert server.ask("PUT", "/api/files/b.txt", b"second").status == 201
    before |= {key: tag for key, tag in list_keys(engines.store).items() if key not in before}
    line = home.refuse(**second)
    assert "database.url" in line or "blobs.url" in line

    # A bucket that is not there, and one that is somebody else's.
    nowhere = home.refuse(CLOUDSVC__BLOBS__URL="s3://no-such-bucket-of-tests/cloud")
    assert "no-such-bucket-of-tests" in nowhere
    with engines.store.connect() as client:
        client.put_object(Bucket=engines.store.settings.bucket, Key="theirs/photo.jpg", Body=b"theirs")
    theirs = home.refuse(**{"CLOUDSVC__BLOBS__URL": f"s3://{engines.store.settings.bucket}/theirs", **other})
    assert "theirs" in theirs

    # What a newer program has written.
    name = find_database(database)
    [(revision,)] = find_cluster().ask("SELECT version_num FROM alembic_version", name)
    find_cluster().ask("UPDATE alembic_version SET version_num = '9999'", name)
    assert "newer cloudsvc" in home.refuse()
    assert revision.isdecimal()
    back = f"UPDATE alembic_version SET version_num = '{revision}'"  # noqa: S608  # digits
    find_cluster().ask(back, name)

    # Addresses that are none.
    for variable, value, expected in (
        ("CLOUDSVC__DATABASE__URL", "postgresql://user:hush-hush@[/cloud", "makes no sense"),
        ("CLOUDSVC__RATE_LIMIT__STORAGE_URI", "rediss://:hush-hush@localhost:redis/0", "redis://host:6379/0"),
        ("CLOUDSVC__RATE_LIMIT__CA_FILE", str(tmp_path / "missing.pem"), "cannot be read"),
    ):
        unset = {f"{variable}_FILE": ""} if variable == "CLOUDSVC__DATABASE__URL" else {}
        line = home.refuse(**{variable: value, **unset})
        assert expected in line, line
        assert "hush-hush" not in line

    found = list_keys(engines.store)
    assert {key: found[key] for key in before} == before
    with home.serve() as server:
        assert server.ask("GET", "/api/files/a.txt").body == b"first"


def test_a_database_of_something_else_is_left_alone(engines: Engines, tmp_path: Path) -> None:
    blobs, credentials = engines.configure_bucket()
    database = engines.configure_database()
    name = find_database(database)
    find_cluster().ask("CREATE TABLE invoices (id int)", name)
    line = make(tmp_path / "home", blobs, {**credentials, **database}).refuse()
    assert "'invoices'" in line
    assert "nothing was changed" in line
    assert count_tables(name) == 0
    assert list_keys(engines.store) == {}
    assert json.loads((tmp_path / "home" / "config" / "config.json").read_text())["blobs"] == blobs
