"""``cloudsvc health`` against something that answers over TLS."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.support.commands import run
from tests.support.server import write_config


@contextmanager
def answering(home: Path, status: int, body: object) -> Iterator[int]:
    """The port of a server with the certificate of ``home`` that gives every request the same answer."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(home / "certs/cert.pem", home / "certs/key.pem")
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    assert run("init", tmp_path).exit_code == 0
    return tmp_path


@pytest.mark.parametrize("status", ["healthy", "degraded"])
def test_a_server_that_is_well_enough(home: Path, status: str) -> None:
    with answering(home, 200, {"status": status, "message": "Server is …"}) as port:
        result = run("health", "--home", home, PORT=str(port))
    assert (result.exit_code, result.stdout) == (0, f"{status}: Server is …\n")


def test_a_server_that_listens_at_an_endpoint(home: Path) -> None:
    with answering(home, 200, {"status": "healthy", "message": ""}) as port:
        write_config(home, server={"endpoints": ["unix:/nowhere", f"cloudsvc:tcp:{port}:interface=127.0.0.1"]})
        result = run("health", "--home", home)
    assert (result.exit_code, result.stdout) == (0, "healthy: \n")


def test_a_server_that_is_not_well(home: Path) -> None:
    with answering(home, 500, {"status": "unhealthy", "message": "Server token is not configured"}) as port:
        result = run("health", "--home", home, "--host", "127.0.0.1", "--port", str(port))
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "cloudsvc: unhealthy: Server token is not configured\n"


def test_a_server_that_is_someone_else(home: Path, tmp_path: Path) -> None:
    run("init", tmp_path / "other")
    with answering(tmp_path / "other", 200, {"status": "healthy", "message": ""}) as port:
        result = run("health", "--home", home, PORT=str(port))
    assert result.exit_code == 1
    assert "cert.pem" in result.stderr


def test_a_server_that_is_not_there(home: Path) -> None:
    with answering(home, 200, {}) as port:
        pass
    result = run("health", "--home", home, PORT=str(port))
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert f"port {port}" in line
