"""Every route of the drive has its guards, and they refuse before a byte of a body is read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, cast

import pytest

from cloudsvc.access.credentials import KeyHeader
from cloudsvc.access.keys import KeyRing
from cloudsvc.api.drive import DriveApplication
from cloudsvc.drive.settings import StorageSettings
from cloudsvc.server.site import describe_applications
from cloudsvc.web.mounts import list_routes
from cloudsvc.web.operations import Operation
from tests.support.drive_contents import read_state
from tests.support.drive_site import FORM, open_site
from tests.support.reactors import in_reactor
from tests.support.site import TOKEN

OPERATIONS = {operation.name: operation for _, operation in list_routes(DriveApplication.route_types)}

CHANGING = {"PUT", "PATCH", "DELETE", "POST"}
READING = {"list_all_files"}
"""What upstream clients ask for with ``POST``."""

TRANSFERS = {"put_file", "post_file", "get_file", "get_thumbnail"}

WRONG_KEYS = [
    {"X-API-Key": "wrong"},
    {"X-API-Key": ""},
    {"X-API-Key": TOKEN[:-1]},
    {"Authorization": "Bearer wrong"},
    {"Authorization": "Basic b3duZXI6"},
    {"Cookie": f"X-API-Key={TOKEN}"},
]


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_route_has_its_scope_and_its_throttling_class(name: str) -> None:
    operation = OPERATIONS[name]
    changes = not CHANGING.isdisjoint(operation.methods) and name not in READING
    assert operation.scope == ("files:write" if changes else "files:read")
    assert operation.throttle == ("transfer" if name in TRANSFERS else "api")


def test_the_description_tells_of_every_route_that_it_needs_a_key() -> None:
    application = DriveApplication(StorageSettings(), cast("Any", None))  # described, it needs no tools
    paths = describe_applications([application], "application/json", [KeyHeader(KeyRing(owner_hash=None))])["paths"]
    described = [operation for item in paths.values() for operation in item.values()]
    assert len(described) == len(OPERATIONS)
    for operation in described:
        assert operation["security"] == [{"key": []}]
        assert "401" in operation["responses"]


def format_requests(operation: Operation) -> list[tuple[str, str]]:
    """Method and path of requests that the route would answer."""
    path = re.sub(r"<path:\w+>", "a/b", re.sub(r"<int:\w+>", "1", operation.path))
    methods = {*operation.methods, *(["HEAD"] if "GET" in operation.methods else [])}
    return [(method, path) for method in sorted(methods)]


@pytest.mark.parametrize("expects", [False, True], ids=["at once", "expecting"])
@in_reactor
async def test_without_a_right_key_nothing_is_read(tmp_path: Path, *, expects: bool) -> None:
    """The body is announced and never sent: whoever waited for it would not answer."""
    announced = {**FORM, "Content-Length": "1000000", **({"Expect": "100-continue"} if expects else {})}
    async with open_site(tmp_path) as drive:
        before = read_state(tmp_path)
        for operation in OPERATIONS.values():
            for method, path in format_requests(operation):
                for credentials in ({}, *WRONG_KEYS):
                    client = drive.send(method, path, headers={**announced, **credentials}, key=False)
                    assert client.received.startswith(b"HTTP/1.1 401 "), (method, path, credentials)
                    assert b"100 Continue" not in client.received
                    assert b"\r\nConnection: close\r\n" in client.received
                    client.leave()
        assert set(drive.site.tally.guarded) == {"missing", "invalid"}
        assert read_state(tmp_path) == before
