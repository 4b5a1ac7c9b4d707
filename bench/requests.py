"""Costs of single requests beside a login: small files, what has not changed, thumbnails, lists."""

from __future__ import annotations

import io
from collections.abc import Mapping
from contextlib import closing
from typing import Final

from PIL import Image

from bench.catalogue import Peer
from bench.load import Throughput, measure_throughput
from bench.server import HEADERS, PATH, MeasurementError, Server
from bench.stages import Ground, Samples
from bench.stores import MANY

DRIVE: Final = Peer(name="drive", title="cloudsvc with its drive", module="cloudsvc_drive")

TITLES: Final[Mapping[str, str]] = {
    "request-login": "login",
    "request-download": "download of 4 KiB",
    "request-unchanged": "304 to If-None-Match of 4 KiB",
    "request-thumbnail": "thumbnail that is in the cache",
    "request-upload": "upload of 4 KiB, hashed and durable",
    "request-list-100": "listing of 100 files",
    "request-list-1000": "listing of 1,000 files",
    "request-search": "search for a part of one name in the large store",
}

_SMALL: Final = "/api/files/small.txt"
_PICTURE: Final = "/api/files/picture.png"
_SUCCESS: Final = range(200, 300)


def measure_requests(ground: Ground) -> Samples:
    """Each kind of request on 32 connections, after a second of it that does not count."""
    with ground.run(DRIVE) as server:
        put(server, _SMALL, bytes(range(256)) * 16)
        put(server, _PICTURE, _draw())
        tag = _look(server, _SMALL)
        samples = {
            "request-login": _measure(ground, server, PATH),
            "request-download": _measure(ground, server, _SMALL),
            "request-unchanged": _measure(ground, server, _SMALL, {"If-None-Match": tag}),
        }
        _look(server, f"{_PICTURE}/thumbnail")  # makes it
        samples["request-thumbnail"] = _measure(ground, server, f"{_PICTURE}/thumbnail")
        measure_throughput(server, 1, "/api/files/warm-up/", "puts.lua")
        samples["request-upload"] = measure_throughput(server, ground.scale.seconds, "/api/files/new/", "puts.lua")
    with ground.run(DRIVE, ground.store) as server:
        for size in (100, 1000):
            samples[f"request-list-{size}"] = _measure(ground, server, f"/api/folders/{MANY}?limit={size}")
        samples["request-search"] = _measure(ground, server, f"/api/files?q={ground.scale.files // 2:07}")
    return samples


def _measure(ground: Ground, server: Server, path: str, fields: Mapping[str, str] | None = None) -> Throughput:
    measure_throughput(server, 1, path, fields=fields)
    return measure_throughput(server, ground.scale.seconds, path, fields=fields)


def _draw() -> bytes:
    output = io.BytesIO()
    Image.effect_noise((1600, 1200), 64).save(output, "PNG")
    return output.getvalue()


def put(server: Server, path: str, content: bytes) -> None:
    """
    Store a file.

    :raises MeasurementError: it was not stored.
    """
    with closing(server.connect()) as connection:
        connection.request("PUT", path, content, HEADERS)
        response = connection.getresponse()
        body = response.read()
        if response.status not in _SUCCESS:
            raise MeasurementError(f"storing {path} was answered with {response.status} {body[:200]!r}")


def _look(server: Server, path: str) -> str:
    """The entity tag of what is there."""
    with closing(server.connect()) as connection:
        connection.request("GET", path, headers=HEADERS)
        response = connection.getresponse()
        body = response.read()
        tag = response.headers["ETag"]
        if response.status not in _SUCCESS or tag is None:
            raise MeasurementError(f"{path} was answered with {response.status} {body[:200]!r}")
        return tag
