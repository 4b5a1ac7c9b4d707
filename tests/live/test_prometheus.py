"""A real Prometheus, with the configuration that we ship, watches a real server."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import yaml

from tests.support.external_servers import accepts, find_free_port
from tests.support.required_tools import require_tool
from tests.support.server import PATIENCE, Server, make_home, running, wait_until

SHIPPED = Path(__file__).parents[2] / "monitoring" / "prometheus"


def adapt(directory: Path, server: Server, every: str = "3s") -> Path:
    """
    The shipped configuration, which scrapes ``server`` more often.

    :param every: is also the time that the server has for an answer. Where it takes longer, all values are gone.
    """
    config = yaml.safe_load((SHIPPED / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": every, "scrape_timeout": every, "evaluation_interval": every}
    config["rule_files"] = [str(SHIPPED / name) for name in config["rule_files"]]
    (job,) = config["scrape_configs"]
    job["tls_config"]["ca_file"] = str(server.certificate)
    job["authorization"] = {"credentials_file": str(directory / "key")}
    job["static_configs"] = [{"targets": [f"127.0.0.1:{server.port}"]}]
    (directory / "key").write_text(server.token)
    path = directory / "prometheus.yml"
    path.write_text(yaml.safe_dump(config))
    return path


@contextmanager
def watching(directory: Path, config: Path) -> Iterator[int]:
    """The port of a Prometheus with this configuration."""
    port = find_free_port()
    command = [
        require_tool("prometheus", "prometheus"),
        f"--config.file={config}",
        f"--storage.tsdb.path={directory / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    ]
    with (directory / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            wait_until(lambda: accepts(port) and get(port, "/-/ready")[0] == 200, (directory / "log").read_text)
            yield port
        finally:
            process.terminate()
            process.wait(PATIENCE)


def get(port: int, path: str) -> tuple[int, bytes]:
    """What Prometheus answers: a status and a body."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as connection:
        connection.request("GET", path)
        with connection.getresponse() as response:
            return response.status, response.read()


def query(port: int, expression: str) -> list[dict[str, Any]]:
    """The series that Prometheus finds."""
    _, body = get(port, "/api/v1/query?" + urlencode({"query": expression}))
    found: list[dict[str, Any]] = json.loads(body)["data"]["result"]
    return found


def value(port: int, expression: str) -> float | None:
    series = query(port, expression)
    return float(series[0]["value"][1]) if series else None


def test_prometheus_reads_back_what_the_server_counts(tmp_path: Path) -> None:
    require_tool("prometheus", "prometheus")
    home, token = make_home(tmp_path / "home", metrics={"require_key": True})
    with running(home, token) as server:
        for key in (True, False, True):
            server.ask("GET", "/api/login", key=key)
        config = adapt(tmp_path, server)
        subprocess.run(
            [require_tool("promtool", "prometheus"), "check", "config", config], check=True, timeout=PATIENCE
        )
        with watching(tmp_path, config) as port:
            wait_until(lambda: value(port, 'up{job="cloudsvc"}') == 1, lambda: str(query(port, "up")))
            assert value(port, "token_configured") == 1
            assert value(port, 'http_requests_total{handler="/api/login",method="GET",status="200"}') == 2
            assert value(port, 'auth_failure_total{reason="missing"}') == 1
            assert value(port, 'http_request_duration_seconds_count{handler="/api/login"}') == 3
            left = value(port, "certificate_not_after_seconds - time()")
            assert left is not None
            assert 364 < left / 86400 <= 365
            wait_until(lambda: (value(port, "reactor_lag_seconds_count") or 0) > 0, lambda: "no lag was sampled")
            assert value(port, 'count(ALERTS{alertstate="firing"})') is None
            assert server.stop() == 0
            wait_until(lambda: value(port, 'up{job="cloudsvc"}') == 0, lambda: str(query(port, "up")))
            wait_until(
                lambda: query(port, 'ALERTS{alertname="CloudsvcDown",alertstate="pending"}'), lambda: "nobody is told"
            )
