"""Parsing of endpoint descriptions."""

from __future__ import annotations

import pytest

from cloudsvc.core.endpoints import Listener, find_listener


@pytest.mark.parametrize(
    ("description", "host", "port", "proxied"),
    [
        ("cloudsvc:tcp:443", "", 443, False),
        ("cloudsvc:tcp:port=8443:backlog=9", "", 8443, False),
        ("cloudsvc:tcp:443:interface=127.0.0.1:backlog=9", "127.0.0.1", 443, False),
        (r"cloudsvc:tcp:443:backlog=9:interface=\:\:1", "::1", 443, False),
        (r"cloudsvc:haproxy:tcp:8443:interface=\:\:", "::", 8443, True),
    ],
)
def test_where_to_ask_for_tls(description: str, host: str, port: int, *, proxied: bool) -> None:
    expected = Listener(host=host, port=port, proxied=proxied)
    assert find_listener(["tcp:80", "cloudsvc:unix:/run/x", description, "cloudsvc:tcp:1"]) == expected


@pytest.mark.parametrize(
    "description", ["tcp:443", "cloudsvc:unix:/cloudsvc\\:tcp\\:1", "cloudsvc:systemd:domain=INET:index=0"]
)
def test_where_there_is_nobody_to_ask(description: str) -> None:
    assert find_listener([description]) is None
