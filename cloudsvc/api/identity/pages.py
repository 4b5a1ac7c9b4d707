"""The page that browsers see when they have come back from an identity provider: a sentence, and no script."""

from __future__ import annotations

from html import escape
from typing import Final

PAGE_HEADERS: Final = (
    (b"Content-Type", b"text/html; charset=utf-8"),
    (b"Content-Security-Policy", b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
)


def render_page(text: str, path: str) -> bytes:
    """
    ``text``, and a way on.

    The way is a refreshment and not a redirection: what the page of the provider has begun is a request of another
    site, with all redirections that follow, and browsers send no ``SameSite=Strict`` cookie with it. A refreshment is
    begun by this page.

    :param path: where it leads, a path of this server; empty for nowhere.
    """
    way = escape(path, quote=True)
    refresh = f'<meta http-equiv="refresh" content="0; url={way}">' if path else ""
    link = f' <a href="{way}">Go on</a>' if path else ""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>cloudsvc</title>{refresh}</head>'
        f"<body><p>{escape(text)}{link}</p></body></html>\n"
    ).encode()
