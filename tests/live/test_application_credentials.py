"""Credentials of an application, in the running server: on its own routes and on the server's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.server import Reply, Server, make_home, running, wait_until
from tests.support.ticket_office import NAME


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home, token = make_home(
        tmp_path_factory.mktemp("server") / "home",
        applications=[NAME],
        proxies={"trusted": ["127.0.0.0/8"]},
        rate_limit={"rate_limit": "5/hour"},
    )
    with running(home, token) as server:
        yield server


def ask(server: Server, ticket: str | None, path: str = "/api/office/seats", client: str = "192.0.2.1") -> Reply:
    fields = {"X-Forwarded-For": client} | ({} if ticket is None else {"X-Ticket": ticket})
    return server.ask("GET", path, headers=fields, key=False)


def test_a_ticket_lets_in_from_when_it_is_issued_until_it_is_revoked(server: Server) -> None:
    assert ask(server, "ada", "/api/login").status == 401
    assert server.ask("PUT", "/api/office/tickets/ada").status == 200
    assert ask(server, "ada", "/api/login").status == 200, "on a route of the server's too"
    assert ask(server, "ada").json["message"] == "ada"
    assert server.ask("DELETE", "/api/office/tickets/ada").status == 204
    wait_until(lambda: ask(server, "ada", "/api/health/checks").status == 401, server.log)


def test_whoever_is_not_let_in_is_told_of_every_kind(server: Server) -> None:
    connection = server.open()
    try:
        connection.request("GET", "/api/office/seats")
        fields = connection.getresponse().getheaders()
    finally:
        connection.close()
    challenges = [value for name, value in fields if name == "WWW-Authenticate"]
    assert challenges == ['Ticket realm="office"', 'ApiKey realm="cloudsvc"', 'Bearer realm="cloudsvc"']


def test_it_is_described(server: Server) -> None:
    description = server.ask("GET", "/api/openapi.json", key=False).json
    assert set(description["components"]["securitySchemes"]) == {"ticket", "key", "bearer"}
    kinds: list[dict[str, list[str]]] = [{"ticket": []}, {"key": []}, {"bearer": []}]
    assert description["paths"]["/api/office/seats"]["get"]["security"] == kinds
    assert description["paths"]["/api/login"]["get"]["security"] == kinds


def test_one_ticket_has_one_rate_from_whatever_address(server: Server) -> None:
    for name in ("bob", "eve"):
        server.ask("PUT", f"/api/office/tickets/{name}")
        statuses = [ask(server, name, client=f"198.51.100.{n}").status for n in range(7)]
        assert statuses == [200] * 5 + [429] * 2
