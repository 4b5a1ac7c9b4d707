"""The examples for a proxy in front are accepted by the proxies they are for."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

import pytest

from tests.packaging.conftest import ROOT, run

pytestmark = pytest.mark.slow

PROXIES = ROOT / "deploy/proxy"


@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed (Debian's package nginx-light)")
def test_nginx_accepts_its_example(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    make = shlex.split("openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -keyout")
    run(*make, key, "-out", certificate)
    example = (PROXIES / "nginx.conf").read_text()
    for name in ("/etc/ssl/cloud.example.org/fullchain.pem", "/var/lib/cloudsvc/certs/cert.pem"):
        example = example.replace(name, str(certificate))
    example = example.replace("/etc/ssl/cloud.example.org/key.pem", str(key))
    whole = f"pid {tmp_path}/pid; error_log stderr; events {{}} http {{ access_log off; {example} }}"
    (tmp_path / "nginx.conf").write_text(whole)
    run("nginx", "-t", "-p", tmp_path, "-c", tmp_path / "nginx.conf")


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
