"""The OpenAPI description is made of what the code says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from attrs import frozen
from klein import Klein
from openapi_spec_validator import OpenAPIV31SpecValidator

from cloudsvc.access.credentials import BearerToken, KeyHeader
from cloudsvc.access.throttling import FixedWindowStore, Throttle
from cloudsvc.core.rates import parse_rate
from cloudsvc.web.guards import authorized
from cloudsvc.web.http1.request import Request
from cloudsvc.web.openapi.description import BINARY, DescribedRoute, describe
from cloudsvc.web.operations import operation_of
from cloudsvc.web.responses import Message, Reply, Response
from cloudsvc.web.routes import accepts_json, route
from tests.support.site import NOW, TOKEN, TestSite
from tests.support.web_routes import Demo

SECURITY = {source.name: source.scheme for source in (KeyHeader, BearerToken)}
CHANNEL = {"400", "408", "414", "417", "431", "500"}
"""What any request may meet, whatever its route."""


def describe_apps(**apps: Klein) -> dict[str, Any]:
    routes = [
        DescribedRoute(tag=tag, path=f"/api{rule.rule}", operation=operation_of(app.endpoints[rule.endpoint]))
        for tag, app in apps.items()
        for rule in app.url_map.iter_rules()
    ]
    described = describe(
        routes,
        title="demo",
        version="1",
        summary="A demonstration.",
        tags={"demo": "Shows things."},
        media_type="application/json",
        security=SECURITY,
    )
    as_served: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(described))
    return as_served


@pytest.fixture(scope="module")
def description() -> dict[str, Any]:
    return describe_apps(demo=Demo.app)


def test_the_description_is_openapi(description: dict[str, Any]) -> None:
    assert list(OpenAPIV31SpecValidator(description).iter_errors()) == []


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
    assert set(operation["responses"]) == {"201", "401", "413", "415", "429", "503", *CHANNEL}
    assert operation["security"] == [{"key": []}, {"bearer": []}]


def test_open_routes_need_no_key(description: dict[str, Any]) -> None:
    operation = description["paths"]["/api/demo/plain"]["get"]
    assert operation["security"] == []
    assert set(operation["responses"]) == {"200", *CHANNEL}


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


def test_groups_say_what_they_are_for(description: dict[str, Any]) -> None:
    assert description["tags"] == [{"name": "demo", "description": "Shows things."}]


def test_fields_are_described_by_the_docstring(description: dict[str, Any]) -> None:
    properties = description["components"]["schemas"]["ErrorMessage"]["properties"]
    assert properties["error"]["description"] == "Stable and machine-readable; clients branch on it."
    assert properties["message"]["description"] == "One sentence for people."


def test_queries_are_no_schemas(description: dict[str, Any]) -> None:
    assert "Page" not in description["components"]["schemas"]


def test_variables_may_be_refused(description: dict[str, Any]) -> None:
    operation = description["paths"]["/api/demo/paths/{name}"]["get"]
    assert operation["responses"]["404"] == {"$ref": "#/components/responses/NotFound"}
    (parameter,) = operation["parameters"]
    assert (parameter["name"], parameter["in"], parameter["required"]) == ("name", "path", True)


def test_refusals_carry_the_headers_that_are_described(
    description: dict[str, Any], make_site: Callable[..., TestSite]
) -> None:
    rates = {"api": parse_rate("1/minute"), "failure": parse_rate("10/minute")}
    throttle = Throttle(FixedWindowStore(now=lambda: NOW), rates, "allow")
    site = make_site(throttle=throttle)
    head = b"GET /api/demo/key HTTP/1.1\r\nHost: localhost\r\n"
    key = b"X-API-Key: " + TOKEN.encode() + b"\r\n"
    answers = [site.ask(head + credentials + b"\r\n") for credentials in (b"", key, key)]
    assert [answer.status for answer in answers] == [401, 200, 429]
    for answer, name in ((answers[0], "Unauthenticated"), (answers[2], "TooMany")):
        described = description["components"]["responses"][name]
        assert set(described["headers"]) <= set(description["components"]["headers"])
        assert all(field in answer.headers for field in described["headers"])
        schema = description["components"]["schemas"]["ErrorMessage"]
        assert set(answer.json) == set(schema["properties"])


def test_answers_have_the_header_fields_that_the_route_names() -> None:
    app = Klein()

    @route(
        app,
        "GET",
        "/noted",
        response_headers={200: {"ETag": "The entity tag."}, 409: {"X-Other": "The other."}},
        errors={409: "Another is there."},
    )
    async def note(self: object, request: Request) -> Message:
        return Message(message="noted")

    responses = describe_apps(noted=app)["paths"]["/api/noted"]["get"]["responses"]
    assert responses["200"]["headers"] == {"ETag": {"description": "The entity tag.", "schema": {"type": "string"}}}
    assert [*responses["409"]["headers"]] == ["X-Other"]


@frozen(kw_only=True)
class Inner:
    """Part of a body."""

    text: str


@frozen(kw_only=True)
class Outer:
    """A body with parts."""

    parts: list[Inner]


class First:
    """An application."""

    app = Klein()

    @frozen(kw_only=True)
    class Note(Message):
        """Of the first."""

    @route(app, "GET", "/first", answers={500: "All is lost."}, errors={401: "Today a key is wanted."})
    async def get(self, request: Request) -> Reply[First.Note]:
        """Answer in two ways."""
        raise NotImplementedError

    @route(app, "PUT", "/first")
    @accepts_json(Outer)
    async def put(self, request: Request, body: Outer) -> Message:
        """Take parts."""
        raise NotImplementedError

    @route(app, "GET", "/file", produces={"text/plain": {"type": "string"}}, answers={304: "Not changed."})
    async def file(self, request: Request) -> Response:
        """Give a file."""
        raise NotImplementedError


class Second:
    """Another one, whose names are the same."""

    app = Klein()

    @frozen(kw_only=True)
    class Note(Message):
        """Of the second."""

    @route(app, ("GET", "DELETE"), "/second")
    @authorized("second")
    async def get(self, request: Request) -> Second.Note:
        """Answer."""
        raise NotImplementedError


@pytest.fixture(scope="module")
def pair() -> dict[str, Any]:
    return describe_apps(first=First.app, second=Second.app)


def test_applications_may_use_the_same_names(pair: dict[str, Any]) -> None:
    assert list(OpenAPIV31SpecValidator(pair).iter_errors()) == []
    assert pair["paths"]["/api/first"]["get"]["operationId"] == "first_get"
    assert pair["paths"]["/api/second"]["delete"]["operationId"] == "second_get_delete"
    schema = pair["paths"]["/api/second"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    name = schema["$ref"].rpartition("/")[2]
    assert pair["components"]["schemas"][name]["description"] == "Of the second."


def test_a_status_may_be_an_answer_and_a_refusal(pair: dict[str, Any]) -> None:
    response = pair["paths"]["/api/first"]["get"]["responses"]["500"]
    assert response["description"].startswith("All is lost. Or: ")
    note, error = response["content"]["application/json"]["schema"]["anyOf"]
    assert "Note" in note["$ref"]
    assert error == {"$ref": "#/components/schemas/ErrorMessage"}


def test_what_linters_want_of_a_description(description: dict[str, Any], pair: dict[str, Any]) -> None:
    """Those of Redocly and Spectral, without installing them: their rules that this could break."""
    for document in (description, pair):
        assert document["info"]["license"]["identifier"] == "MIT"
        assert [server["url"] for server in document["servers"]] == ["/"]
        assert all(tag["description"] for tag in document["tags"] if tag["name"] == "demo")
        for item in document["paths"].values():
            for operation in item.values():
                assert isinstance(operation["security"], list)
                assert operation["summary"]
                assert any(status.startswith("2") for status in operation["responses"])
                assert any(status.startswith("4") for status in operation["responses"])
                names = [(parameter["in"], parameter["name"]) for parameter in operation.get("parameters", ())]
                assert len(names) == len(set(names))


def list_contents(document: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Each media type of a body or an answer, and its schema."""
    for item in document["paths"].values():
        for operation in item.values():
            for part in (operation.get("requestBody", {}), *operation["responses"].values()):
                for media, content in part.get("content", {}).items():
                    yield media, content.get("schema")


def test_whatever_is_sent_has_a_schema(description: dict[str, Any], pair: dict[str, Any]) -> None:
    """Of a body without one, generated clients send nothing, or two bytes of JSON."""
    for media, schema in [*list_contents(description), *list_contents(pair)]:
        assert "*" not in media
        assert schema


def test_bytes_are_binary_and_have_to_be_there(description: dict[str, Any]) -> None:
    body = description["paths"]["/api/demo/upload"]["put"]["requestBody"]
    assert body == {"required": True, "content": {"application/octet-stream": {"schema": dict(BINARY)}}}


def test_a_key_may_be_asked_for_by_the_handler(pair: dict[str, Any]) -> None:
    operation = pair["paths"]["/api/first"]["get"]
    assert operation["security"] == [{}, {"key": []}, {"bearer": []}]
    assert "WWW-Authenticate" in operation["responses"]["401"]["headers"]


def test_not_modified_has_no_content(pair: dict[str, Any]) -> None:
    assert pair["paths"]["/api/file"]["get"]["responses"]["304"] == {"description": "Not changed."}


def test_scopes_are_named(pair: dict[str, Any]) -> None:
    responses = pair["paths"]["/api/second"]["get"]["responses"]
    assert responses["403"]["description"] == "The key lacks the scope `second`."


def test_parts_of_bodies_take_nothing_unknown(pair: dict[str, Any]) -> None:
    assert pair["components"]["schemas"]["Inner"]["additionalProperties"] is False
    assert "additionalProperties" not in pair["components"]["schemas"]["ErrorMessage"]


def test_messages_have_the_configured_media_type() -> None:
    routes = [DescribedRoute(tag="first", path="/api/first", operation=operation_of(First.app.endpoints["get"]))]
    document = describe(
        routes, title="t", version="1", summary="s", media_type="application/vnd.demo+json", security=SECURITY
    )
    responses = document["paths"]["/api/first"]["get"]["responses"]
    assert list(responses["200"]["content"]) == ["application/vnd.demo+json"]
    assert list(responses["401"]["content"]) == ["application/vnd.demo+json", "application/problem+json"]
