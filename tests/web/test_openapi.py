"""The OpenAPI description is made of what the code says."""

from __future__ import annotations

from typing import Any

import pytest

from cloudsvc.web.openapi import DescribedRoute, describe
from cloudsvc.web.operations import operation_of
from tests.web.applications import Demo


@pytest.fixture(scope="module")
def description() -> dict[str, Any]:
    routes = [
        DescribedRoute(tag="demo", operation=operation_of(Demo.app.endpoints[rule.endpoint]))
        for rule in Demo.app.url_map.iter_rules()
    ]
    return describe(routes, title="demo", version="1", summary="A demonstration.")


def test_every_route_is_described(description: dict[str, Any]) -> None:
    operations = [(path, method) for path, item in description["paths"].items() for method in item]
    assert len(operations) == len(list(Demo.app.url_map.iter_rules()))
    assert ("/api/demo/paths/{name}", "get") in operations


def test_operation_ids_are_unique(description: dict[str, Any]) -> None:
    names = [operation["operationId"] for item in description["paths"].values() for operation in item.values()]
    assert len(names) == len(set(names))


def test_an_operation_says_what_it_takes_and_answers(description: dict[str, Any]) -> None:
    operation = description["paths"]["/api/demo/things"]["post"]
    assert operation["summary"] == "Make a thing"
    assert operation["description"] == "It is not kept."
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/Thing"}
    answer = operation["responses"]["201"]["content"]["application/json"]["schema"]
    assert answer == {"$ref": "#/components/schemas/ThingMessage"}
    assert {"400", "401", "408", "413", "415", "429"} <= set(operation["responses"])
    assert operation["security"] == [{"key": []}, {"bearer": []}]


def test_open_routes_need_no_key(description: dict[str, Any]) -> None:
    operation = description["paths"]["/api/demo/plain"]["get"]
    assert "security" not in operation
    assert "401" not in operation["responses"]


def test_the_handlers_own_errors_are_listed(description: dict[str, Any]) -> None:
    assert description["paths"]["/api/demo/conflict"]["get"]["responses"]["409"]["description"] == "Always."


def test_queries_become_parameters(description: dict[str, Any]) -> None:
    parameters = {each["name"]: each for each in description["paths"]["/api/demo/things"]["get"]["parameters"]}
    assert set(parameters) == {"limit", "tag", "deep"}
    assert parameters["limit"]["schema"]["maximum"] == 100
    assert not parameters["limit"]["required"]


def test_messages_have_the_fields_that_the_codec_adds(description: dict[str, Any]) -> None:
    schema = description["components"]["schemas"]["ThingMessage"]
    assert schema["required"] == ["code", "message", "timestamp", "name", "count"]
    assert schema["properties"]["timestamp"]["format"] == "date-time"


def test_bodies_take_nothing_unknown(description: dict[str, Any]) -> None:
    assert description["components"]["schemas"]["Thing"]["additionalProperties"] is False
