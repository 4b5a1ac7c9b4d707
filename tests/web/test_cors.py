"""Cross-origin sharing (the Fetch standard, section 3.2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cloudsvc.web.layers.cors import CrossOrigin, Sharing
from tests.support.site import Answer, TestSite

SHARING: dict[str, Any] = {
    "origins": ("https://app.example",),
    "credentials": True,
    "methods": ("GET", "PUT"),
    "headers": ("X-API-Key",),
    "expose": ("ETag",),
    "max_age": 600,
}


def ask(site: TestSite, method: str, path: str, **fields: str) -> Answer:
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    return site.ask(f"{method} {path} HTTP/1.1\r\nHost: a\r\n{lines}\r\n".encode())


@pytest.fixture
def sharing(make_site: Callable[..., TestSite]) -> TestSite:
    return make_site(layers=(CrossOrigin(Sharing(**SHARING)),))


def test_a_preflight_of_a_known_origin_is_allowed(sharing: TestSite) -> None:
    answer = ask(sharing, "OPTIONS", "/api/demo/key", Origin="https://app.example", Access_Control_Request_Method="PUT")
    assert answer.status == 204
    assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example"
    assert answer.headers["Access-Control-Allow-Methods"] == "GET, PUT"
    assert answer.headers["Access-Control-Allow-Headers"] == "X-API-Key"
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    assert answer.headers["Access-Control-Max-Age"] == "600"
    assert answer.headers["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize("origin", ["https://evil.example", "http://app.example", "null", "https://app.example.evil"])
def test_a_preflight_of_another_origin_is_not(sharing: TestSite, origin: str) -> None:
    answer = ask(sharing, "OPTIONS", "/api/demo/key", Origin=origin, Access_Control_Request_Method="PUT")
    assert answer.status == 204
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_answers_are_marked_for_a_known_origin_errors_too(sharing: TestSite) -> None:
    for path in ("/api/demo/plain", "/api/demo/conflict", "/nothing"):
        answer = ask(sharing, "GET", path, Origin="https://app.example")
        assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example"
        assert answer.headers["Access-Control-Expose-Headers"] == "ETag"
        assert answer.headers["Vary"] == "Origin"


def test_caches_learn_that_answers_vary(sharing: TestSite) -> None:
    answer = ask(sharing, "GET", "/api/demo/plain")
    assert answer.headers["Vary"] == "Origin"
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_any_origin_without_credentials(make_site: Callable[..., TestSite]) -> None:
    site = make_site(layers=(CrossOrigin(Sharing(**{**SHARING, "origins": ("*",), "credentials": False})),))
    answer = ask(site, "GET", "/api/demo/plain", Origin="https://anyone.example")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in answer.headers


def test_any_origin_with_credentials_is_refused() -> None:
    with pytest.raises(ValueError, match="every site"):
        CrossOrigin(Sharing(**{**SHARING, "origins": ("*",)}))


def test_without_sharing_a_preflight_gets_no_permission(site: TestSite) -> None:
    answer = ask(site, "OPTIONS", "/api/demo/key", Origin="https://a.example", Access_Control_Request_Method="PUT")
    assert (answer.status, answer.headers["Allow"]) == (204, "GET, HEAD, OPTIONS")
    assert not [name for name in answer.headers if name.startswith("access-control")]
