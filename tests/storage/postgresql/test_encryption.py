"""TLS to the database: verified where the URL says so, or refused."""

from __future__ import annotations

import shutil
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloudsvc.core.errors import OperatorError
from cloudsvc.core.secrets import Secret
from cloudsvc.storage.catalogue.postgresql.migration import migrate
from cloudsvc.storage.database.postgresql import databases
from cloudsvc.tls.files import CertificateFiles
from tests.support.catalogues import Trial, Watch, open_postgres
from tests.support.postgresql import Cluster
from tests.support.reactors import in_reactor
from tests.support.tls.certificates import make

PATHS = ssl.get_default_verify_paths()


@pytest.fixture
def files(tmp_path: Path) -> CertificateFiles:
    """A certificate for this machine, by an authority of its own."""
    return make(tmp_path / "server", time.time(), "localhost", "db.test")


@pytest.fixture
def cluster(files: CertificateFiles) -> Iterator[Cluster]:
    """A server that speaks TLS, and nothing else on the network."""
    cluster = Cluster.make()
    for source, name in ((files.key, "server.key"), (files.certificate, "server.crt")):
        target = cluster.data / name
        shutil.copyfile(source, target)
        cluster.give(target)
    rules = cluster.data / "pg_hba.conf"
    # By its address it is reached as before, by whoever makes databases.
    rules.write_text(f"hostnossl secret all 127.0.0.1/32 reject\n{rules.read_text()}")
    cluster.options = ("-c", "ssl=on")
    cluster.start()
    try:
        cluster.ask("CREATE DATABASE secret")
        yield cluster
    finally:
        cluster.remove()


def make_url(cluster: Cluster, host: str, authority: Path) -> Secret:
    options = f"sslmode=verify-full&sslrootcert={authority}"
    return Secret(f"postgresql://postgres@{host}:{cluster.port}/secret?{options}")


@in_reactor
async def test_all_connections_are_encrypted_and_verified(
    tmp_path: Path, cluster: Cluster, files: CertificateFiles
) -> None:
    url = make_url(cluster, "localhost", files.authority_certificate)
    migrate(url)
    async with open_postgres(tmp_path, Watch(), url) as catalogue:
        trial = Trial(catalogue, Watch())
        await trial.store("a")
        assert await trial.files() == ["a"]
        connections = "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE datname = 'secret'"
        found = cluster.ask(connections)
        assert len(found) >= 3
        assert {*found} == {(True,)}


@pytest.fixture
def _own_roots_only(monkeypatch: pytest.MonkeyPatch, files: CertificateFiles, tmp_path: Path) -> None:
    """A system that trusts the authority of the server, in the second of the places where that may stand."""
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.setattr("ssl.get_default_verify_paths", lambda: PATHS._replace(cafile=""))
    monkeypatch.setattr(databases, "_ROOTS", (tmp_path / "missing", files.authority_certificate))


@pytest.mark.usefixtures("_own_roots_only")
def test_a_server_elsewhere_is_verified_with_what_the_system_trusts(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    url = Secret(f"postgresql://postgres@db.test:{cluster.port}/secret?hostaddr=127.0.0.1")
    migrate(url)
    other = make(tmp_path / "other", time.time(), "db.test")
    monkeypatch.setattr(databases, "_ROOTS", (other.authority_certificate,))
    with pytest.raises(OperatorError, match="certificate verify failed"):
        migrate(url)


def test_another_server_is_refused(tmp_path: Path, cluster: Cluster, files: CertificateFiles) -> None:
    other = make(tmp_path / "other", time.time(), "localhost")
    for url, expected in (
        (make_url(cluster, "localhost", other.authority_certificate), "certificate verify failed"),
        (make_url(cluster, "127.0.0.1", files.authority_certificate), "does not match host name"),
        (make_url(cluster, "localhost", tmp_path / "missing"), "does not exist"),
    ):
        with pytest.raises(OperatorError) as caught:
            migrate(url)
        [line] = caught.value.lines
        assert expected in line
