"""Two nodes that serve one drive behind HAProxy, each with a home of its own and a line to the database to be cut."""

from __future__ import annotations

import csv
import shutil
import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from attrs import define, field

from tests.support.chaos.application import NAME as FEED
from tests.support.external_servers import PATIENT_REDIS, ToolServer, find_free_port, run_redis, start_and_stop
from tests.support.hostile_clients import ROOT
from tests.support.lines import Fault, Line, run_line
from tests.support.object_stores import run_seaweedfs
from tests.support.postgresql import find_cluster
from tests.support.required_tools import require_tool
from tests.support.server import Reply, Server, make_home, running, wait_until, write_config

NAMES: Final = ("one", "two")

UNREADY_SECONDS: Final = 30.0
"""Many times what HAProxy takes to notice here, where it asks every five seconds, and again soon after a refusal."""


@define(eq=False)
class Node:
    """
    One of them.

    :ivar line: its way to the database.
    :ivar server: asked by nobody but HAProxy, for it wants the PROXY protocol.
    """

    name: str
    home: Path
    port: int
    line: Line
    token: str
    _stack: ExitStack = field(factory=ExitStack)
    _server: Server | None = None

    @property
    def server(self) -> Server:
        assert self._server is not None
        return self._server

    def start(self) -> None:
        """Return when it accepts connections."""
        endpoint = f"cloudsvc:haproxy:tcp:{self.port}:interface=127.0.0.1"
        self._server = self._stack.enter_context(running(self.home, self.token, "--endpoint", endpoint))

    def forget(self) -> None:
        """It has ended, or ends now. Asked twice, it does not wait until balancers have noticed."""
        if self._server is not None and self._server.process.poll() is None:
            self._server.process.send_signal(signal.SIGTERM)
        self._stack.close()
        self._server = None

    def has_answered(self, reply: Reply) -> bool:
        """Whether this node has; its log says so, and that it is this one's."""
        name = f"request_id={reply.headers['X-Request-ID']} node={self.name}\n"
        return name in self.server.log()


@define(eq=False)
class Installation:
    """Both nodes, and the balancer in front."""

    nodes: tuple[Node, Node]
    balancer: ToolServer
    control: Path

    @property
    def front(self) -> Server:
        """What clients see: the balancer, by the certificate that both nodes have."""
        node = self.nodes[0]
        return Server(node.home, _NoProcess(), node.token, self.balancer.port)

    def ask(self, method: str, path: str, body: Any = None) -> Reply:
        """One request on a connection of its own, to whichever node gets it."""
        return self.front.ask(method, path, body)

    def list_up(self, backend: str) -> set[str]:
        """The nodes that new connections are brought to; of one that has failed once the balancer says "UP 1/2"."""
        with socket.socket(socket.AF_UNIX) as channel:
            channel.settimeout(100)
            channel.connect(str(self.control))
            channel.sendall(b"show stat\n")
            with channel.makefile() as answer:
                rows = csv.DictReader(answer.read().removeprefix("# ").splitlines())
        return {
            row["svname"]
            for row in rows
            if row["pxname"] == backend and row["svname"] in NAMES and row["status"].startswith("UP")
        }

    def wait_for(self, backend: str, names: Sequence[str]) -> None:
        """Return once the balancer knows of exactly these."""
        wait_until(
            lambda: self.list_up(backend) == set(names), lambda: f"{backend} has {self.list_up(backend)}, not {names}"
        )


class _NoProcess:
    """Nobody asks a balancer for it."""

    pid = 0

    def poll(self) -> int | None:
        return None

    def send_signal(self, sig: int, /) -> None:
        raise AssertionError

    def wait(self, timeout: float | None = None) -> int:
        raise AssertionError

    def kill(self) -> None:
        raise AssertionError


@contextmanager
def run_nodes(directory: Path) -> Iterator[Installation]:
    """Both of them, on a database, a bucket and a Redis server of their own, healthy in the eyes of the balancer."""
    cluster = find_cluster()
    database = cluster.make_database()
    for name in ("store", "redis"):
        (directory / name).mkdir()
    with ExitStack() as stack:
        store = stack.enter_context(run_seaweedfs(directory / "store"))
        redis = stack.enter_context(run_redis(directory / "redis"))
        bucket = store.choose_prefix()
        assert bucket.access_key is not None
        assert bucket.secret_key is not None
        nodes = []
        for name in NAMES:
            line = stack.enter_context(run_line(cluster.port))
            home, token = make_home(directory / name)
            url = cluster.make_url(database).reveal().replace(f":{cluster.port}/", f":{line.port}/")
            write_config(
                home,
                server={"unready_seconds": UNREADY_SECONDS},
                node={"name": name},
                applications=["drive", FEED],
                certificate={"directory": str(directory / NAMES[0] / "certs")},
                rate_limit={
                    "rate_limit": "20/hour",
                    "transfer_limit": "1000000/minute",
                    "storage_uri": f"{redis.uri}/0?{PATIENT_REDIS}",
                },
                database={"url": url},
                blobs={
                    "url": bucket.url,
                    "endpoint": bucket.endpoint,
                    "path_style": True,
                    "access_key": bucket.access_key.reveal(),
                    "secret_key": bucket.secret_key.reveal(),
                },
                logging={"console": False},
                # Nobody is unhealthy here for being slow.
                health={"timeout_seconds": 60, "reactor_lag_seconds": 60},
            )
            nodes.append(Node(name=name, home=home, port=find_free_port(), line=line, token=token))
        one, two = nodes
        # What is the same for all: the certificate is, by the settings, and the token.
        shutil.copy(one.home / ".env", two.home / ".env")
        two.token = one.token
        for node in nodes:
            stack.callback(node.forget)
            node.start()
        installation = stack.enter_context(run_balancer((one, two), one.home / "certs" / "cert.pem"))
        installation.wait_for("healthy", NAMES)
        installation.wait_for("ready", NAMES)
        yield installation


@contextmanager
def run_balancer(nodes: tuple[Node, Node], certificate: Path) -> Iterator[Installation]:
    """HAProxy in front of ``nodes``, which it verifies by ``certificate``. What it knows at first is a guess."""
    program = require_tool("haproxy", "haproxy")
    port = find_free_port()
    directory = nodes[0].home.parent
    control, configuration = directory / f"control-{port}", directory / f"haproxy-{port}.cfg"
    configuration.write_text(_adapt(nodes, port, control, certificate))
    balancer = ToolServer("https", lambda _: [program, "-db", "-f", str(configuration)], port)
    with start_and_stop(balancer):
        yield Installation(nodes, balancer, control)


def _adapt(nodes: Sequence[Node], port: int, control: Path, certificate: Path) -> str:
    """
    The configuration of the repository for this machine: addresses, files, and questions more often.

    :param certificate: by which nodes are verified.
    """
    text = (ROOT / "deploy/proxy/haproxy-scale.cfg").read_text()
    values = {
        "bind :443": f"bind 127.0.0.1:{port}",
        "    bind :::443 v6only\n": "",
        "/etc/cloudsvc/cert.pem": str(certificate),
        # The first of them also bounds the handshake of TLS, which takes a while on a busy machine.
        "inter 3s fastinter 2s downinter 1s": "inter 5s fastinter 200ms downinter 200ms",
        "timeout check 5s": "timeout check 100s",
        "maxconn 20000": f"maxconn 1000\n    stats socket {control} mode 600 level operator",
    } | {f"{node.name}:8443": f"127.0.0.1:{node.port}" for node in nodes}
    for former, new in values.items():
        assert former in text, former
        text = text.replace(former, new)
    return text


def lose(_: bytes) -> Fault:
    """What a line does that is cut for now."""
    return Fault.LOST


def keep(_: bytes) -> Fault:
    """What a line does that is whole."""
    return Fault.NONE
