"""Routes: registration, and the parsing of what they take."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from klein import Klein

from cloudsvc.core.errors import CloudError
from cloudsvc.web.http1.request import Request
from cloudsvc.web.json_bodies import MAX_JSON_DEPTH, parse_json
from cloudsvc.web.mounts import path_template
from cloudsvc.web.operations import operation_of
from cloudsvc.web.queries import parse_query
from cloudsvc.web.responses import Message
from cloudsvc.web.routes import route
from tests.support.site import TOKEN, TestSite
from tests.support.web_routes import Demo, Page, Thing


def post(site: TestSite, body: bytes, *lines: str) -> tuple[int, dict[str, Any]]:
    head = "".join(f"{line}\r\n" for line in (f"X-API-Key: {TOKEN}", f"Content-Length: {len(body)}", *lines))
    answer = site.ask(f"POST /api/demo/things HTTP/1.1\r\nHost: a\r\n{head}\r\n".encode() + body)
    return answer.status, answer.json


class TestRegistration:
    def test_two_routes_of_one_name_are_refused(self) -> None:
        app = Klein()

        @route(app, "GET", "/a")
        async def same(self: object, request: Request) -> Message:
            """A."""
            raise NotImplementedError

        with pytest.raises(ValueError, match="same"):
            route(app, "GET", "/b")(same)

    def test_decorators_note_what_they_do(self) -> None:
        operation = operation_of(Demo.make)
        assert (operation.path, operation.methods, operation.status) == ("/demo/things", ("POST",), 201)
        assert (operation.scope, operation.throttle, operation.body) == ("", None, Thing)
        assert (operation.summary, operation.description) == ("Make a thing", "It is not kept.")

    def test_klein_hands_the_notes_on(self) -> None:
        assert operation_of(Demo.app.endpoints["key"]).throttle == "api"

    @pytest.mark.parametrize(
        ("pattern", "template"),
        [("/a", "/a"), ("/api/a/<path:b>/c", "/api/a/{b}/c"), ("/<string(length=2):x>/<y>", "/{x}/{y}")],
    )
    def test_patterns_become_templates(self, pattern: str, template: str) -> None:
        assert path_template(pattern) == template


class TestJSON:
    def test_what_fits_is_passed(self, site: TestSite) -> None:
        assert post(site, b'{"name": "a"}', "Content-Type: application/json; charset=utf-8")[0] == 201

    @pytest.mark.parametrize(
        ("body", "error", "texts"),
        [
            (b"", "bad_json", []),
            (b"{", "bad_json", []),
            (b"\xff", "bad_json", []),
            (b'{"name": "\xff"}', "bad_json", []),
            (b'{"name": "a"} x', "bad_json", []),
            (b"[]", "invalid_body", ["body"]),
            (b'{"name": 5, "count": "3", "nmae": 1}', "invalid_body", ["body.name", "body.count", "nmae"]),
            (b'{"name": ""}', "invalid_body", ["body.name"]),
            (b'{"count": 1}', "invalid_body", ["name"]),
            (b'{"name": "a", "count": true}', "invalid_body", ["body.count"]),
            (b'{"name": "a", "count": -1}', "invalid_body", ["body.count"]),
            (b"[" * 100_000, "json_too_deep", []),
            (b'{"a":' * 100 + b"1" + b"}" * 100, "json_too_deep", []),
        ],
    )
    def test_what_does_not_is_refused_with_every_fault(
        self, site: TestSite, body: bytes, error: str, texts: list[str]
    ) -> None:
        status, answer = post(site, body)
        assert (status, answer["error"]) == (400, error)
        for text in texts:
            assert text in answer["message"]

    def test_another_media_type_is_415(self, site: TestSite) -> None:
        assert post(site, b'{"name": "a"}', "Content-Type: text/plain")[0] == 415

    def test_a_body_over_the_bound_is_413(self, site: TestSite) -> None:
        assert post(site, b'"' + b"a" * (1 << 20) + b'"')[0] == 413

    def test_a_byte_order_mark_says_nothing(self) -> None:
        body = b'{"name": "a"}'
        assert parse_json(b"\xef\xbb\xbf" + body, Thing) == parse_json(body, Thing)

    def test_brackets_in_strings_are_no_nesting(self) -> None:
        with pytest.raises(CloudError, match="name"):
            parse_json(json.dumps({"name": "[" * 1000 + '\\"' + "{" * 1000}).encode(), Thing)

    def test_nesting_up_to_the_bound_is_parsed(self) -> None:
        with pytest.raises(CloudError) as caught:
            parse_json(b"[" * MAX_JSON_DEPTH + b"]" * MAX_JSON_DEPTH, Thing)
        assert caught.value.code == "invalid_body"

    @given(st.binary() | st.text().map(str.encode))
    def test_any_bytes_are_a_thing_or_a_clear_refusal(self, body: bytes) -> None:
        try:
            assert isinstance(parse_json(body, Thing), Thing)
        except CloudError as problem:
            assert problem.code in {"bad_json", "invalid_body", "json_too_deep"}


class TestQueries:
    @pytest.mark.parametrize(
        ("query", "page"),
        [
            (b"", Page()),
            (b"?", Page()),
            (b"?limit=5", Page(limit=5)),
            (b"?tag=a%26b&tag=", Page(tag=("a&b", ""))),
            (b"?deep=true", Page(deep=True)),
            (b"?deep=0&limit=100", Page(limit=100)),
        ],
    )
    def test_what_fits_is_parsed(self, query: bytes, page: Page) -> None:
        assert parse_query(b"/x" + query, Page) == page

    @pytest.mark.parametrize(
        ("query", "texts"),
        [
            (b"?limit=x", ["query.limit"]),
            (b"?limit=0&deep=maybe", ["query.limit", "query.deep"]),
            (b"?limit=1e1", ["query.limit"]),
            (b"?limit=5.0", ["query.limit"]),
            (b"?limit=1&limit=2", ["more than once"]),
            (b"?nothing=1&limi=3", ["nothing", "limi"]),
            (b"?tag=%ff", ["UTF-8"]),
        ],
    )
    def test_what_does_not_is_refused_with_every_fault(self, query: bytes, texts: list[str]) -> None:
        with pytest.raises(CloudError) as caught:
            parse_query(b"/x" + query, Page)
        assert caught.value.code == "invalid_query"
        for text in texts:
            assert text in caught.value.message

    @given(st.text(st.characters(max_codepoint=127), max_size=50))
    def test_any_query_is_a_page_or_a_clear_refusal(self, query: str) -> None:
        try:
            assert isinstance(parse_query(f"/x?{query}".encode(), Page), Page)
        except CloudError as problem:
            assert problem.code == "invalid_query"
