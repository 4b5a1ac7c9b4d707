"""The examples for a proxy in front are accepted by the proxies they are for."""

from __future__ import annotations

import shlex
import shutil
import signal
import socket
import ssl
import subprocess
import time
from pathlib import Path

import pytest

from tests.packaging.conftest import ROOT, run
from tests.support.server import PATIENCE

pytestmark = pytest.mark.slow

PROXIES = ROOT / "deploy/proxy"


SECRET = "csl_" + "7" * 65

needs_nginx = pytest.mark.skipif(
    shutil.which("nginx") is None, reason="nginx is not installed (Debian's package nginx-light)"
)


def configure(tmp_path: Path, **changes: str) -> Path:
    """The example for nginx as a whole configuration, with files in ``tmp_path``."""
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    make = shlex.split(
        "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout"
    )
    run(*make, key, "-out", certificate)
    example = (PROXIES / "nginx.conf").read_text()
    for name in ("/etc/ssl/cloud.example.org/fullchain.pem", "/var/lib/cloudsvc/certs/cert.pem"):
        example = example.replace(name, str(certificate))
    example = example.replace("/etc/ssl/cloud.example.org/key.pem", str(key))
    for former, wanted in {"/var/log/nginx/cloudsvc.log": f"{tmp_path}/access.log", **changes}.items():
        assert former in example
        example = example.replace(former, wanted)
    error_log = f"error_log {tmp_path}/error.log;"
    whole = f"pid {tmp_path}/pid; daemon off; {error_log} events {{}} http {{ access_log off; {example} }}"
    (tmp_path / "nginx.conf").write_text(whole)
    return tmp_path / "nginx.conf"


@needs_nginx
def test_nginx_accepts_its_example(tmp_path: Path) -> None:
    run("nginx", "-t", "-p", tmp_path, "-c", configure(tmp_path))


@needs_nginx
def test_nginx_logs_no_secret_of_a_link(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as ours, socket.create_server(("127.0.0.1", 0)) as upstream:
        port, away = ours.getsockname()[1], upstream.getsockname()[1]
    changes = {
        "listen 443 ssl http2": f"listen 127.0.0.1:{port} ssl http2",
        "listen [::]:443 ssl http2;": "",
        # Where nobody answers, so that there are errors to log.
        "127.0.0.1:8443": f"127.0.0.1:{away}",
    }
    configuration = configure(tmp_path, **changes)
    nginx = subprocess.Popen([shutil.which("nginx") or "", "-p", tmp_path, "-c", configuration])
    try:
        context = ssl.create_default_context(cafile=tmp_path / "cert.pem")
        for path in (f"/s/{SECRET}", f"//s/{SECRET}/a", f"/%73/{SECRET}", f"/a/../s/{SECRET}?limit=5", "/api/health"):
            assert ask(port, context, path) == 502
        assert ask(port, context, f"/s/{SECRET} x") == 400
    finally:
        nginx.send_signal(signal.SIGQUIT)
        assert nginx.wait(PATIENCE) == 0
    access, errors = (tmp_path / "access.log").read_text(), (tmp_path / "error.log").read_text()
    assert access.count(" /s/- ") >= 4
    assert '"GET /api/health HTTP/1.1" 502' in access
    assert "/api/health" in errors
    assert SECRET not in access
    assert SECRET not in errors


def ask(port: int, context: ssl.SSLContext, path: str) -> int:
    """The status of the answer, as soon as somebody answers."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            raw = socket.create_connection(("127.0.0.1", port), PATIENCE)
        except ConnectionRefusedError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            break
    with raw, context.wrap_socket(raw, server_hostname="localhost") as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        return int(connection.recv(12)[9:12])


@pytest.mark.skipif(shutil.which("haproxy") is None, reason="haproxy is not installed (Debian's package haproxy)")
def test_haproxy_accepts_its_example() -> None:
    run("haproxy", "-c", "-f", PROXIES / "haproxy.cfg")


@pytest.mark.skipif(shutil.which("haproxy") is None, reason="haproxy is not installed (Debian's package haproxy)")
def test_haproxy_accepts_its_example_for_several_nodes(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    run(*shlex.split("openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -keyout"), key, "-out", certificate)
    example = (PROXIES / "haproxy-scale.cfg").read_text().replace("/etc/cloudsvc/cert.pem", str(certificate))
    (tmp_path / "haproxy.cfg").write_text(example)
    run("haproxy", "-c", "-f", tmp_path / "haproxy.cfg")
