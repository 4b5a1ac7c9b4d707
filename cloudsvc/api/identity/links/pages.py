"""Pages for visitors in browsers: plain HTML without a script, in which nothing that somebody has named is markup."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import quote

from attrs import frozen

from cloudsvc.api.identity.links.messages import SharedEntry, SharedKind
from cloudsvc.extend import HTTPError, Request, Response, choose_type, read_field

_JSON: Final = "application/json"
_HTML: Final = "text/html"

_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:56rem;padding:0 1rem;color-scheme:light dark}"
    "table{border-collapse:collapse;width:100%}td,th{padding:.3rem .6rem;text-align:left}td+td{white-space:nowrap}"
    "tr+tr{border-top:1px solid #8884}input,button{font:inherit}.note{padding:.5rem 1rem;border:1px solid #8888}"
)
_HASH: Final = b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

PRIVATE: Final = (
    (b"Referrer-Policy", b"no-referrer"),
    (b"X-Robots-Tag", b"noindex, nofollow"),
    (b"Vary", b"Accept, Cookie"),
)
"""
Of every answer to a visitor: the address holds a secret, so no page is told it, and no index. What it answers is up to
who asks, and to whether they have shown a password.
"""

_HEADERS: Final = (
    (b"Content-Type", b"text/html; charset=utf-8"),
    (b"Content-Security-Policy", _POLICY.encode("ascii")),
    (b"Cache-Control", b"private, no-store"),
    *PRIVATE,
)

_UNITS: Final = ("bytes", "KiB", "MiB", "GiB", "TiB")
_STEP: Final = 1024
"""How many of each unit are one of the next."""


def wants_page(request: Request) -> bool:
    """Whether a client would rather have HTML than JSON, as browsers do."""
    return choose_type(read_field(request, "Accept"), (_JSON, _HTML)) == _HTML


def write_folder(
    request: Request, *, title: str, is_below: bool, entries: Sequence[SharedEntry], cursor: str | None
) -> Response:
    """
    The page of a folder.

    :param is_below: whether it is one in the folder that is shared.
    :param cursor: of the next page, if there is one.
    """
    last = request.path.rpartition(b"/")[2].decode("latin-1")
    here = f"./{last}/" if last else "./"
    up = "./" if last else "../"
    rows = "".join(_write_row(here, entry) for entry in entries) or "<tr><td>There is nothing here.</td></tr>"
    above = f'<p><a href="{up}">Up</a></p>' if is_below else ""
    more = "" if cursor is None else f'<p><a href="?cursor={quote(cursor, safe="")}">More</a></p>'
    table = f"<table><tr><th>Name</th><th>Size</th><th>Changed</th></tr>{rows}</table>"
    return _write(title, f"{above}{table}{more}")


def write_request(request: Request, title: str, received: Iterable[str] = ()) -> Response:
    """The page on which files are brought, and which were just now."""
    notes = "".join(f'<p class="note">Received: <bdi>{escape(name)}</bdi></p>' for name in received)
    form = (
        f'<form method="post"{_aim(request)} enctype="multipart/form-data">'
        '<p><input type="file" name="file" required></p><p><button>Send</button></p></form>'
    )
    return _write(title, f"{notes}<p>Send a file. Nobody who has this link sees what is here.</p>{form}")


def _write_password(request: Request) -> str:
    return (
        f'<form method="post"{_aim(request)}><p><label>This link has a password: <input type="password" name="password"'
        ' required autofocus autocomplete="current-password"></label> <button>Open</button></p></form>'
    )


def _aim(request: Request) -> str:
    """
    Where a form goes: to the address of the link, and not to what is below it, at which the visitor may be. Relative,
    as a proxy may have put something before it.
    """
    _, _, token, *below = request.path.decode("latin-1").split("/")
    return f' action="{escape("../" * len(below) + token)}"' if below else ""


def _write_row(here: str, entry: SharedEntry) -> str:
    is_folder = entry.kind is SharedKind.FOLDER
    address = f"{here}{quote(entry.name, safe='')}{'/' if is_folder else ''}"
    size = "" if entry.size is None else _write_size(entry.size)
    changed = f'<time datetime="{escape(entry.modified_at)}">{escape(entry.modified_at[:16].replace("T", " "))}</time>'
    name = f"<bdi>{escape(entry.name)}</bdi>{'/' if is_folder else ''}"
    return f'<tr><td><a href="{escape(address)}">{name}</a></td><td>{size}</td><td>{changed}</td></tr>'


def _write_size(size: int) -> str:
    value, unit = float(size), 0
    while value >= _STEP and unit < len(_UNITS) - 1:
        value, unit = value / _STEP, unit + 1
    return f"{value:.0f} {_UNITS[unit]}" if not unit else f"{value:.1f} {_UNITS[unit]}"


def _write(title: str, content: str, status: int = 200) -> Response:
    text = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><meta name="robots" content="noindex">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><h1><bdi>{escape(title)}</bdi></h1>{content}</body></html>"
    )
    return Response(status=status, headers=_HEADERS, body=text.encode(errors="replace"))


@frozen
class RefusalPages:
    """Refusals as pages; one that wants a password asks for it."""

    @property
    def produces(self) -> Mapping[str, Mapping[str, Any]]:
        """See :class:`cloudsvc.extend.ErrorRenderer`."""
        return MappingProxyType({_HTML: {"type": "string"}})

    def render(self, request: Request, error: HTTPError) -> Response:
        """See :class:`cloudsvc.extend.ErrorRenderer`."""
        note = f'<p class="note">{escape(error.message)}</p>'
        if error.error in {"wrong_password", "too_many_tries"}:
            return _write("Password", note + _write_password(request), error.status)
        if error.error == "link_locked":
            return _write("Password", _write_password(request), error.status)
        return _write("Not possible", note, error.status)


PAGES: Final = RefusalPages()
