"""Routes of which only one could be served are found."""

from __future__ import annotations

import pytest
from klein import Klein

from cloudsvc.web.http1.request import Request
from cloudsvc.web.mounts import Routes, find_faults
from cloudsvc.web.responses import Message
from cloudsvc.web.routes import route


def make_kind(*routes: tuple[str | tuple[str, ...], str]) -> type[Routes]:
    """A class with two routes, as a test says."""
    app = Klein()
    for number, (methods, path) in enumerate(routes):

        async def handler(self: object, request: Request) -> Message:
            """Never called."""
            raise NotImplementedError

        handler.__name__ = f"handler_{number}"
        route(app, methods, path)(handler)
    return type("Sample", (), {"app": app})


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("/shop", "/shop"),
        ("/shop/<string:name>", "/shop/<string:name>"),
        ("/shop/<int:number>", "/shop/<name>"),
        ("/shop/<path:name>/<string(length=2):code>", "/shop/<a>/<b>"),
    ],
)
def test_two_routes_of_one_method_and_path_are_found(first: str, second: str) -> None:
    (fault,) = find_faults([make_kind((("GET", "POST"), first), ("POST", second))], ["shop"])
    assert fault.startswith("its routes 'handler_")
    assert "both answer POST /api/shop" in fault


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("GET", "/shop/<name>"), ("PUT", "/shop/<name>")),
        (("GET", "/shop/<name>"), ("GET", "/shop/<name>/price")),
        (("GET", "/shop/<name>"), ("GET", "/shop/news")),
        (("GET", "/shop/news"), ("HEAD", "/shop/news")),
    ],
)
def test_routes_that_can_be_told_apart_are_none(first: tuple[str, str], second: tuple[str, str]) -> None:
    assert list(find_faults([make_kind(first, second)], ["shop"])) == []
