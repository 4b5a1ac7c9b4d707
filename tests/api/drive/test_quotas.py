"""Answers that there is no room: they say whose quota is used up, and no more than one may know."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from attrs import evolve

from cloudsvc.core.actors import OWNER, Actor, Payer, Role
from cloudsvc.drive.names import parse_path
from tests.support.actors import make_guest
from tests.support.drive_site import FORM, DriveSite, make_form, open_site
from tests.support.reactors import in_reactor
from tests.support.site import Answer
from tests.support.two_drives import Impersonation

ANNA = evolve(OWNER, name="anna", payer=Payer(name="anna", quota=12))


@asynccontextmanager
async def open_as(directory: Path, actor: Actor) -> AsyncIterator[tuple[DriveSite, Impersonation]]:
    source = Impersonation(guest=actor)
    async with open_site(directory, more_sources=(source,)) as drive:
        yield drive, source


async def ask(drive: DriveSite, method: str, path: str, body: Any = b"", headers: Mapping[str, str] = {}) -> Answer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await drive.ask(method, path, content, {"X-Guest": "1", **headers}, key=False)


def read_fields(answer: Answer) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.lower().startswith("quota-")}


@in_reactor
async def test_a_user_whose_quota_is_used_up_is_refused_whatever_comes_by_whatever_way(tmp_path: Path) -> None:
    async with open_as(tmp_path, ANNA) as (drive, _):
        opened = drive.opened
        await opened.store("others/x", b"first")
        assert (await ask(drive, "PUT", "/files/f", b"first")).status == 201
        [first] = (await opened.drive.list_versions(OWNER, parse_path("f"), 9)).items
        assert (await ask(drive, "PUT", "/files/f", b"second")).status == 204
        await opened.store("f", b"of the owner")
        ways: list[tuple[str, str, Any, dict[str, str]]] = [
            ("PUT", "/files/new", b"more than makes way", {}),
            ("POST", "/files/new", make_form(b"more than makes way"), FORM),
            ("POST", "/copies", {"source": "others", "destination": "copy"}, {}),
            ("POST", "/copies", {"source": "f", "destination": "copy"}, {}),
            ("POST", "/versions/f", {"restore": first.id}, {}),
        ]
        told = {"quota-scope": "user", "quota-limit": "12", "quota-used": "11"}
        for method, path, body, headers in ways:
            answer = await ask(drive, method, path, body, headers)
            assert (answer.status, answer.json["error"]) == (507, "user_quota_exceeded"), path
            assert read_fields(answer) == told, path
        problem = await ask(drive, "PUT", "/files/new", b"x" * 99, {"Accept": "application/problem+json"})
        assert (problem.json["status"], read_fields(problem)) == (507, told)
        # What others have stored goes where it will, and what she has stored makes way for what she stores.
        assert (await ask(drive, "PATCH", "/folders/others", {"new_path": "moved"})).status == 200
        assert (await ask(drive, "PUT", "/files/new", b"0123456789ab")).status == 201
        assert read_fields(await ask(drive, "PUT", "/files/new", b"x")) == {**told, "quota-used": "12"}


@in_reactor
async def test_what_cannot_fit_is_refused_before_it_comes(tmp_path: Path) -> None:
    async with open_as(tmp_path, ANNA) as (drive, _):
        fields = {"X-Guest": "1", "Content-Length": "13", "Expect": "100-continue"}
        answer = await drive.ask("PUT", "/files/new", b"", fields, key=False)
        assert (answer.status, answer.json["error"]) == (507, "user_quota_exceeded")


@in_reactor
async def test_a_quota_above_what_one_sees_is_not_told(tmp_path: Path) -> None:
    async with open_as(tmp_path, OWNER) as (drive, source):
        opened = drive.opened
        made = [await opened.drive.make_folder(OWNER, parse_path(path)) for path in ("q", "q/in")]
        await opened.drive.set_quota(OWNER, parse_path("q"), 10)
        await opened.store("q/x", b"12345678")
        outer, inner = (each.folder.id for each in made)

        async def explain(actor: Actor, path: str = "/files/q/in/new", size: int = 9) -> dict[str, str]:
            source.guest = actor
            answer = await ask(drive, "PUT", path, b"x" * size)
            assert answer.status == 507
            return read_fields(answer)

        seen = {"quota-scope": "folder", "quota-limit": "10", "quota-used": "8"}
        assert await explain(OWNER) == seen
        assert await explain(make_guest((Role.EDITOR, outer))) == seen
        assert await explain(make_guest((Role.EDITOR, inner))) == {"quota-scope": "folder"}
        assert await explain(make_guest((Role.UPLOADER, outer))) == {"quota-scope": "folder"}
        # Somebody who stores on behalf of a user, and is none.
        link = evolve(make_guest((Role.UPLOADER, inner), name="link"), payer=Payer(name="anna", quota=1))
        assert await explain(link, size=2) == {"quota-scope": "user"}


@in_reactor
async def test_what_does_not_fit_where_it_should_go_stays_where_it_is(tmp_path: Path) -> None:
    """Moving between quotas is one step."""
    async with open_as(tmp_path, ANNA) as (drive, _):
        opened = drive.opened
        for folder, size in (("from", 100), ("to", 10)):
            await opened.drive.make_folder(OWNER, parse_path(folder))
            await opened.drive.set_quota(OWNER, parse_path(folder), size)
        await opened.store("from/a/x", b"123456")
        await opened.store("from/a/y", b"654321")
        refused = await ask(drive, "PATCH", "/folders/from/a", {"new_path": "to/a"})
        assert (refused.status, refused.json["error"]) == (507, "quota_exceeded")
        assert read_fields(refused) == {"quota-scope": "folder", "quota-limit": "10", "quota-used": "0"}
        refused = await ask(
            drive,
            "POST",
            "/batch",
            {"operations": [{"move": {"path": f"from/a/{name}", "new_path": f"to/{name}"}} for name in "xy"]},
        )
        assert (refused.status, refused.json["error"]) == (507, "quota_exceeded")
        assert read_fields(refused) == {"quota-scope": "folder", "quota-limit": "10", "quota-used": "0"}
        assert [each.account.stored_bytes for each in await opened.storage.catalogue.list_quotas()] == [12, 0]
        moved = await ask(drive, "PATCH", "/files/from/a/x", {"new_filepath": "to/x"})
        assert moved.status == 200
        assert [each.account.stored_bytes for each in await opened.storage.catalogue.list_quotas()] == [6, 6]
