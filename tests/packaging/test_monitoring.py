"""Dashboards and alerts ask for what the server exposes, in queries that Prometheus understands."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from attrs import evolve
from prometheus_client.parser import text_string_to_metric_families

from cloudsvc.core.secrets import Secret
from cloudsvc.drive.settings import StorageSettings
from cloudsvc.extend import Tools
from cloudsvc.observe.metrics import Metrics
from cloudsvc.server.drive import DriveProvider
from cloudsvc.server.provider import Foundation
from cloudsvc.server.webhooks import WebhookProvider
from cloudsvc.storage.blobs.objects import ObjectStoreSettings
from cloudsvc.storage.engines import Engines
from cloudsvc.webhooks.settings import WebhookSettings

MONITORING = Path(__file__).parents[2] / "monitoring"
PROMETHEUS = MONITORING / "prometheus"
DASHBOARDS = sorted((MONITORING / "grafana" / "dashboards").glob("*.json"))

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_LABELS = re.compile(r"\{([^{}]*)\}|\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^()]*)\)")
_WORD = re.compile(r"(?<![\w.$])[a-zA-Z_:][\w:]*")
_NAME = re.compile(r"(?<![\w.$])[a-zA-Z_:][\w:]*(?!\s*\(|[\w:])")
_OPERATORS = {"by", "without", "and", "or", "unless", "on", "ignoring", "group_left", "group_right", "offset", "bool"}


def load(path: Path) -> Any:
    text = path.read_text()
    return json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)


def panels(dashboard: Path) -> Iterator[dict[str, Any]]:
    yield from load(dashboard)["panels"]


def queries(dashboard: Path) -> Iterator[str]:
    for panel in panels(dashboard):
        yield from (target["expr"] for target in panel["targets"])
    yield from (annotation["expr"] for annotation in load(dashboard)["annotations"]["list"])


def alerts() -> Iterator[dict[str, Any]]:
    for group in load(PROMETHEUS / "alerts.yml")["groups"]:
        yield from group["rules"]


def every_query() -> list[str]:
    return [alert["expr"] for alert in alerts()] + [query for path in DASHBOARDS for query in queries(path)]


def names_and_labels(query: str) -> tuple[set[str], set[str]]:
    """The metrics and the labels that ``query`` speaks of."""
    bare = _STRING.sub('""', query)
    labels = {word for match in _LABELS.finditer(bare) for word in _WORD.findall(match[1] or match[2] or "")}
    rest = re.sub(r"\[[^\]]*\]", "", _LABELS.sub(" ", bare))
    return set(_NAME.findall(rest)) - _OPERATORS, labels


EVERYTHING = Engines(
    database=Secret("postgresql://localhost/cloud"), bucket=ObjectStoreSettings(bucket="photos", prefix="")
)
"""With all that a drive can tell of."""


def exposed() -> tuple[set[str], set[str]]:
    """The names of all series and of all their labels, as a scrape sees them."""
    metrics = Metrics()
    metrics.http.departed(b"GET", "/api/login", 200, 0.1)
    metrics.limits.exceeded("/api/login")
    metrics.health_checked("disk", ok=True)
    nothing: Any = None
    foundation = Foundation(
        reactor=nothing,
        home=nothing,
        engines=EVERYTHING,
        keys=nothing,
        keychain=nothing,
        throttle=None,
        running=nothing,
        names=nothing,
    )
    DriveProvider(
        StorageSettings(),
        lend(metrics),
        foundation,
    )
    WebhookProvider(
        WebhookSettings(), evolve(lend(metrics), instruments=metrics.instruments_for("webhooks")), foundation
    )
    families = list(text_string_to_metric_families(metrics.expose().body.decode()))
    samples = [sample for family in families for sample in family.samples]
    return {sample.name for sample in samples} | {"up", "ALERTS"}, {
        label for sample in samples for label in sample.labels
    } | {"job", "instance"}


def lend(metrics: Metrics) -> Tools:
    """What an application needs that is only made, not started."""
    nothing: Any = None
    return Tools(
        clock=nothing,
        now=lambda: 0.0,
        threads=nothing,
        make_threads=lambda most: nothing,
        processes=nothing,
        instruments=metrics.instruments_for("drive"),
        data=Path(),
    )


def promtool(*arguments: str, cwd: Path = PROMETHEUS, given: bytes = b"") -> None:
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("promtool is not installed (Debian: prometheus)")
    done = subprocess.run([program, *arguments], cwd=cwd, input=given, capture_output=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr).decode()


def test_names_and_labels_are_found_in_a_query() -> None:
    query = (
        'histogram_quantile(0.9, sum by (le, path) (rate(a_bucket{x="y {z}",w=~"$v"}[$__rate_interval])))'
        " / on (b) c or vector(0) > 1.5e3"
    )
    assert names_and_labels(query) == ({"a_bucket", "c"}, {"le", "path", "x", "w", "b"})


@pytest.mark.parametrize("query", every_query())
def test_queries_ask_for_what_the_server_exposes(query: str) -> None:
    names, labels = names_and_labels(query)
    known_names, known_labels = exposed()
    assert names
    assert names <= known_names
    assert labels <= known_labels


def test_every_dashboard_is_there() -> None:
    assert [path.stem for path in DASHBOARDS] == ["authentication", "engines", "health", "rate_limiting_and_http"]
    assert len({load(path)["uid"] for path in DASHBOARDS}) == len(DASHBOARDS)


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda path: path.stem)
def test_the_panels_of_a_dashboard_are_in_order(dashboard: Path) -> None:
    found = list(panels(dashboard))
    assert len({panel["id"] for panel in found}) == len(found)
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in found)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(cells)) == len(cells), "panels overlap"
    assert max(x for x, _ in cells) < 24
    assert all(panel["title"] and panel["description"] for panel in found)


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda path: path.stem)
def test_a_dashboard_reads_from_the_provisioned_source(dashboard: Path) -> None:
    [source] = load(MONITORING / "grafana/provisioning/datasources/prometheus.yml")["datasources"]
    text = dashboard.read_text()
    assert set(re.findall(r'"uid": "([^"]+)"', text)) == {source["uid"], load(dashboard)["uid"]}
    assert all(panel["datasource"]["uid"] == source["uid"] for panel in panels(dashboard))


def test_grafana_finds_the_dashboards_where_compose_mounts_them() -> None:
    [provider] = load(MONITORING / "grafana/provisioning/dashboards/cloudsvc.yml")["providers"]
    services = load(MONITORING.parent / "docker-compose.yml")["services"]
    assert f"./monitoring/grafana/dashboards:{provider['options']['path']}:ro" in services["grafana"]["volumes"]
    [source] = load(MONITORING / "grafana/provisioning/datasources/prometheus.yml")["datasources"]
    assert source["url"] == "http://prometheus:9090"
    assert "prometheus" in services


def test_prometheus_scrapes_the_server_of_the_compose_file_and_verifies_it() -> None:
    [job] = load(PROMETHEUS / "prometheus.yml")["scrape_configs"]
    services = load(MONITORING.parent / "docker-compose.yml")["services"]
    assert job["scheme"] == "https"
    assert job["metrics_path"] == "/api/metrics"
    assert set(job["tls_config"]) == {"ca_file", "server_name"}
    [target] = job["static_configs"][0]["targets"]
    assert target.removesuffix(":443") in services
    directory = str(Path(job["tls_config"]["ca_file"]).parent)
    assert any(volume.split(":")[1] == directory for volume in services["prometheus"]["volumes"])


def test_the_compose_file_is_for_the_compose_of_debian_12_too() -> None:
    """It knows no ``name:``, so volumes say what they are called, whatever the directory is."""
    compose = load(MONITORING.parent / "docker-compose.yml")
    assert {key for key in compose if not key.startswith("x-")} == {"services", "volumes"}
    assert {volume: options["name"] for volume, options in compose["volumes"].items()} == {
        volume: f"cloudsvc_{volume}" for volume in compose["volumes"]
    }


def test_every_alert_says_what_to_do() -> None:
    described = list(alerts())
    assert described
    for alert in described:
        assert alert["labels"]["severity"] in {"warning", "critical"}
        assert alert["annotations"]["summary"]
        assert len(alert["annotations"]["description"]) > 80


def test_prometheus_accepts_its_configuration() -> None:
    promtool("check", "config", "prometheus.yml")


def test_alerts_fire_when_they_should_and_only_then() -> None:
    promtool("test", "rules", "alerts_test.yml")


def test_prometheus_understands_every_query_of_the_dashboards(tmp_path: Path) -> None:
    rules = [
        {
            "record": f"query:{number}",
            "expr": query.replace("$__rate_interval", "5m").replace("$instance", ".*"),
        }
        for number, query in enumerate(query for path in DASHBOARDS for query in queries(path))
    ]
    assert rules
    (tmp_path / "queries.yml").write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))
    promtool("check", "rules", "--lint=none", "queries.yml", cwd=tmp_path)


def test_prometheus_accepts_the_form_of_the_metrics() -> None:
    promtool("check", "metrics", given=Metrics().expose().body)
