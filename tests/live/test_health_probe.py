"""The probe verifies whom it asks, and says plainly what is wrong."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Thread

import pytest

from cloudsvc.core.errors import CloudError, OperatorError
from cloudsvc.listen.probe import ProbeResult, probe
from cloudsvc.tls.certificate_authority import renew_certificate
from tests.support.external_servers import find_free_port
from tests.support.server import PATIENCE
from tests.support.tls.certificates import locate, make, make_key, sign_by_intermediate, sign_elsewhere
from tests.support.tls.servers import Serving, in_reactor, outside, serve

ALIVE = ProbeResult(status=200, body={"client": "127.0.0.1"})


Start = Callable[..., Serving]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Puts a certificate for the given names into service."""
    servers: list[Serving] = []

    def start(*names: str, age_days: int = 0, days_valid: int = 365) -> Serving:
        made = time.time() - age_days * 86400
        servers.append(serve(make(tmp_path / "certs", made, *names, days_valid=days_valid)))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def server(start: Start) -> Serving:
    return start()


async def ask(server: Serving, port: int, host: str = "127.0.0.1", certificate: Path | None = None) -> ProbeResult:
    return await outside(probe, host, port, certificate or server.files.certificate, PATIENCE)


async def error_of(server: Serving, port: int, certificate: Path | None = None) -> CloudError:
    with pytest.raises(CloudError) as caught:
        await ask(server, port, certificate=certificate)
    return caught.value


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0", ""])  # noqa: S104 - nothing is bound to it
@in_reactor
async def test_probe_reaches_the_server_by_any_address_it_may_listen_on(server: Serving, host: str) -> None:
    assert await ask(server, server.listen_tcp(), host) == ALIVE


@in_reactor
async def test_probe_tells_a_status_other_than_ok(server: Serving) -> None:
    server.resource.status = 500
    assert (await ask(server, server.listen_tcp())).status == 500


@pytest.mark.parametrize("names", [["cloud.example", "10.0.0.1"], ["10.0.0.1"], ["2001:db8::1"], ["*.cloud.example"]])
@in_reactor
async def test_probe_asks_for_a_name_of_the_certificate(start: Start, names: list[str]) -> None:
    server = start(*names)
    assert await ask(server, server.listen_tcp()) == ALIVE


@in_reactor
async def test_probe_trusts_a_leaf_that_stands_alone(server: Serving) -> None:
    """As an operator may have put it there: from a public authority, without the chain or without the root."""
    sign_elsewhere(server.files, make_key(), time.time() - 60)
    await server.certificate.reload()
    assert await ask(server, server.listen_tcp()) == ALIVE


@in_reactor
async def test_probe_trusts_a_chain_without_its_root(server: Serving) -> None:
    """As public authorities give it: the leaf, and what signed it."""
    sign_by_intermediate(server.files, time.time() - 60)
    await server.certificate.reload()
    assert await ask(server, server.listen_tcp()) == ALIVE


@in_reactor
async def test_probe_trusts_the_server_while_a_renewal_is_not_picked_up_yet(server: Serving) -> None:
    renew_certificate(server.files, 365, time.time())
    assert await ask(server, server.listen_tcp()) == ALIVE


@in_reactor
async def test_probe_refuses_another_server(server: Serving, tmp_path: Path) -> None:
    other = make(tmp_path / "other", time.time())
    error = await error_of(server, server.listen_tcp(), other.certificate)
    assert error.code == "server_untrusted"
    assert str(other.certificate) in error.message


@in_reactor
async def test_probe_refuses_a_certificate_for_another_name(server: Serving, tmp_path: Path) -> None:
    """Trusted by its chain, and still not the server that the file speaks of."""
    renamed = tmp_path / "renamed.pem"
    other = make(tmp_path / "other", time.time(), "other.example")
    renamed.write_bytes(other.certificate.read_bytes() + server.files.authority_certificate.read_bytes())
    error = await error_of(server, server.listen_tcp(), renamed)
    assert error.code == "server_untrusted"
    assert "other.example" in error.message


@in_reactor
async def test_probe_refuses_an_expired_certificate(start: Start) -> None:
    server = start(age_days=3, days_valid=1)
    error = await error_of(server, server.listen_tcp())
    assert error.code == "server_untrusted"
    assert "has expired" in error.message
    assert "renew it" in error.message
    assert "restart" not in error.message


@pytest.mark.parametrize("answer", [b"", b"<html>", b"[]", b'"healthy"', b"\xff"])
@in_reactor
async def test_probe_refuses_what_is_no_json_object(server: Serving, answer: bytes) -> None:
    server.resource.answer = answer
    assert (await error_of(server, server.listen_tcp())).code == "bad_answer"


def test_probe_of_a_certificate_without_names_says_so(tmp_path: Path) -> None:
    files = locate(tmp_path)
    sign_elsewhere(files, make_key(), time.time(), names=())
    with pytest.raises(CloudError, match="no subject alternative name"):
        probe("127.0.0.1", 1, files.certificate, 1.0)


@in_reactor
async def test_probe_goes_through_the_proxy_protocol(server: Serving) -> None:
    port = server.listen_tcp("cloudsvc:haproxy:")
    result = await outside(probe, "", port, server.files.certificate, PATIENCE, path="/", proxied=True)
    assert result.status == 200


@in_reactor
async def test_probe_of_nobody_is_an_error(server: Serving) -> None:
    port = find_free_port()
    error = await error_of(server, port)
    assert error.code == "server_unreachable"
    assert f"no TLS server answers at 127.0.0.1 port {port}: Connection refused" in error.message


def test_probe_of_a_missing_certificate_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="make it with"):
        probe("127.0.0.1", 1, tmp_path / "cert.pem", 1.0)


@pytest.mark.parametrize("shaken", [False, True], ids=["handshake", "answer"])
def test_probe_of_a_server_that_dribbles_ends_at_its_deadline(tmp_path: Path, *, shaken: bool) -> None:
    """One byte at a time renews the time-out of a socket for ever; of the probe it does not."""
    files = make(tmp_path / "certs", time.time())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    # The head of the longest record there is, whose end would come after half an hour; and an answer without an end.
    opening = b"HTTP/1.1 200 OK\r\nX-Filler: " if shaken else b"\x16\x03\x03\x40\x00"

    def wrap(plain: socket.socket) -> socket.socket:
        return context.wrap_socket(plain, server_side=True) if shaken else plain

    def dribble() -> None:
        with suppress(OSError), listening, listening.accept()[0] as plain, wrap(plain) as client:
            client.sendall(opening)
            while True:
                client.sendall(b"x")
                time.sleep(0.1)

    listening = socket.create_server(("127.0.0.1", 0))
    thread = Thread(target=dribble)
    thread.start()
    try:
        with pytest.raises(CloudError, match="no answer in time"):
            probe("127.0.0.1", listening.getsockname()[1], files.certificate, 3.0 if shaken else 0.5)
    finally:
        thread.join()
