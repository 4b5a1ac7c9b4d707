"""Requests of a guest that nobody would draw at random: conditions, forged marks, spellings, changes in a row."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeAlias
from urllib.parse import quote

from tests.support.drive_site import FORM, make_form
from tests.support.guest_requests import send
from tests.support.two_drives import UNKNOWN, World

Ask: TypeAlias = Callable[[World], Awaitable[Any]]
"""Asks, and returns the answer, or several."""

COMPOSED: Final = "way/caf\N{LATIN SMALL LETTER E WITH ACUTE}"
DECOMPOSED: Final = "way/cafe\N{COMBINING ACUTE ACCENT}"

_FILES: Final = ("way/hidden", "way/out/d", "x/h", "secret/e", "nowhere", "way/in/a", "way/thumbnail")
_FOLDERS: Final = ("way/out", "way", "x/yy", "secret", "way/in", "x/y/way")
_PLACES: Final = (*_FILES, *_FOLDERS)
_MADE: Final = (
    *("way/hidden", "way/out/new", "way/out/d", "way/hidden/below", "way/out", "x/h", "x/yy/f", "root.txt/a", "new"),
    *("way/new", "way/new/new", "way/empty/a", "secret/e/f/g"),
)
"""Where something is put: in place of what is hidden, into it, and below it."""

_PROBLEM: Final = {"Accept": "application/problem+json"}
_PAST: Final = {"If-Unmodified-Since": "Sat, 01 Jan 2000 00:00:00 GMT"}
_ANY: Final = {"If-Match": "*"}
_NONE: Final = {"If-None-Match": "*"}
_OTHER: Final = {"If-Match": '"none"'}
_WRONG_DIGEST: Final = {"Content-Digest": f"sha-256=:{'A' * 43}=:"}


def ask(method: str, target: str, body: Any = None, headers: dict[str, str] | None = None) -> Ask:
    """One request."""
    return lambda world: send(world, method, target, body, headers)


def batch(*operations: dict[str, Any]) -> Ask:
    """Several changes in one."""
    return ask("POST", "/batch", {"operations": list(operations)})


def forge(target: str, *values: Any) -> Ask:
    """A list from a mark on that no page has given."""
    mark = urlsafe_b64encode(json.dumps(values, separators=(",", ":")).encode()).decode().rstrip("=")
    return ask("GET", f"{target}{'&' if '?' in target else '?'}cursor={mark}")


READING: Final[dict[str, Sequence[Ask]]] = {
    "files": [
        ask(method, f"/files/{quote(place)}", headers=headers)
        for place in _PLACES
        for method in ("GET", "HEAD")
        for headers in ({}, _NONE, _OTHER, {"Range": "bytes=0-0,2-3"})
    ],
    "problem details": [
        ask(method, f"/{mount}/{quote(place)}", headers=_PROBLEM)
        for place in _PLACES
        for mount in ("files", "folders", "versions")
        for method in ("GET", "HEAD")
    ],
    "thumbnails": [
        ask("GET", f"/files/{quote(place)}/thumbnail{query}", headers=headers)
        for place in ("way", "x", "way/hidden", "way/out", "secret/much deeper/f.png", "way/in/b.png", "way/in/a", "no")
        for query in ("", "?version=1", "?version=999999")
        for headers in ({}, _NONE, _ANY)
    ],
    "prefixes": [
        ask("GET", f"/files?prefix={quote(place)}&sort={sort}&limit=1")
        for place in (*_PLACES, "", "way/in/deep", "way/empty")
        for sort in ("path", "-path", "created", "-name", "size")
    ],
    "searches": [
        ask("GET", f"/files?{query}&limit={limit}")
        for query in ("q=a", "q=hidden&sort=-path", "tag=t1", "tag=t0&sort=path", "type=text", "q=D&tag=t1&sort=size")
        for limit in (1, 1000)
    ],
    "lists as upstream has them": [
        ask("POST", "/files", {"tag": tag, "offset": offset, "limit": limit})
        for tag in (None, "t1", "none")
        for offset in (None, 2, 100)
        for limit in (None, 0, 1, 5)
    ],
    "streams": [
        ask("GET", f"/files?sort={sort}", headers={"Accept": "application/x-ndjson"}) for sort in ("path", "-path")
    ],
    "marks of paths": [
        forge(f"/files?sort={'-' if down else ''}path{prefix}", f"path {down}", keys, 0)
        for down in (False, True)
        for prefix in ("", "&prefix=way", "&prefix=way/out")
        for keys in ("way/hidden", "way/out/d", "way/out", "secret/e", "way/in/a", "x/yy/f", "d", "nowhere/at/all")
    ],
    "marks of places": [
        forge(f"/files?sort={'-' if down else ''}{order}", f"{order} {down}", value, 0)
        for order, values in {"size": (0, 6, 10**6), "name": ("", "e", "zz"), "created": (0, 2 * 10**15)}.items()
        for down in (False, True)
        for value in values
    ],
    "marks of children": [
        forge(f"/folders{folder}", "children", key)
        for folder in ("", "/way", "/x", "/way/out")
        for key in ("", "hidden", "i", "out", "z")
    ],
    "marks of other lists": [
        *(forge("/trash", "trash", number) for number in (0, 2**62, -1)),
        *(forge("/trash", "versions", 2**62) for _ in range(1)),
        *(forge(f"/versions/{place}", "versions", 2**62) for place in ("way/in/a", "way/hidden", "nowhere")),
    ],
    "spellings": [
        ask("GET", f"/{mount}/{quote(place)}")
        for mount in ("files", "folders")
        for place in (COMPOSED, DECOMPOSED, "Way/In/a", "way//in", "way/in/../hidden", "way/hidden/", "way/out/d/e")
    ],
}
"""What changes nothing, by what is tried with it."""

CHANGING: Final[dict[str, Sequence[Ask]]] = {
    "conditions of files": [
        ask(method, f"/files/{quote(place)}", body, headers)
        for place in ("way/hidden", "way/out", "way", "x/yy", "secret/e", "nowhere")
        for method, body in (("PUT", b"new"), ("PATCH", {"add_tags": ["n"]}), ("DELETE", None))
        for headers in (_ANY, _NONE, _OTHER, _PAST, {"If-None-Match": '"none"', **_PROBLEM})
    ],
    "conditions of folders": [
        ask(method, f"/folders/{quote(place)}", body, headers)
        for place in ("way/hidden", "way/out", "way/empty", "way", "x/yy", "nowhere", "way/in/new")
        for method, body in (("PUT", None), ("PATCH", {"new_path": "way/in/n"}), ("DELETE", None))
        for headers in (_ANY, _NONE, _PAST, _PROBLEM)
    ],
    "uploads in place of what is hidden": [
        request
        for place in _MADE
        for request in (
            ask("PUT", f"/files/{quote(place)}", b"put there", _NONE),
            ask("POST", f"/files/{quote(place)}", make_form(b"posted there"), FORM),
            ask("PUT", f"/files/{quote(place)}", b"put there", {"X-Modified-At": "2001-01-01T00:00:00Z"}),
            ask("PUT", f"/files/{quote(place)}", b"put there", _WRONG_DIGEST),
            ask("GET", f"/files/{quote(place)}"),
        )
    ],
    "uploads in other spellings": [
        ask("PUT", f"/files/{quote(place)}", b"spelt")
        for place in (DECOMPOSED, COMPOSED, "way/hidden (2)", "way/hidden")
    ],
    "moves": [
        ask("PATCH", "/files/way/in/a", {"new_filepath": "way/hidden"}),
        ask("PATCH", "/files/way/in/a", {"new_filepath": "way/in/deep", "add_tags": ["x"]}),
        ask("PATCH", "/files/way/in/deep/c", {"new_filepath": "way/out/d"}),
        ask("PATCH", "/folders/way/in/deep", {"new_path": "way/out"}),
        ask("PATCH", "/folders/way/in/deep", {"new_path": "way/hidden/x"}),
        ask("PATCH", "/folders/way/in", {"new_path": "way/inn"}),
        ask("PATCH", "/folders/way", {"new_path": "secret"}),
        ask("PATCH", "/files/way/hidden", {"new_filepath": "way/in/stolen"}),
        ask("PATCH", "/folders/way/out", {"new_path": "way/in/stolen"}),
        ask("PATCH", "/files/way/hidden", {"new_filepath": "way/hidden"}),
        ask("PATCH", "/files/way/in/b.png", {"new_filepath": "way/in/b.png"}),
    ],
    "copies": [
        ask("POST", "/copies", {"source": source, "destination": destination})
        for destination, sources in {
            "way/in/copy": ("way/hidden", "way/out", "way", "x"),
            "way/hidden": ("way/in/a",),
            "way/out": ("way/in/deep",),
            "way/out/d": ("way/in/deep", "way/in/a"),
            "way/in/deep/x": ("way/in",),
            "x/y/way/h": ("way/in/a",),
            "root.txt": ("way/in/a",),
            "new": ("way/in/a", "secret"),
        }.items()
        for source in sources
    ],
    "changes in a row": [
        batch({"make_folder": {"path": "way/in/1"}}, {"make_folder": {"path": "way/hidden"}}),
        batch({"make_folder": {"path": "way/in/1"}}, {"delete": {"path": "way/out"}}),
        batch(
            {"move": {"path": "way/in/b.png", "new_path": "way/hidden"}},
            {"move": {"path": "way/hidden", "new_path": "way/in/b.png"}},
        ),
        batch(
            {"copy": {"source": "way/in/b.png", "destination": "way/out/d"}},
            {"tag": {"path": "way/out/d", "add": ["t"]}},
        ),
        batch(
            {"copy": {"source": "way/in/deep", "destination": "way/in/2"}},
            {"delete": {"path": "way/in/2"}},
            {"delete": {"path": "way/hidden", "if_match": '"none"'}},
        ),
        batch(
            *({"tag": {"path": "way/in/b.png", "add": ["t"]}} for _ in range(30)),
            {"tag": {"path": "secret/e", "add": ["t"]}},
        ),
        batch({"restore": {"id": UNKNOWN, "destination": "way/hidden"}}, {"restore": {"id": UNKNOWN}}),
        batch({"move": {"path": "way", "new_path": "way/in/x"}}),
        batch({"move": {"path": "way/in", "new_path": "way/in/x"}}),
        batch(
            {"move": {"path": "way/in/b.png", "new_path": "way/hidden/b"}},
            {"move": {"path": "way/in/deep", "new_path": "way/hidden/c"}},
        ),
    ],
    "tags": [
        ask("PATCH", f"/files/{quote(place)}", body)
        for place in ("way/hidden", "secret/e", "way/in/b.png", "nowhere")
        for body in (
            {"add_tags": [str(number) for number in range(20)]},
            {"remove_tags": ["t1"]},
            {"add_tags": [" a"]},
            {"new_filepath": "/"},
            {},
        )
    ],
    "versions": [
        ask("POST", f"/versions/{quote(place)}", {"restore": number}, headers)
        for place in ("way/in/b.png", "way/hidden", "way/out", "nowhere")
        for number in (1, UNKNOWN)
        for headers in ({}, _OTHER, _NONE)
    ],
}
"""What changes something where it may, by what is tried with it."""


async def restore_all(world: World) -> list[Any]:
    """Take each kind of entry out of the trash to each kind of place, and give up the rest."""
    answers: list[Any] = []
    for place in (*_MADE, "way/in/back", "way/in", "way/in/deep/back"):
        for entry in await world.name_entries():
            steps = [{"make_folder": {"path": "way/in/m"}}, {"restore": {"id": entry, "destination": place}}]
            answers += [
                await send(world, "POST", "/batch", {"operations": steps}),
                await send(world, "POST", f"/trash/{entry}/restore?destination={quote(place)}"),
                await send(world, "HEAD", "/trash"),
            ]
    for entry in await world.name_entries():
        steps = [{"restore": {"id": entry}}, {"delete": {"path": "way/hidden"}}]
        answers += [
            await send(world, "POST", "/batch", {"operations": steps}),
            await send(world, "DELETE", f"/trash/{entry}", None, _PROBLEM),
        ]
    return [*answers, await send(world, "DELETE", "/trash")]
