"""Thumbnails of large and hostile images, asked for without a pause."""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from itertools import product
from multiprocessing import get_context
from typing import Any, Final, TypeAlias

from PIL import Image

from bench.server import HEADERS, MeasurementError, Server

Images: TypeAlias = Mapping[str, tuple[bytes, int]]
"""By name: the content, and the status that a request for its thumbnail gets."""

_CLIENTS: Final = 2
"""Who ask, so that one always waits while a thumbnail is made for the other."""

_CREATED: Final = 201
_PATIENCE: Final = 60.0


def make_images() -> Images:
    """One of each kind."""
    photograph = _encode(Image.effect_noise((4000, 3000), 64), "JPEG")
    return {
        "large": (_encode(Image.new("RGB", (10_000, 9_999)), "PNG"), 200),
        "bomb": (_encode(Image.new("1", (13_000, 13_000)), "PNG"), 422),
        "photograph": (photograph, 200),
        "cut": (photograph[: len(photograph) // 2], 422),
        "video": (b"\0\0\0\x20ftypisom" + os.urandom(2**20), 422),
    }


def _encode(image: Image.Image, form: str) -> bytes:
    output = io.BytesIO()
    image.save(output, form, compress_level=1)
    return output.getvalue()


def store_images(server: Server, images: Images, number: int) -> None:
    """
    Store each of them ``number`` times, always a little different: of equal content a thumbnail is made once.

    :raises MeasurementError: one was not stored.
    """
    with closing(server.connect()) as connection:
        for each, (name, (content, _)) in product(range(number), images.items()):
            headers = {**HEADERS, "Content-Type": "application/octet-stream"}
            connection.request("PUT", f"/api/files/{name}/{each}", content + struct.pack(">I", each), headers)
            response = connection.getresponse()
            response.read()
            if response.status != _CREATED:
                raise MeasurementError(f"storing {name} was answered {response.status}")


@contextmanager
def ask_for_thumbnails(server: Server, images: Images, number: int) -> Iterator[None]:
    """
    Ask meanwhile, in processes of their own, for one after the other of what was stored.

    :raises MeasurementError: an answer had another status than it should, or there were too few images.
    """
    # The context of a connection cannot be sent to another process, but forked.
    context: Any = get_context("fork")
    clients = [
        context.Process(target=_ask, args=(server, images, range(first, number, _CLIENTS))) for first in range(_CLIENTS)
    ]
    for client in clients:
        client.start()
    try:
        yield
        if not all(client.is_alive() for client in clients):
            raise MeasurementError("a client has stopped asking for thumbnails, for the reason above")
    finally:
        for client in clients:
            client.terminate()
            client.join()


def _ask(server: Server, images: Images, numbers: range) -> None:
    with closing(server.connect()) as connection:
        connection.timeout = _PATIENCE
        for each, (name, (_, status)) in product(numbers, images.items()):
            connection.request("GET", f"/api/files/{name}/{each}/thumbnail", headers=HEADERS)
            response = connection.getresponse()
            response.read()
            if response.status != status:
                raise MeasurementError(f"the thumbnail of {name} was answered {response.status}")
    raise MeasurementError("all thumbnails have been made")
