"""A real Prometheus watches a server on PostgreSQL, SeaweedFS and Redis, which are taken away one after the other."""

from __future__ import annotations

import json
import math
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pytest
import yaml
from attrs import define

from tests.live.test_prometheus import SHIPPED, adapt, query, value, watching
from tests.support.drive_servers import DRIVE
from tests.support.external_servers import PATIENT_REDIS, ToolServer, run_redis
from tests.support.hostile_clients import ROOT
from tests.support.lines import Line, run_line
from tests.support.object_stores import KEY, SECRET, ObjectServer, run_seaweedfs
from tests.support.postgresql import GUARDED, PASSWORD, find_cluster
from tests.support.required_tools import require_tool
from tests.support.server import PATIENCE, Server, environment, make_home, program, running, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.seconds(1800)]

WORKERS: Final = 2

REDIS_PASSWORD: Final = "redis-secret-of-tests"

SECRETS: Final = (PASSWORD, quote(PASSWORD, safe=""), SECRET, REDIS_PASSWORD)

DASHBOARD: Final = SHIPPED.parent / "grafana" / "dashboards" / "engines.json"

ALERTS: Final = {
    "CloudsvcBlobsFail",
    "CloudsvcCommitsUnknown",
    "CloudsvcDatabaseConnectionsLost",
    "CloudsvcDatabaseCrowded",
    "CloudsvcDatabaseFails",
    "CloudsvcDatabaseSlow",
    "CloudsvcLimitsStorageAway",
    "CloudsvcLimitsStorageSlow",
    "CloudsvcNoLeader",
    "CloudsvcObjectStoreFails",
    "CloudsvcObjectStoreSlow",
}
"""Those of the engines."""


@define
class Cloud:
    """A server of several workers, and its engines."""

    server: Server
    environ: dict[str, str]
    database: Line
    store: ObjectServer
    redis: ToolServer

    def use(self) -> None:
        """Have every engine do something."""
        server = self.server
        assert server.ask("PUT", "/api/files/a.txt", b"content").status in {201, 204}
        assert server.ask("GET", "/api/files/a.txt").body == b"content"
        assert server.ask("GET", "/api/files").status == 200


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    require_tool("prometheus", "prometheus")
    cluster = find_cluster()
    name = cluster.make_database()
    cluster.ask(f"ALTER DATABASE {name} OWNER TO {GUARDED}")
    for folder in ("store", "redis"):
        (tmp_path / folder).mkdir()
    with (
        run_line(cluster.port) as line,
        run_seaweedfs(tmp_path / "store") as store,
        run_redis(tmp_path / "redis", password=REDIS_PASSWORD) as redis,
    ):
        chosen = store.choose_prefix()
        home, token = make_home(
            tmp_path / "home",
            applications=[DRIVE],
            server={"workers": WORKERS},
            logging={"console": True},
            rate_limit={"rate_limit": "100000/minute"},
            blobs={"url": chosen.url, "endpoint": chosen.endpoint, "path_style": True},
        )
        url = cluster.make_url(name, GUARDED, quote(PASSWORD, safe="")).reveal()
        environ = {
            "PYTHONPATH": str(ROOT),
            "CLOUDSVC__DATABASE__URL": url.replace(f":{cluster.port}/", f":{line.port}/"),
            "CLOUDSVC__BLOBS__ACCESS_KEY": KEY,
            "CLOUDSVC__BLOBS__SECRET_KEY": SECRET,
            "CLOUDSVC__RATE_LIMIT__STORAGE_URI": f"redis://:{REDIS_PASSWORD}@127.0.0.1:{redis.port}/0?{PATIENT_REDIS}",
        }
        with running(home, token, environ=environ) as server:
            yield Cloud(server, environ, line, store, redis)


def panels() -> list[str]:
    """All queries of the dashboard, as Grafana would ask them."""
    found = [target["expr"] for panel in json.loads(DASHBOARD.read_text())["panels"] for target in panel["targets"]]
    return [each.replace("$__rate_interval", "1m").replace("$instance", ".*") for each in found]


def read_alerts() -> dict[str, str]:
    """The expressions of the alerts of engines, by their names."""
    [group] = yaml.safe_load((SHIPPED / "alerts.yml").read_text())["groups"]
    return {rule["alert"]: rule["expr"] for rule in group["rules"] if rule["alert"] in ALERTS}


def list_judged() -> list[str]:
    """What the alerts look at, without what they compare it with."""
    return [re.sub(r"\s(?:==|[<>])\s[\d.]+", "", each) for each in read_alerts().values()]


def has_data(port: int, expression: str) -> bool:
    """Whether there is a series with a number."""
    return any(not math.isnan(float(series["value"][1])) for series in query(port, expression))


def find_statuses(server: Server) -> dict[str, str]:
    """How the checks of the engines are."""
    checks: dict[str, Any] = server.ask("GET", "/api/health/checks").json["checks"]
    return {name: checks[name]["status"] for name in ("database", "blobs", "redis")}


def test_each_panel_and_alert_has_data_and_an_engine_that_goes_is_named_without_secrets(
    cloud: Cloud, tmp_path: Path
) -> None:
    server, alerts = cloud.server, read_alerts()
    assert {*alerts} == ALERTS
    with watching(tmp_path, adapt(tmp_path, server, "5s")) as port:
        asked = [*panels(), *list_judged()]

        def list_empty() -> list[str]:
            cloud.use()
            return [each for each in asked if not has_data(port, each)]

        wait_until(lambda: not list_empty(), lambda: f"there is no data for {list_empty()}")
        # Each worker hears of changes, and would lead; one does.
        for series, expected in (
            ('drive_database_connections{use="listening"}', WORKERS),
            ('drive_database_connections{use="leading"}', WORKERS),
            ("drive_leads", 1),
            ('drive_database_transactions_total{outcome="committed"} >= bool 1', 1),
        ):
            wait_until(lambda: value(port, series) == expected, lambda: f"{series}: {value(port, series)}")  # noqa: B023  # called at once

        def wait_for(alert: str, database: str, blobs: str, redis: str) -> None:
            wait_until(lambda: query(port, alerts[alert]), lambda: f"{alert} is not raised: {server.console}")
            named = {"database": database, "blobs": blobs, "redis": redis}
            wait_until(lambda: find_statuses(server) == named, lambda: str(find_statuses(server)))

        down = ("CloudsvcLimitsStorageAway", "CloudsvcBlobsFail", "CloudsvcDatabaseFails")
        wait_until(lambda: not any(query(port, alerts[name]) for name in down), lambda: server.console)
        cloud.redis.stop()
        wait_for("CloudsvcLimitsStorageAway", "healthy", "healthy", "degraded")
        cloud.store.process.stop()
        wait_for("CloudsvcBlobsFail", "healthy", "unhealthy", "degraded")
        assert server.ask("GET", "/api/files").status == 200
        assert server.ask("GET", "/api/files/a.txt").status == 503
        cloud.database.stop()
        wait_for("CloudsvcDatabaseFails", "unhealthy", "unhealthy", "degraded")
        for method, body in (("GET", None), ("PUT", b"more")):
            answer = server.ask(method, "/api/files/a.txt", body)
            assert (answer.status, answer.json["error"]) == (503, "storage_failed")
        told = [
            server.log(),
            server.console,
            *(server.ask("GET", f"/api/{path}").body.decode() for path in ("health", "health/checks", "metrics")),
            show_config(cloud),
        ]
    assert [secret for secret in SECRETS if any(secret in text for text in told)] == []


def show_config(cloud: Cloud) -> str:
    """All that ``cloudsvc config show`` says."""
    done = subprocess.run(
        [program("cloudsvc"), "--home", str(cloud.server.home), "config", "show"],
        env=environment(cloud.environ),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    assert "********" in done.stdout
    return done.stdout + done.stderr
