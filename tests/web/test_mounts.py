"""Applications are mounted below /api, at any path, or at the root beside what else is there."""

from __future__ import annotations

from pathlib import Path

import pytest
from klein import Klein
from twisted.web.resource import Resource

from cloudsvc.core.errors import OperatorError
from cloudsvc.web.http1.request import Request
from cloudsvc.web.mounts import Routes, find_faults, locate_mount, locate_route, make_map
from cloudsvc.web.resources import Missing, RouteResource, plant
from cloudsvc.web.responses import Message, Response
from cloudsvc.web.routes import route
from tests.support.site import Answer, TestSite


@pytest.mark.parametrize(
    ("mount", "place"),
    [("notes", ("api", "notes")), ("/dav", ("dav",)), ("/remote.php/dav", ("remote.php", "dav")), ("/", ())],
)
def test_where_a_mount_is(mount: str, place: tuple[str, ...]) -> None:
    assert locate_mount(mount) == place


@pytest.mark.parametrize(
    ("path", "mounts", "whole"),
    [
        ("/notes/<a>", ("notes",), "/api/notes/<a>"),
        ("/notes", ("/notes",), "/notes"),
        ("/notes", ("notes", "/"), "/api/notes"),
        ("/other", ("notes", "/"), "/other"),
        ("/", ("/",), "/"),
        ("/a/b/c", ("/a/b",), "/a/b/c"),
        ("/a/bc", ("/a/b",), None),
        ("/notesy", ("notes",), None),
        ("/api/notes", ("notes",), None),
    ],
)
def test_where_a_route_is(path: str, mounts: tuple[str, ...], whole: str | None) -> None:
    assert locate_route(path, mounts) == whole


class Front:
    """Routes below several mounts."""

    app = Klein()

    @route(app, "GET", "/")
    async def index(self, request: Request) -> Message:
        """The root."""
        return Message(message="index")

    @route(app, ("GET", "PROPFIND"), "/dav/<path:path>")
    async def find(self, request: Request, path: str) -> Message:
        """A method that OpenAPI does not know."""
        return Message(message=f"{request.method.decode()} {path}")

    @route(app, "GET", "/dav/")
    async def collection(self, request: Request) -> Message:
        """A path with a slash at its end."""
        return Message(message="collection")

    @route(app, "GET", "/front/<string:name>")
    async def below(self, request: Request, name: str) -> Message:
        """Below /api."""
        return Message(message=name)


class Elsewhere(Resource):
    """What is at the root without an application."""

    isLeaf = True

    def render(self, request: Request) -> int:
        request.respond(Response(body=b"elsewhere"))
        return 1


MOUNTS = ("front", "/dav", "/")


@pytest.fixture
def site() -> TestSite:
    return TestSite(application=Front(), mounts=MOUNTS, others=Elsewhere())


def ask(site: TestSite, method: str, path: str) -> Answer:
    return site.ask(f"{method} {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())


@pytest.mark.parametrize(
    ("method", "path", "message", "pattern"),
    [
        ("GET", "/", "index", "/"),
        ("GET", "/dav/a/b", "GET a/b", "/dav/{path}"),
        ("PROPFIND", "/dav/a", "PROPFIND a", "/dav/{path}"),
        ("GET", "/dav/", "collection", "/dav/"),
        ("GET", "/api/front/x", "x", "/api/front/{name}"),
    ],
)
def test_each_route_is_at_its_mount(site: TestSite, method: str, path: str, message: str, pattern: str) -> None:
    answer = ask(site, method, path)
    assert (answer.status, answer.json["message"]) == (200, message)
    assert site.tally.departures[-1][1] == pattern


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/front", 404),
        ("/api/front/x/y", 404),
        ("/api/dav/a", 404),
        ("/api", 404),
        ("/api/other", 404),
        ("/front/x", 200),
        ("/other", 200),
        ("/index.html", 200),
    ],
)
def test_at_the_root_the_rest_is_for_what_is_there_and_never_what_is_below_api(
    site: TestSite, path: str, status: int
) -> None:
    answer = ask(site, "GET", path)
    assert answer.status == status
    if status == 200:
        assert answer.body == b"elsewhere"


@pytest.mark.parametrize("path", ["//", "//dav", "//dav/a", "///dav/a", "//api/front/x"])
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_slashes_at_the_beginning_are_not_taken_for_one(site: TestSite, method: str, path: str) -> None:
    answer = ask(site, method, path)
    assert (answer.status, answer.body) == (200, b"elsewhere")


@pytest.mark.parametrize("path", ["/api", "/api/other", "/api/<string:name>"])
def test_a_route_where_no_request_comes_to_it_is_a_fault(path: str) -> None:
    class Lost:
        app = Klein()

        @route(app, "GET", path)
        async def get(self, request: Request, **_: str) -> Message:
            return Message(message="lost")

    problem = (
        f"route {path} is never served: below /api are only mounts without a slash; give it another path or a mount"
    )
    assert list(find_faults([Lost], ("front", "/"))) == [f"its {problem}"]
    with pytest.raises(OperatorError, match="is never served"):
        RouteResource([Lost], ("front", "/"))


def test_a_route_below_api_is_served_where_the_application_is_mounted_there() -> None:
    class Found:
        app = Klein()

        @route(app, "GET", "/api/front/a")
        async def get(self, request: Request) -> Message:
            return Message(message="found")

    assert list(find_faults([Found], ("front", "/"))) == []
    site = TestSite(application=Found(), mounts=("front", "/"))
    assert ask(site, "GET", "/api/front/a").json["message"] == "found"


def test_other_methods_at_the_root_are_refused_and_options_answered(site: TestSite) -> None:
    refused = ask(site, "PUT", "/")
    assert (refused.status, refused.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")
    assert "PROPFIND" in ask(site, "OPTIONS", "/dav/a").headers["Allow"]


def test_a_missing_slash_is_said_with_the_whole_path(site: TestSite) -> None:
    answer = ask(site, "GET", "/dav?a=b")
    assert (answer.status, answer.headers["Location"]) == (308, "/dav/?a=b")


def test_the_longest_mount_has_the_path() -> None:
    class Inner:
        app = Klein()

        @route(app, "GET", "/dav/inner/<string:name>")
        async def get(self, request: Request, name: str) -> Message:
            return Message(message=f"inner {name}")

    outer, inner = RouteResource([Front], MOUNTS), RouteResource([Inner], ("/dav/inner",))
    outer.serve([Front()])
    inner.serve([Inner()])
    site = TestSite(application=Front(), mounts=MOUNTS)
    site.site.tree = plant({outer: MOUNTS, inner: ("/dav/inner",)}, Missing())
    assert ask(site, "GET", "/dav/inner/a").json["message"] == "inner a"
    assert ask(site, "GET", "/dav/inner/a/b").status == 404
    assert ask(site, "GET", "/dav/other").json["message"] == "GET other"


def test_what_cannot_be_served_is_refused() -> None:
    with pytest.raises(OperatorError, match="below none of"):
        RouteResource([Front], ("front",))
    with pytest.raises(ValueError, match="no object was made for the routes of Front"):
        RouteResource([Front], MOUNTS).serve([])


def test_routes_of_several_classes_are_in_one_map() -> None:
    class Second:
        app = Klein()

        @route(app, "PUT", "/front/<string:name>")
        async def put(self, request: Request, name: str) -> Message:
            return Message(message=f"put {name}")

    kinds: list[type[Routes]] = [Front, Second]
    assert len(list(make_map(kinds, MOUNTS).iter_rules())) == 5
    site = TestSite(routes=(Front(), Second()), mounts=MOUNTS)
    assert ask(site, "PUT", "/api/front/a").json["message"] == "put a"
    assert ask(site, "DELETE", "/api/front/a").headers["Allow"] == "GET, HEAD, OPTIONS, PUT"


def test_nothing_below_a_mount_becomes_a_file(tmp_path: Path) -> None:
    """A mount that is no root never falls through to what is there without it."""
    site = TestSite(application=Front(), mounts=MOUNTS, others=Elsewhere())
    assert ask(site, "GET", "/dav").status == 308
    assert ask(site, "DELETE", "/dav/a").status == 405
