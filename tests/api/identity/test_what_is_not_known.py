"""Two worlds that differ in who there is: who manages nothing gets the same answers in both."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from cloudsvc.core.actors import Role
from tests.support.coroutines import finish
from tests.support.identity_site import IdentitySite
from tests.support.site import Answer

KEY = "0" * 16
ASKED = [
    ("GET", "/me", None),
    ("GET", "/users", None),
    ("GET", "/users/anna", None),
    ("GET", "/users/hidden", None),
    ("POST", "/users", {"name": "hidden"}),
    ("PATCH", "/users/hidden", {"quota": 1}),
    ("DELETE", "/users/hidden", None),
    ("PUT", "/users/hidden/roles", {"path": "photos", "role": "viewer"}),
    ("DELETE", "/users/hidden/roles/3", None),
    ("GET", "/me/subjects", None),
    ("DELETE", f"/me/subjects/{'0' * 24}", None),
    ("GET", "/users/hidden/subjects", None),
    ("POST", "/users/hidden/subjects", {"issuer": "https://login.example", "subject": "1"}),
    ("DELETE", f"/users/hidden/subjects/{'0' * 24}", None),
    ("GET", "/groups", None),
    ("GET", "/groups/hidden", None),
    ("POST", "/groups", {"name": "hidden"}),
    ("DELETE", "/groups/hidden", None),
    ("PUT", "/groups/hidden/roles", {"path": "photos", "role": "viewer"}),
    ("DELETE", "/groups/hidden/roles/3", None),
    ("GET", "/keys", None),
    ("GET", "/keys?user=hidden", None),
    ("GET", f"/keys?made_by={KEY}", None),
    ("POST", "/keys", {"user": "hidden"}),
    ("POST", "/keys", {"program": "hidden", "roles": []}),
    ("GET", f"/keys/{KEY}", None),
    ("PATCH", f"/keys/{KEY}", {"label": "mine"}),
    ("DELETE", f"/keys/{KEY}", None),
    ("DELETE", f"/keys/{KEY}?descendants=false", None),
    ("POST", f"/keys/{KEY}/rotate", {}),
]


def make_site(*, has_others: bool) -> tuple[IdentitySite, str]:
    """A site with one who asks, and perhaps others; the key of who asks."""
    site = IdentitySite()
    site.office.folders.make("photos")
    finish(site.office.add_user("anna", ("photos", Role.EDITOR)))
    asking = site.key_of("anna")
    if has_others:
        finish(site.office.add_user("hidden", ("photos", Role.MANAGER)))
        finish(site.office.directory.add_group(site.office.owner, "hidden"))
        site.key_of("hidden")
        site.office.folders.stored["hidden"] = 5
    site.start()
    return site, asking


@pytest.fixture
def worlds() -> Iterator[list[tuple[IdentitySite, str]]]:
    made = [make_site(has_others=has_others) for has_others in (False, True)]
    yield made
    for site, _ in made:
        site.stop()


def reduce(answer: Answer, key: str) -> tuple[int, object]:
    """``answer`` without what is random in it."""
    text = answer.body.decode().replace(key[4:20], "ID")
    found = json.loads(text)
    found.pop("request_id", None)
    return answer.status, found


@pytest.mark.parametrize(("method", "path", "body"), ASKED)
def test_who_there_is_makes_no_difference(
    worlds: list[tuple[IdentitySite, str]], method: str, path: str, body: object
) -> None:
    first, second = [reduce(site.ask(method, path, body, key=key), key) for site, key in worlds]
    assert first == second
