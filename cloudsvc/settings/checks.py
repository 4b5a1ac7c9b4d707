"""Validators of single values which a range cannot express. Each raises :exc:`ValueError` that says what to write."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.util import find_spec
from ipaddress import ip_network
from typing import Final
from urllib.parse import urlsplit

from cloudsvc.core.bucket_urls import parse_bucket_url
from cloudsvc.core.hosts import parse_host
from cloudsvc.core.rates import parse_rate
from cloudsvc.core.secrets import Secret

STORAGE_SCHEMES: Final = ("memory", "redis", "rediss", "redis+unix", "memcached")

DATABASE_SCHEMES: Final = ("postgresql", "postgres")

_CLIENTS: Final[Mapping[str, tuple[str, str]]] = {
    **dict.fromkeys(("redis", "rediss", "redis+unix"), ("redis", "redis")),
    "memcached": ("pymemcache", "memcached"),
}
"""The module that speaks to the storage at such an address, and the extra that installs it."""

_ADDRESS: Final = re.compile(r"[0-9A-Za-z._-]+|\[?[0-9A-Fa-f:.]+(%[0-9A-Za-z._-]+)?\]?")


def check_address(text: str) -> None:
    """``0.0.0.0``, ``::``, ``[::1]``, ``localhost``. Whether this host has it, binding tells."""
    if not _ADDRESS.fullmatch(text):
        raise ValueError(f"{text!r} is no address; write one of this host, like '127.0.0.1', or '0.0.0.0' for all")


def check_host(text: str) -> None:
    """``cloud.example.org``, ``*.example.org``, ``192.0.2.1``, ``::1``."""
    try:
        parse_host(text)
    except ValueError as problem:
        raise ValueError(f"{text!r} is no host ({problem}); write a host name or an IP address") from None


def check_rate(text: str) -> None:
    """``100/minute``, ``5 per 2 hours``."""
    parse_rate(text)


def check_network(text: str) -> None:
    """``10.0.0.0/8``, ``fd00::/8``, ``192.0.2.1``, or ``unix`` for whoever connects to a Unix socket."""
    if text == "unix":
        return
    try:
        ip_network(text)
    except ValueError as problem:
        raise ValueError(f"{problem}; write a network like '10.0.0.0/8', one address, or 'unix'") from None


def check_origin(text: str) -> None:
    """``https://app.example.org``, ``http://localhost:3000``, ``*`` (RFC 6454, 6.2)."""
    if text == "*":
        return
    try:
        parts = urlsplit(text)
        plain = f"{parts.scheme}://{parts.netloc}" == text and parts.hostname and parts.username is None
        _ = parts.port
    except ValueError:
        plain = False
    if not plain:
        raise ValueError(f"{text!r} is no origin; write scheme, host and port alone, like 'https://app.example.org'")


def check_storage(uri: Secret | None) -> None:
    """``memory://``, ``redis://host:6379/0``. The address may hold a password, so no fault shows it."""
    scheme = storage_scheme(uri)
    if scheme not in STORAGE_SCHEMES:
        known = ", ".join(f"{scheme}://" for scheme in STORAGE_SCHEMES)
        raise ValueError(f"the address of the storage must begin with one of {known}")
    if uri and not _has_ports(uri.reveal()):
        raise ValueError(
            "the address of the storage has a port that is no number; write one like 'redis://host:6379/0'"
        )
    module, extra = _CLIENTS.get(scheme, ("", ""))
    if module and find_spec(module) is None:
        raise ValueError(
            f"counting in {scheme}:// needs a package that is not installed; install cloudsvc[{extra}], "
            "or count in memory://"
        )


def _has_ports(uri: str) -> bool:
    """Whether what follows the host, or each of several hosts, is a port where there is anything."""
    try:
        for server in urlsplit(uri).netloc.rpartition("@")[2].split(","):
            _ = urlsplit(f"//{server}").port
    except ValueError:
        return False
    return True


def storage_scheme(uri: Secret | None) -> str:
    """What the address of a storage begins with; ``memory`` where there is none."""
    return uri.reveal().partition("://")[0] if uri and uri.reveal() else "memory"


def check_database(url: Secret | None) -> None:
    """``postgresql://user:password@host/name``. It may hold a password, so no fault shows it."""
    if url is None:
        return
    if url.reveal().partition("://")[0] not in DATABASE_SCHEMES:
        raise ValueError("the URL of the database must begin with postgresql://")
    if find_spec("psycopg") is None:
        raise ValueError("PostgreSQL needs a package that is not installed; install cloudsvc[postgresql]")
    from psycopg import Error  # noqa: PLC0415  # it is there now, and only who has this setting waits for it
    from psycopg.conninfo import conninfo_to_dict  # noqa: PLC0415  # likewise

    try:
        conninfo_to_dict(url.reveal())
    except Error:
        raise ValueError(
            "the URL of the database makes no sense; write one like 'postgresql://user:password@host/name', "
            "with special characters as %XX"
        ) from None


def check_bucket(url: str | None) -> None:
    """``s3://bucket/prefix``."""
    if url is None:
        return
    parse_bucket_url(url)
    if find_spec("botocore") is None:
        raise ValueError("object stores need a package that is not installed; install cloudsvc[s3]")


def check_endpoint(url: str | None) -> None:
    """``https://s3.example.org``, ``http://localhost:8333``."""
    if url is None:
        return
    try:
        parts = urlsplit(url)
        plain = (
            parts.scheme in {"http", "https"} and parts.hostname and "@" not in parts.netloc and parts.path in {"", "/"}
        )
        _ = parts.port
    except ValueError:
        plain = False
    if not plain or parts.query or parts.fragment:
        raise ValueError("write scheme, host and port alone, like 'https://s3.example.org'")
