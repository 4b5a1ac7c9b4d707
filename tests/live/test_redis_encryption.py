"""TLS to Redis: its certificate is verified, by whoever the settings or everybody trusts, and a fault says so."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import define

from cloudsvc.access.throttling import StoreUnavailable, check_authorities, open_store
from cloudsvc.core.rates import parse_rate
from cloudsvc.core.secrets import Secret
from cloudsvc.tls.files import CertificateFiles
from tests.support.external_servers import ToolServer, run_redis
from tests.support.reactors import in_reactor, run_threads
from tests.support.tls.certificates import make

PASSWORD = "hush-hush"  # of a server that lives for a moment


@define
class Encrypted:
    """A Redis that speaks TLS, with a certificate for ``localhost``."""

    server: ToolServer
    files: CertificateFiles

    async def count(self, ca_file: Path | None, *, host: str = "localhost", query: str = "") -> str:
        """What comes of a hit: ``counted``, or why not."""
        uri = Secret(f"rediss://:{PASSWORD}@{host}:{self.server.port}/0{query}")
        with run_threads(1) as runner:
            store = open_store(uri, "fixed-window", time.time, runner, ca_file=ca_file)
            try:
                await store.hit(parse_rate("10000/minute"), "key")
            except StoreUnavailable as reason:
                return str(reason)
            finally:
                await store.close()
        return "counted"


@pytest.fixture
def encrypted(tmp_path: Path) -> Iterator[Encrypted]:
    files = make(tmp_path / "server", time.time(), "localhost")
    (tmp_path / "redis").mkdir()
    with run_redis(tmp_path / "redis", files, PASSWORD) as server:
        yield Encrypted(server, files)


@in_reactor
async def test_redis_is_verified(tmp_path: Path, encrypted: Encrypted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloudsvc.access.throttling.opening._TIMEOUT", 100.0)
    ours = encrypted.files.authority_certificate
    other = make(tmp_path / "other", time.time(), "localhost").authority_certificate
    assert await encrypted.count(ours) == "counted"
    for ca_file, host in ((None, "localhost"), (other, "localhost"), (ours, "127.0.0.1")):
        reason = await encrypted.count(ca_file, host=host)
        assert "its certificate cannot be verified: " in reason
        assert PASSWORD not in reason
    # Whoever wants less has to say so in the address.
    unverified = "?ssl_cert_reqs=none&ssl_check_hostname=false"
    assert await encrypted.count(None, query=unverified) == "counted"


def test_a_file_without_certificates_is_named(tmp_path: Path) -> None:
    missing, empty = tmp_path / "none.pem", tmp_path / "empty.pem"
    empty.write_text("nothing\n")
    for file, expected in (
        (missing, "none.pem cannot be read"),
        (tmp_path, "cannot be read"),
        (empty, "has no certificates in it"),
    ):
        with pytest.raises(ValueError, match=expected):
            check_authorities(file)
