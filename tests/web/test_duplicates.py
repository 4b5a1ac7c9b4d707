"""Routes of which only one could be served are refused when the resource tree is made."""

from __future__ import annotations

import pytest
from klein import Klein

from cloudsvc.core.errors import StartFault
from cloudsvc.web.request import Request
from cloudsvc.web.resources import RouteResource
from cloudsvc.web.responses import Message
from cloudsvc.web.routes import route


class Shop:
    """Two routes, as a test says."""

    def __init__(self, *routes: tuple[str | tuple[str, ...], str]) -> None:
        self.app = Klein()
        for number, (methods, path) in enumerate(routes):

            async def handler(self: object, request: Request) -> Message:
                """Never called."""
                raise NotImplementedError

            handler.__name__ = f"handler_{number}"
            route(self.app, methods, path)(handler)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("/shop", "/shop"),
        ("/shop/<string:name>", "/shop/<string:name>"),
        ("/shop/<int:number>", "/shop/<name>"),
        ("/shop/<path:name>/<string(length=2):code>", "/shop/<a>/<b>"),
    ],
)
def test_two_routes_of_one_method_and_path_are_refused(first: str, second: str) -> None:
    with pytest.raises(StartFault) as caught:
        RouteResource(Shop((("GET", "POST"), first), ("POST", second)))
    (line,) = caught.value.lines
    assert line.startswith("Shop cannot be served: its routes 'handler_")
    assert "both answer POST /api/shop" in line


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("GET", "/shop/<name>"), ("PUT", "/shop/<name>")),
        (("GET", "/shop/<name>"), ("GET", "/shop/<name>/price")),
        (("GET", "/shop/<name>"), ("GET", "/shop/news")),
        (("GET", "/shop/news"), ("HEAD", "/shop/news")),
    ],
)
def test_routes_that_can_be_told_apart_are_served(first: tuple[str, str], second: tuple[str, str]) -> None:
    RouteResource(Shop(first, second))
