"""The route of the audit: for who manages the whole drive, and nobody else learns whether there is anything in it."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import quote

import pytest
from attrs import frozen
from openapi_spec_validator import OpenAPIV31SpecValidator

from cloudsvc.access.credentials import CredentialSource, RequestHead
from cloudsvc.api.audit import AuditApplication, AuditRoutes
from cloudsvc.audit.entries import Outcome
from cloudsvc.audit.reading import AuditReader
from cloudsvc.core.actors import Actor, Grant, Principal, Role
from cloudsvc.extend import NoSettings
from cloudsvc.server.site import describe_applications
from cloudsvc.storage.audit.memory import MemoryAudit
from tests.support.audit_logs import make_event
from tests.support.coroutines import finish
from tests.support.site import TOKEN, Answer, TestSite

GRANTS = {
    "boss": (Grant(role=Role.MANAGER, folder=1),),
    "anna": (Grant(role=Role.MANAGER, folder=2), Grant(role=Role.EDITOR, folder=1)),
}


@frozen
class Names(CredentialSource):
    """A source that believes what name somebody says."""

    name = "name"

    def find(self, head: RequestHead, /) -> bytes | None:
        found = head.requestHeaders.getRawHeaders(b"x-name", ())
        return found[0] if found else None

    def identify(self, credential: bytes, head: RequestHead, /) -> Principal:
        name, _, scope = credential.decode().partition(" ")
        actor = Actor(name=name, scopes=frozenset({scope}), grants=GRANTS[name])
        return Principal(actor=actor, via="name")


def make_site(*, has_entries: bool = True) -> TestSite:
    log = MemoryAudit()
    if has_entries:
        finish(
            log.append(
                [
                    make_event(1, target="/api/files/a", key="k"),
                    make_event(2, actor="bert", action="PUT /api/files/{path}"),
                    make_event(3, outcome=Outcome.REFUSED, status=403, count=7),
                ]
            )
        )
    return TestSite(routes=(AuditRoutes(reader=AuditReader(log=log)),), more_sources=(Names(),))


def ask(site: TestSite, query: str = "", field: str = f"X-API-Key: {TOKEN}") -> Answer:
    return site.ask(f"GET /api/audit{query} HTTP/1.1\r\nHost: localhost\r\n{field}\r\n\r\n".encode())


def list_numbers(site: TestSite, query: str) -> list[int]:
    answer = ask(site, query)
    assert answer.status == 200, answer.json
    return [entry["number"] for entry in answer.json["entries"]]


def test_entries_are_told_the_newest_first() -> None:
    answer = ask(make_site())
    newest, _, oldest = answer.json["entries"]
    assert answer.json["cursor"] is None
    told: dict[str, Any] = {**oldest, "digest": len(oldest["digest"])}
    assert told == {
        "number": 1,
        "at": "1970-01-01T00:00:01.000000Z",
        "actor": "anna",
        "credential": "",
        "key": "k",
        "client": "",
        "request_id": "",
        "action": "files.put",
        "target": "/api/files/a",
        "target_id": "",
        "outcome": "done",
        "status": 201,
        "count": 1,
        "digest": 64,
    }
    assert (newest["outcome"], newest["count"]) == ("refused", 7)


def test_what_is_asked_for_is_given_page_by_page() -> None:
    site = make_site()
    assert list_numbers(site, "?actor=bert") == [2]
    assert list_numbers(site, f"?action={quote('PUT /api/files/{path}')}") == [2]
    assert list_numbers(site, "?outcome=refused") == [3]
    assert list_numbers(site, "?since=1970-01-01T00:00:02Z") == [3, 2]
    assert list_numbers(site, "?until=1970-01-01T00:00:02Z") == [1]
    first = ask(site, "?limit=2").json
    assert [entry["number"] for entry in first["entries"]] == [3, 2]
    assert list_numbers(site, f"?limit=2&cursor={first['cursor']}") == [1]


@pytest.mark.parametrize(
    "query",
    [
        *("outcome=undone", "since=yesterday", "since=2026-02-31T00:00:00Z", "limit=1001", "cursor=0", "cursor=-1"),
        *("cursor=9999999999999999999", "actor=", "what=else"),
    ],
)
def test_what_makes_no_sense_is_refused(query: str) -> None:
    assert ask(make_site(), f"?{query}").status == 400


def test_only_who_manages_the_whole_drive_reads_it() -> None:
    site = make_site()
    assert ask(site, field="X-Name: boss audit:read").status == 200
    assert ask(site, field="X-Name: boss files:read").json["error"] == "missing_scope"
    assert ask(site, field="X-Name: anna audit:read").json["error"] == "managers_only"
    assert ask(site, field="Accept: */*").status == 401


@pytest.mark.parametrize("query", ["", "?actor=anna", "?cursor=2", "?outcome=refused"])
def test_nobody_else_learns_whether_there_is_anything(query: str) -> None:
    answers = [ask(make_site(has_entries=each), query, "X-Name: anna audit:read") for each in (True, False)]
    assert [answer.status for answer in answers] == [403, 403]
    one, other = ({**each.json, "request_id": "", "timestamp": ""} for each in answers)
    assert one == other


def test_it_is_described() -> None:
    application = AuditApplication(NoSettings(), cast("Any", None), find_reader=lambda: AuditReader(log=MemoryAudit()))
    described = describe_applications([application], "application/json", [])
    OpenAPIV31SpecValidator(described).validate()
    [parameters] = [path["get"]["parameters"] for path in described["paths"].values()]
    assert {each["name"] for each in parameters} >= {"actor", "action", "outcome", "since", "until", "limit", "cursor"}
