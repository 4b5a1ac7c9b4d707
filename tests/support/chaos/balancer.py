"""HAProxy in front of the nodes, which passes TLS through and asks each node whether it is ready."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.support.chaos.nodes import Node
from tests.support.external_servers import ToolServer, start_and_stop
from tests.support.required_tools import require_tool

_CONFIG: Final = """
global
    maxconn 500

defaults
    mode tcp
    timeout connect 10s
    timeout client 300s
    timeout server 300s
    timeout check 10s

frontend https
    bind 127.0.0.1:{port}
    default_backend nodes

backend nodes
    option httpchk
    http-check send meth GET uri /api/health/ready hdr Host localhost
    http-check expect status 200
    default-server check check-ssl verify required ca-file {authority} verifyhost localhost check-sni localhost
    default-server inter 1s fall 2 rise 1 on-marked-down shutdown-sessions
{servers}
"""
"""A node that hangs or has gone loses its connections, so that no client waits for it."""


@contextmanager
def run_balancer(directory: Path, nodes: Sequence[Node]) -> Iterator[ToolServer]:
    """A balancer that runs until the context ends."""
    program = require_tool("haproxy", "haproxy")
    file = directory / "haproxy.cfg"
    servers = "\n".join(f"    server {node.name} 127.0.0.1:{node.port}" for node in nodes)

    def list_arguments(port: int) -> list[str]:
        authority = nodes[0].home / "certs" / "cert.pem"
        file.write_text(_CONFIG.format(port=port, authority=authority, servers=servers))
        return [program, "-db", "-f", str(file)]

    with start_and_stop(ToolServer("https", list_arguments, log=directory / "haproxy.log")) as server:
        yield server
