"""Nodes as containers and as pods: settings that exist, and times that go together."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from cloudsvc.core.structuring import structure
from cloudsvc.observe.metrics import Metrics
from cloudsvc.server.service import LATE_SECONDS
from cloudsvc.settings.model import ServerSettings
from tests.packaging.conftest import ROOT, run
from tests.support import commands

KUBERNETES = ROOT / "deploy/kubernetes"
COMPOSE = ROOT / "docker-compose.scale.yml"
OTHERS = {"kustomization.yaml", "secrets.example.yaml"}
HASH = "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8"
SECRETS = {"database_url": "postgresql://cloudsvc:hush@database/cloudsvc", "access_key": "AKID", "secret_key": "hush"}


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def check_config(home: Path, variables: Mapping[str, str]) -> str:
    """What ``cloudsvc config check`` says of a home, where secrets lie in files of other places."""
    for name, secret in SECRETS.items():
        (home / name).write_text(secret)
    environ: dict[str, Any] = {
        name: str(home / Path(value).name) if name.endswith("_FILE") else value for name, value in variables.items()
    }
    checked = commands.run("config", "check", "--home", home, **environ)
    assert checked.exit_code == 0, checked.output
    return checked.output


@pytest.fixture
def deployment() -> Any:
    return load(KUBERNETES / "deployment.yaml")["spec"]["template"]["spec"]


@pytest.fixture
def configuration() -> Any:
    return json.loads(load(KUBERNETES / "configuration.yaml")["data"]["config.json"])


def test_every_manifest_is_in_the_base() -> None:
    manifests = {path.name for path in KUBERNETES.glob("*.yaml")} - OTHERS
    assert set(load(KUBERNETES / "kustomization.yaml")["resources"]) == manifests


def test_all_manifests_are_about_the_same_pods() -> None:
    labels = load(KUBERNETES / "deployment.yaml")["spec"]["template"]["metadata"]["labels"]
    assert load(KUBERNETES / "deployment.yaml")["spec"]["selector"]["matchLabels"] == labels
    assert load(KUBERNETES / "service.yaml")["spec"]["selector"] == labels
    assert load(KUBERNETES / "disruption.yaml")["spec"]["selector"]["matchLabels"] == labels
    assert load(KUBERNETES / "network.yaml")["spec"]["podSelector"]["matchLabels"] == labels
    target = load(KUBERNETES / "scaling.yaml")["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == ("Deployment", load(KUBERNETES / "deployment.yaml")["metadata"]["name"])


def test_the_configuration_of_pods_is_accepted(deployment: Any, configuration: Any, tmp_path: Path) -> None:
    [container] = deployment["containers"]
    variables = {each["name"]: each.get("value", "pod-1") for each in container["env"]}
    assert commands.run("init", tmp_path).exit_code == 0
    configuration["certificate"] |= {"directory": "certs", "ssl_keyfile": "key.pem", "ssl_certfile": "cert.pem"}
    (tmp_path / "config/config.json").write_text(json.dumps(configuration))
    check_config(tmp_path, {**variables, "API_TOKEN_HASH": HASH})


def test_secrets_that_pods_want_are_those_of_the_example(deployment: Any) -> None:
    example = {
        each["metadata"]["name"]: set(each["stringData"])
        for each in yaml.safe_load_all((KUBERNETES / "secrets.example.yaml").read_text())
    }
    mounted = {each["secret"]["secretName"] for each in deployment["volumes"] if "secret" in each}
    [container] = deployment["containers"]
    references = [each["valueFrom"] for each in container["env"] if "valueFrom" in each]
    keys = [each["secretKeyRef"] for each in references if "secretKeyRef" in each]
    assert mounted | {key["name"] for key in keys} == set(example)
    assert all(key["key"] in example[key["name"]] for key in keys)
    files = {Path(each["value"]).name for each in container["env"] if each["name"].endswith("_FILE")}
    assert files == example["cloudsvc-engines"] == set(SECRETS)


def test_pods_have_no_privileges_and_write_to_volumes_only(deployment: Any) -> None:
    [container] = deployment["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert deployment["securityContext"]["runAsNonRoot"] is True
    assert f"--uid {deployment['securityContext']['runAsUser']} " in (ROOT / "Dockerfile").read_text()


def test_pods_are_given_the_time_that_stopping_takes(deployment: Any, configuration: Any) -> None:
    server = structure(configuration["server"], ServerSettings, path="config.server")
    takes = server.unready_seconds + server.drain_seconds + LATE_SECONDS
    assert deployment["terminationGracePeriodSeconds"] > takes
    probe = deployment["containers"][0]["readinessProbe"]
    assert server.unready_seconds >= probe["failureThreshold"] * probe["periodSeconds"] + probe["timeoutSeconds"]


def test_the_autoscaler_goes_by_a_metric_that_there_is() -> None:
    exposed = Metrics().expose().body.decode()
    for each in load(KUBERNETES / "scaling.yaml")["spec"]["metrics"]:
        assert f"\n{each['pods']['metric']['name']} " in exposed


def test_probes_ask_for_paths_that_there_are(deployment: Any) -> None:
    routes = (ROOT / "cloudsvc/api/system.py").read_text()
    [container] = deployment["containers"]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        path = container[probe]["httpGet"]["path"].removeprefix("/api")
        assert f'@route(app, "GET", "{path}"' in routes


def test_nodes_of_the_compose_file_are_alike_and_accepted(tmp_path: Path) -> None:
    services = load(COMPOSE)["services"]
    one, two = services["one"], services["two"]
    assert one["environment"].pop("CLOUDSVC__NODE__NAME") == "one"
    assert two["environment"].pop("CLOUDSVC__NODE__NAME") == "two"
    assert one["environment"] == two["environment"]
    assert commands.run("init", tmp_path).exit_code == 0
    check_config(tmp_path, one["environment"])
    named = {Path(value).name for name, value in one["environment"].items() if name.endswith("_FILE")}
    assert named == set(one["secrets"])


def test_nodes_of_the_compose_file_are_given_the_time_that_stopping_takes() -> None:
    one = load(COMPOSE)["services"]["one"]
    unready = float(one["environment"]["CLOUDSVC__SERVER__UNREADY_SECONDS"])
    grace = float(one["stop_grace_period"].removesuffix("s"))
    assert grace > unready + ServerSettings().drain_seconds + LATE_SECONDS


def test_the_balancer_knows_all_nodes_of_the_compose_file() -> None:
    balancer = (ROOT / "deploy/proxy/haproxy-scale.cfg").read_text()
    named = re.findall(r"^    server (\w+) (\w+):(\d+)$", balancer, re.MULTILINE)
    nodes = [
        name
        for name, service in load(COMPOSE)["services"].items()
        if "CLOUDSVC__NODE__NAME" in (service.get("environment") or {})
    ]
    assert named == [(name, name, "8443") for name in nodes] * 2
    endpoints = json.loads(load(COMPOSE)["services"]["one"]["environment"]["CLOUDSVC__SERVER__ENDPOINTS"])
    assert endpoints[0] == "cloudsvc:haproxy:tcp:8443"


def test_images_that_mount_directories_of_their_own_have_them() -> None:
    """A volume gets its owner from what the image has at its place."""
    dockerfile = (ROOT / "Dockerfile").read_text()
    for volume in load(COMPOSE)["services"]["one"]["volumes"]:
        assert re.search(
            rf"install --directory --owner cloudsvc .* {re.escape(volume.split(':')[1])}(\s|$)", dockerfile
        )


@pytest.mark.slow
def test_secrets_are_made_once(tmp_path: Path) -> None:
    directory = tmp_path / "secrets"
    run(ROOT / "deploy/scale/make-secrets", directory)
    made = {path.name: path.read_text() for path in directory.iterdir()}
    assert {Path(each["file"]).name for each in load(COMPOSE)["secrets"].values()} == set(made)
    assert made["database_password"] in made["database_url"]
    [identity] = json.loads(made["identities.json"])["identities"]
    assert identity["credentials"] == [{"accessKey": made["access_key"], "secretKey": made["secret_key"]}]
    assert directory.stat().st_mode & 0o077 == 0
    (directory / "secret_key").unlink()
    run(ROOT / "deploy/scale/make-secrets", directory)
    again = {path.name: path.read_text() for path in directory.iterdir()}
    assert {**again, "secret_key": made["secret_key"]} == made
