"""Routes of accounts: who one is, users, groups and keys, over HTTP."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, cast

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from cloudsvc.access.credentials import KeyHeader
from cloudsvc.access.keys import KeyRing
from cloudsvc.api.identity import IdentityApplication
from cloudsvc.api.identity.links.visitors import VisitorRoutes
from cloudsvc.core.actors import Role
from cloudsvc.extend.identity import IdentitySettings
from cloudsvc.server.site import describe_applications
from cloudsvc.web.mounts import list_routes
from tests.support.coroutines import finish
from tests.support.identity_site import IdentitySite

OPERATIONS = {
    operation.name: operation
    for _, operation in list_routes([each for each in IdentityApplication.route_types if each is not VisitorRoutes])
}
"""Those that a key lets in to; tests/api/identity/links has those for visitors."""

OPEN = {
    *("add_session", "show_second_factor", "offer_sign_in", "show_passkey"),
    *("list_providers", "begin_sign_in", "end_sign_in"),
}
"""For who has nothing else yet."""


@pytest.fixture
def site() -> Iterator[IdentitySite]:
    site = IdentitySite()
    for path in ("photos", "photos/sea", "work"):
        site.office.folders.make(path)
    finish(site.office.add_user("anna", ("photos", Role.MANAGER)))
    finish(site.office.add_user("bert", ("photos", Role.EDITOR)))
    site.start()
    yield site
    site.stop()


def folder(site: IdentitySite, path: str) -> int:
    return site.office.folders.chains[path][-1]


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_route_has_its_scope_and_its_throttling_class(name: str) -> None:
    operation = OPERATIONS[name]
    reads = "GET" in operation.methods
    others = {"me": "", "sign_out": "", **dict.fromkeys(OPEN)}
    assert operation.scope == others.get(name, "accounts:read" if reads else "accounts:write")
    assert operation.throttle == "api"


# Who signs in has nothing else yet.
@pytest.mark.parametrize("name", sorted(OPERATIONS.keys() - OPEN))
def test_without_a_right_key_nothing_is_read(site: IdentitySite, name: str) -> None:
    operation = OPERATIONS[name]
    path = re.sub(r"<\w+>", "anna", re.sub(r"<int:\w+>", "1", operation.path))
    for method in operation.methods:
        for key in ("wrong", "csk_" + "0" * 65):
            client = site.site.connect()
            client.send(
                f"{method} /api{path} HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {key}\r\n"
                "Content-Length: 1000000\r\n\r\n".encode()
            )
            assert client.received.startswith(b"HTTP/1.1 401 "), (method, path)
            client.leave()


def test_who_one_is(site: IdentitySite) -> None:
    owner = site.ask("GET", "/me").json
    assert (owner["name"], owner["manager"], owner["scopes"]) == ("owner", True, ["*"])
    assert owner["roles"] == [{"folder": 1, "path": "", "role": "manager"}]
    anna = site.ask("GET", "/me", key=site.key_of("anna")).json
    assert (anna["name"], anna["manager"], anna["quota"], anna["groups"]) == ("anna", False, None, [])
    assert (owner["stored_bytes"], anna["stored_bytes"]) == (None, 0)
    assert anna["roles"] == [{"folder": folder(site, "photos"), "path": "photos", "role": "manager"}]
    narrow = site.key_of("anna", ("photos/sea", Role.VIEWER), scopes=())
    for field in ("X-API-Key", "Authorization"):
        shown = narrow if field == "X-API-Key" else f"Bearer {narrow}"
        found = site.ask("GET", "/me", key=shown, field=field).json
        assert found["roles"] == [{"folder": folder(site, "photos/sea"), "path": "photos/sea", "role": "viewer"}]
        assert found["scopes"] == []


def test_users_from_beginning_to_end(site: IdentitySite) -> None:
    site.ask("POST", "/groups", {"name": "family"})
    made = site.ask(
        "POST", "/users", {"name": "Cleo", "display_name": "C", "password": "correct horse", "groups": ["family"]}
    )
    assert made.status == 201
    assert made.json["user"]["name"] == "cleo"
    assert (made.json["user"]["has_password"], made.json["user"]["groups"]) == (True, 1)
    assert b"correct horse" not in made.body
    assert b"argon2" not in made.body
    assert site.ask("POST", "/users", {"name": "c1eo"}).json["error"] == "name_taken"
    shared = site.ask("PUT", "/users/cleo/roles", {"path": "photos", "role": "viewer"}).json
    assert (shared["name"], shared["folder"], shared["role"]) == ("cleo", folder(site, "photos"), "viewer")
    assert [each["path"] for each in site.ask("GET", "/users/cleo").json["user"]["roles"]] == ["photos"]
    taken = site.ask("DELETE", f"/users/cleo/roles/{folder(site, 'photos')}").json
    assert taken["role"] is None
    changed = site.ask("PATCH", "/users/cleo", {"quota": 5, "disabled": True, "password": ""}).json["user"]
    assert (changed["quota"], changed["disabled"], changed["has_password"], changed["roles"]) == (5, True, False, [])
    assert site.ask("DELETE", "/users/cleo").status == 200
    assert site.ask("GET", "/users/cleo").json["error"] == "user_not_found"


def test_how_much_of_a_quota_is_used(site: IdentitySite) -> None:
    site.ask("PATCH", "/users/anna", {"quota": 10})
    site.office.folders.stored = {"anna": 7, "bert": 5}
    for key in (site.key_of("anna"), site.key_of("anna", ("photos/sea", Role.UPLOADER), scopes=("accounts:read",))):
        for path in ("/me", "/users/anna"):
            found = site.ask("GET", path, key=key).json
            found = found.get("user", found)
            assert (found["quota"], found["stored_bytes"]) == (10, 7)
        assert site.ask("GET", "/users/bert", key=key).status == 404
    users = site.ask("GET", "/users").json["users"]
    assert [(user["name"], user["quota"], user["stored_bytes"]) for user in users] == [
        ("anna", 10, 7),
        ("bert", None, 5),
    ]
    assert site.ask("PATCH", "/users/bert", {"quota": 1}).json["user"]["stored_bytes"] == 5


def test_users_in_pages(site: IdentitySite) -> None:
    first = site.ask("GET", "/users?limit=1").json
    second = site.ask("GET", f"/users?limit=1&cursor={first['cursor']}").json
    assert [page["users"][0]["name"] for page in (first, second)] == ["anna", "bert"]
    assert second["cursor"] is None


def test_groups_from_beginning_to_end(site: IdentitySite) -> None:
    assert site.ask("POST", "/groups", {"name": "family"}).status == 201
    given = site.ask("PUT", "/groups/family/roles", {"path": "work", "role": "editor"}).json["group"]
    assert given["roles"] == [{"folder": folder(site, "work"), "path": "work", "role": "editor"}]
    site.ask("PATCH", "/users/anna", {"groups": ["family"]})
    me = site.ask("GET", "/me", key=site.key_of("anna")).json
    assert (me["groups"], [each["path"] for each in me["roles"]]) == (["family"], ["photos", "work"])
    assert [each["name"] for each in site.ask("GET", "/groups").json["groups"]] == ["family"]
    assert site.ask("DELETE", f"/groups/family/roles/{folder(site, 'work')}").json["group"]["roles"] == []
    assert site.ask("GET", "/groups/family").status == 200
    assert site.ask("DELETE", "/groups/family").status == 200
    assert site.ask("GET", "/groups/family").json["error"] == "group_not_found"


def test_keys_from_beginning_to_end(site: IdentitySite) -> None:
    anna = site.key_of("anna")
    made = site.ask(
        "POST",
        "/keys",
        {
            "label": "telephone",
            "roles": [{"path": "photos/sea", "role": "viewer"}],
            "scopes": ["files:read"],
            "rate": "100/minute",
            "expires_at": "2099-01-01T00:00:00Z",
        },
        key=anna,
    )
    assert made.status == 201
    key, secret = made.json["key"], made.json["secret"]
    assert re.fullmatch(r"csk_[0-9A-Za-z]{65}", secret)
    assert (key["label"], key["rate"], key["maker"]) == ("telephone", "100/minute", "anna")
    assert key["expires_at"] == "2099-01-01T00:00:00.000000Z"
    assert site.ask("GET", "/me", key=secret).json["scopes"] == ["files:read"]
    shown = site.ask("GET", f"/keys/{key['id']}", key=anna)
    assert shown.json["key"] == key
    assert secret[20:63].encode() not in shown.body
    listed = site.ask("GET", "/keys?limit=1", key=anna).json
    assert len(listed["keys"]) == 1
    assert site.ask("PATCH", f"/keys/{key['id']}", {"expires_at": "soon"}, key=anna).json["error"] == "invalid_expiry"
    changed = site.ask("PATCH", f"/keys/{key['id']}", {"scopes": [], "expires_at": ""}, key=anna).json["key"]
    assert (changed["scopes"], changed["label"]) == ([], "telephone")
    rotated = site.ask("POST", f"/keys/{key['id']}/rotate", {"overlap_seconds": 60}, key=anna)
    assert rotated.status == 201
    assert [site.ask("GET", "/me", key=each).status for each in (secret, rotated.json["secret"])] == [200, 200]
    gone = site.ask("DELETE", f"/keys/{rotated.json['key']['id']}", key=anna).json["key"]
    assert gone["revoked_at"] is not None
    assert [site.ask("GET", "/me", key=each).status for each in (secret, rotated.json["secret"])] == [200, 401]


def test_what_was_made_by_a_key_is_listed_and_ends_with_it(site: IdentitySite) -> None:
    leaked = site.ask("POST", "/keys", {"user": "anna", "scopes": ["accounts:read", "accounts:write"]}).json
    number = leaked["key"]["id"]
    assert leaked["key"]["made_by"] is None
    first, second = [site.ask("POST", "/keys", {}, key=leaked["secret"]).json for _ in range(2)]
    assert first["key"]["made_by"] == number
    listed = site.ask("GET", f"/keys?made_by={number}").json["keys"]
    assert {each["id"] for each in listed} == {first["key"]["id"], second["key"]["id"]}
    alone = site.ask("DELETE", f"/keys/{number}?descendants=false").json
    assert (alone["others"], alone["key"]["id"]) == (0, number)
    assert site.ask("GET", "/me", key=first["secret"]).status == 200
    assert site.ask("DELETE", f"/keys/{number}").json["others"] == 2
    assert [site.ask("GET", "/me", key=each["secret"]).status for each in (first, second)] == [401, 401]


def test_keys_of_programs_and_others(site: IdentitySite) -> None:
    made = site.ask("POST", "/keys", {"program": "camera", "roles": [{"path": "work", "role": "uploader"}]}).json
    me = site.ask("GET", "/me", key=made["secret"]).json
    assert (me["name"], me["roles"]) == (
        "program:camera",
        [{"folder": folder(site, "work"), "path": None, "role": "uploader"}],
    )
    given = site.ask("POST", "/keys", {"user": "anna"}).json["key"]
    assert [each["id"] for each in site.ask("GET", "/keys?user=anna").json["keys"]] == [given["id"]]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/users", None),
        ("POST", "/users", {"name": "cleo"}),
        ("PATCH", "/users/bert", {}),
        ("PATCH", "/users/nobody-at-all", {}),
        ("DELETE", "/users/bert", None),
        ("DELETE", "/users/nobody-at-all", None),
        ("GET", "/groups", None),
        ("GET", "/groups/none", None),
        ("POST", "/groups", {"name": "mine"}),
        ("POST", "/keys", {"program": "camera", "roles": []}),
    ],
)
def test_only_managers_manage(site: IdentitySite, method: str, path: str, body: object) -> None:
    answer = site.ask(method, path, body, key=site.key_of("anna"))
    assert (answer.status, answer.json["error"]) == (403, "managers_only")


def test_a_key_without_the_scope_does_not_even_ask(site: IdentitySite) -> None:
    narrow = site.key_of("anna", scopes=("files:read",))
    assert site.ask("GET", "/keys", key=narrow).json["error"] == "missing_scope"
    assert site.ask("POST", "/keys", {}, key=narrow).json["error"] == "missing_scope"


def test_what_is_wrong_with_a_password_is_told_without_it(site: IdentitySite) -> None:
    answer = site.ask("POST", "/users", {"name": "bert", "password": "swordfish " * 30})
    assert (answer.status, answer.json["error"]) == (400, "invalid_password")
    assert b"swordfish" not in answer.body


@pytest.mark.parametrize("password", [31337, 31337.5, ["31337"], {"31337": 31337}, 10**30])
@pytest.mark.parametrize(("method", "path"), [("POST", "/users"), ("PATCH", "/users/bert")])
def test_what_is_no_password_is_not_told_either(site: IdentitySite, method: str, path: str, password: object) -> None:
    answer = site.ask(
        method, path, {"name": "cleo", "password": password} if method == "POST" else {"password": password}
    )
    assert (answer.status, answer.json["error"]) == (400, "invalid_body")
    assert "body.password: expected str" in answer.json["message"]
    assert b"31337" not in answer.body
    assert b"1000" not in answer.body


@pytest.mark.parametrize("number", [0, 2**63, 10**30])
@pytest.mark.parametrize("path", ["users/bert", "groups/family"])
def test_what_cannot_be_a_folder(site: IdentitySite, path: str, number: int) -> None:
    site.ask("POST", "/groups", {"name": "family"})
    answer = site.ask("DELETE", f"/{path}/roles/{number}")
    assert (answer.status, answer.json["error"]) == (404, "folder_not_found")
    if path.startswith("users"):
        answer = site.ask("DELETE", f"/{path}/roles/{number}", key=site.key_of("anna"))
        assert (answer.status, answer.json["error"]) == (404, "folder_not_found")


@pytest.mark.parametrize("path", ["users", "groups", "keys", "links"])
def test_what_cannot_be_a_cursor(site: IdentitySite, path: str) -> None:
    """PostgreSQL takes no NUL."""
    assert [site.ask("GET", f"/{path}?cursor={each}").status for each in ("%00", "a" * 129, "a")] == [400, 400, 200]


def test_the_description_is_valid() -> None:
    application = IdentityApplication(IdentitySettings(), cast("Any", None))  # described, it needs no tools
    keys = KeyHeader(KeyRing(owner_hash=None))
    description = describe_applications([application], "application/json", [keys])
    OpenAPIV31SpecValidator(description).validate()
    paths = (item for path, item in description["paths"].items() if path.startswith("/api/"))
    described = [operation for item in paths for operation in item.values()]
    assert len(described) == len(OPERATIONS)
    for operation in described:
        name = operation["operationId"].partition("_")[2]
        # Who goes on with a sign-in shows what that has answered.
        shown: list[dict[str, list[str]]] = (
            [{}, {"key": []}] if name == "add_session" else [] if name in OPEN else [{"key": []}]
        )
        assert operation["security"] == shown
        assert {"401", "429"} - ({"401"} if not shown else set()) <= operation["responses"].keys()
