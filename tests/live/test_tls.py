"""TLS as clients see it: real sockets, curl, OpenSSL and sslyze."""

from __future__ import annotations

import os
import shutil
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from cloudsvc.tls.certificate_authority import renew_certificate
from tests.support.tls.certificates import leaf_of, make
from tests.support.tls.servers import Serving, ask, connect, in_reactor, outside, run, serve, trust

SSLYZE = os.environ.get("CLOUDSVC_SSLYZE") or shutil.which("sslyze")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Serving]:
    server = serve(make(tmp_path / "certs", time.time()))
    yield server
    server.close()


async def renew(server: Serving) -> None:
    renew_certificate(server.files, 365, time.time())
    await server.certificate.reload()


@in_reactor
async def test_curl_trusts_the_certificate_it_saved_before_renewal(server: Serving, tmp_path: Path) -> None:
    saved = tmp_path / "saved.pem"
    saved.write_bytes(server.files.certificate.read_bytes())
    port = server.listen_tcp()
    serials = {leaf_of(server.files).serial_number}
    for name in ("localhost", "127.0.0.1"):
        answer = await run("curl", "-sS", "--max-time", "20", "--cacert", saved, f"https://{name}:{port}/")
        assert (answer.stderr, answer.returncode) == ("", 0)
        await renew(server)
        serials.add(leaf_of(server.files).serial_number)
    assert '"client"' in (await run("curl", "-sS", "--cacert", saved, f"https://localhost:{port}/")).stdout
    assert len(serials) == 3


@in_reactor
async def test_curl_refuses_a_name_that_the_certificate_is_not_for(server: Serving) -> None:
    port = server.listen_tcp()
    url = f"https://other.example:{port}/"
    answer = await run(
        "curl", "-sS", "--cacert", server.files.certificate, "--resolve", f"other.example:{port}:127.0.0.1", url
    )
    assert answer.returncode == 60


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
@in_reactor
async def test_sessions_resume_even_across_a_renewal(server: Serving, tmp_path: Path, version: str) -> None:
    port = server.listen_tcp()
    session = tmp_path / "session.pem"
    command = ["openssl", "s_client", version, "-connect", f"127.0.0.1:{port}", "-servername", "localhost", "-ign_eof"]
    command += ["-CAfile", str(server.files.certificate), "-verify_return_error"]
    request = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    first = await run(*command, "-sess_out", session, content=request)
    assert "New, TLSv1." in first.stdout
    again = await run(*command, "-sess_in", session, content=request)
    assert "Reused, TLSv1." in again.stdout
    await renew(server)
    after_renewal = await run(*command, "-sess_in", session, content=request)
    assert "Reused, TLSv1." in after_renewal.stdout
    assert "HTTP/1.1 200 OK" in after_renewal.stdout


@pytest.mark.parametrize(("version", "accepted"), [("-tls1_1", False), ("-tls1_2", True), ("-tls1_3", True)])
@in_reactor
async def test_old_versions_are_refused(server: Serving, version: str, accepted: bool) -> None:  # noqa: FBT001 - a parameter
    port = server.listen_tcp()
    answer = await run("openssl", "s_client", version, "-cipher", "ALL:@SECLEVEL=0", "-connect", f"127.0.0.1:{port}")
    assert (answer.returncode == 0) is accepted


class Crowd:
    """Clients that connect anew all the time, until ``enough`` were served or one was not."""

    def __init__(self, port: int, context: ssl.SSLContext, enough: int) -> None:
        self.serials: list[int] = []
        self.failures: list[Exception] = []
        self._enough = enough
        self._threads = [Thread(target=self._connect, args=(port, context)) for _ in range(3)]
        for thread in self._threads:
            thread.start()

    def wait_for(self, count: int) -> None:
        while len(self.serials) < count and not self.failures:
            time.sleep(0.005)

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _connect(self, port: int, context: ssl.SSLContext) -> None:
        while len(self.serials) < self._enough and not self.failures:
            try:
                self.serials.append(ask(connect(port), context)[1])
            except Exception as error:  # noqa: BLE001 - each is a failed connection
                self.failures.append(error)


@in_reactor
async def test_no_connection_fails_while_certificates_are_swapped(server: Serving) -> None:
    """A thousand new connections during twenty swaps of key and certificate, with a look at every half-done one."""
    crowd = Crowd(server.listen_tcp(), trust(server.files.authority_certificate), 1000)
    for turn in range(20):
        await outside(crowd.wait_for, 48 * turn)
        old_key = server.files.key.read_bytes()
        renew_certificate(server.files, 365, time.time())
        new_key = server.files.key.read_bytes()
        server.files.key.write_bytes(old_key)
        await server.certificate.reload()
        assert "is not the key of" in str(server.certificate.problem)
        server.files.key.write_bytes(new_key)
        await server.certificate.reload()
        assert server.certificate.problem is None
    await outside(crowd.join)
    assert crowd.failures == []
    assert len(crowd.serials) >= 1000
    assert len(set(crowd.serials)) >= 20


@in_reactor
async def test_a_broken_replacement_leaves_the_old_certificate_serving(server: Serving) -> None:
    port = server.listen_tcp()
    context = trust(server.files.authority_certificate)
    serial = leaf_of(server.files).serial_number
    server.files.certificate.write_text("-----BEGIN CERTIFICATE-----\nhalf of")
    await server.certificate.reload()
    assert (await outside(lambda: ask(connect(port), context)))[1] == serial
    assert server.certificate.problem is not None


def talk(port: int, sent: bytes) -> bytes:
    """Everything the server says to ``sent`` before it closes."""
    received = b""
    with connect(port) as client:
        client.sendall(sent)
        try:
            while data := client.recv(4096):
                received += data
        except ConnectionResetError:
            pass
    return received


@pytest.mark.parametrize(
    "sent",
    [
        b"\x00" * 64,
        b"\x16\x03\x01\xff\xff" + b"\xff" * 600,
        b"SSH-2.0-OpenSSH_9.2\r\n",
        bytes(range(256)) * 8,
    ],
    ids=["zeros", "oversized", "ssh", "noise"],
)
@in_reactor
async def test_what_is_not_tls_gets_an_alert_or_a_close(server: Serving, sent: bytes) -> None:
    port = server.listen_tcp()
    answer = await outside(talk, port, sent)
    assert answer[:1] in {b"", b"\x15"}
    context = trust(server.files.certificate)
    assert (await outside(lambda: ask(connect(port), context)))[0] == {"client": "127.0.0.1"}


PROXY_V2 = b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xcb\x00\x71\x07\x7f\x00\x00\x01\x30\x39\x01\xbb"


@pytest.mark.parametrize(
    "header", [b"PROXY TCP4 203.0.113.7 127.0.0.1 12345 443\r\n", PROXY_V2], ids=["version 1", "version 2"]
)
@in_reactor
async def test_proxy_header_before_tls_tells_the_client(server: Serving, header: bytes) -> None:
    port = server.listen_tcp("cloudsvc:haproxy:")
    context = trust(server.files.certificate)

    def ask_through_proxy() -> object:
        connection = connect(port)
        connection.sendall(header)
        return ask(connection, context)[0]

    assert await outside(ask_through_proxy) == {"client": "203.0.113.7"}


@in_reactor
async def test_without_the_proxy_header_there_is_no_handshake(server: Serving) -> None:
    port = server.listen_tcp("cloudsvc:haproxy:")
    context = trust(server.files.certificate)
    with pytest.raises(OSError, match=r"EOF|reset|closed"):
        await outside(lambda: ask(connect(port), context))


@pytest.mark.skipif(SSLYZE is None, reason="sslyze is neither on the PATH nor named by CLOUDSVC_SSLYZE")
@in_reactor
async def test_sslyze_finds_the_server_within_mozillas_intermediate_profile(server: Serving) -> None:
    port = server.listen_tcp()
    report = await run(
        str(SSLYZE),
        "--mozilla_config=intermediate",
        f"--certinfo_ca_file={server.files.authority_certificate}",
        "--certinfo",
        f"localhost:{port}",
    )
    assert f"localhost:{port}: OK - Compliant." in report.stdout, report.stdout
    assert report.returncode == 0
