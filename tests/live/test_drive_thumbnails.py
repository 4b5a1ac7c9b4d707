"""Thumbnails by a running server: of pictures and films, and of what is only called so."""

from __future__ import annotations

import os
import signal
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Thread

import pytest

from tests.support.drive_servers import DRIVE, curl, run_drive
from tests.support.halting import halt
from tests.support.hostile_clients import HOST, Memory, count_idle_files, receive_all, run_trial
from tests.support.sample_media import (
    QUARTERS,
    claim_size,
    cut,
    decode,
    draw,
    encode,
    format_chunk,
    insert_chunks,
    make_black,
    make_film,
    make_song,
    read_quarters,
    repeat_last_scan,
)
from tests.support.server import Server, wait_until

LONG_TEXT = format_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(1_300_000)))

HOSTILE: dict[str, tuple[Callable[[], bytes], int, str]] = {
    "bomb.png": (lambda: make_black(13_000, 13_000), 422, "image_too_large"),
    "drawing.svg": (
        lambda: b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
        415,
        "unsupported_media",
    ),
    "cut.jpeg": (lambda: encode(draw(800, 600), "JPEG")[:4000], 422, "image_damaged"),
    "fake.mp4": (lambda: b"\0\0\0\x20ftypisom" + bytes(range(256)) * 400, 422, "image_damaged"),
    "text.mp4": (lambda: b"a text with the name of a film", 415, "unsupported_media"),
    "playlist.mp4": (lambda: b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", 415, "unsupported_media"),
    "text.txt": (lambda: b"a text", 415, "unsupported_media"),
    "empty.jpeg": (lambda: b"", 415, "unsupported_media"),
    "scans.jpeg": (lambda: repeat_last_scan(encode(draw(), "JPEG", progressive=True), 500), 422, "image_too_large"),
    "cut.heic": (lambda: encode(draw(), "HEIF")[:600], 422, "image_damaged"),
    "cut.png": (lambda: encode(draw(), "PNG")[:200], 422, "image_damaged"),
    "empty.mov": (lambda: struct.pack(">I4s", 8, b"wide"), 415, "unsupported_media"),
    "silent.mp3": (lambda: make_song("mp3", "libmp3lame"), 415, "unsupported_media"),
    "cover.mp3": (lambda: make_song("mp3", "libmp3lame", ("mjpeg", b"no picture")), 415, "unsupported_media"),
}
"""What it is, and how its thumbnail is refused."""


def rebrand(content: bytes) -> bytes:
    """An AVIF that says first that it is any picture in such boxes."""
    return content[:8] + b"mif1" + content[12:]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with run_drive(tmp_path_factory.mktemp("drive") / "home") as server:
        yield server


@pytest.fixture
def store(server: Server, tmp_path: Path) -> Callable[..., str]:
    """Stores a file and says where its thumbnail is."""

    def put(name: str, content: bytes, *arguments: str) -> str:
        file = tmp_path / "content"
        file.write_bytes(content)
        assert curl(server, f"/api/files/{name}", "-T", file, *arguments).status in {201, 204}
        return f"/api/files/{name}/thumbnail"

    return put


def list_workers(server: Server) -> list[int]:
    """The processes that the server has started."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == server.process.pid:
            found.append(int(stat.parent.name))
    return found


def list_open_blobs(server: Server) -> list[str]:
    found = []
    for entry in Path(f"/proc/{server.process.pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            found.append(str(entry.readlink()))
    return [target for target in found if "/blobs/" in target]


def wait_for_worker(server: Server) -> int:
    """The process that makes a thumbnail, halted: it will not end by itself."""
    wait_until(lambda: list_workers(server), lambda: "no process was started")
    [worker] = list_workers(server)
    halt(worker)
    return worker


def wait_for_none(server: Server) -> None:
    """Until no thumbnail is made: while clients leave one by one, the next that waits has its turn for a moment."""
    wait_until(
        lambda: not (list_workers(server) or list_open_blobs(server)),
        lambda: f"{list_workers(server)} and {list_open_blobs(server)} are left",
    )


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("picture.png", lambda: encode(draw(640, 480), "PNG")),
        ("picture.heic.avif", lambda: encode(draw(640, 480), "AVIF")),
        ("film.mp4", lambda: make_film("mp4", "libx264")),
        ("film.webm", lambda: make_film("webm", "libvpx")),
        ("tiled.heic", lambda: encode(draw(640, 480), "HEIF", tile_size=256)),
        ("brand.avif", lambda: rebrand(encode(draw(640, 480), "AVIF"))),
        ("film.mov", lambda: make_film("mov", "libx264").replace(b"ftypqt", b"freeqt")),
        ("trimmed.mp4", lambda: cut(make_film("mp4", "libx264", frames=9), "mp4", before=5)),
        ("open.jpeg", lambda: encode(draw(640, 480), "JPEG")[:-2]),
        ("texts.png", lambda: insert_chunks(encode(draw(640, 480), "PNG"), LONG_TEXT)),
        ("grey.tiff", lambda: encode(draw(640, 480).quantize(8).convert("PA"), "TIFF")),
        ("song.mp3", lambda: make_song("mp3", "libmp3lame", ("mjpeg", encode(draw(640, 480), "JPEG")))),
        ("song.flac", lambda: make_song("flac", "flac", ("png", encode(draw(640, 480), "PNG")))),
    ],
)
def test_a_thumbnail(server: Server, store: Callable[..., str], name: str, make: Callable[[], bytes]) -> None:
    path = store(name, make())
    got = curl(server, path)
    assert (got.status, got.headers["content-type"]) == (200, "image/jpeg")
    thumbnail = decode(got.body)
    # A film is smaller than a thumbnail may be, and stays so.
    assert thumbnail.size == ((160, 120) if name.startswith(("film", "trimmed")) else (200, 150))
    assert read_quarters(thumbnail) == QUARTERS
    assert got.headers["cache-control"] == "private, no-cache"
    assert got.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in got.headers["content-security-policy"]

    head = curl(server, path, "-I")
    assert (head.status, head.headers["content-length"]) == (200, str(len(got.body)))
    assert head.headers["etag"] == got.headers["etag"]
    again = curl(server, path, "-H", f"If-None-Match: {got.headers['etag']}")
    assert (again.status, again.body, again.headers["etag"]) == (304, b"", got.headers["etag"])
    assert curl(server, path, "-H", 'If-Match: "another"').status == 412
    wait_for_none(server)


def test_another_content_has_another_thumbnail(server: Server, store: Callable[..., str]) -> None:
    first = curl(server, store("changing.png", encode(draw(), "PNG")))
    path = store("changing.png", encode(draw().rotate(180), "PNG"))
    second = curl(server, path, "-H", f"If-None-Match: {first.headers['etag']}")
    assert second.status == 200
    assert read_quarters(decode(second.body)) == QUARTERS[::-1]
    version = curl(server, "/api/versions/changing.png").json["versions"][-1]["id"]
    refused = curl(server, f"{path}?version={version}")
    assert (refused.status, refused.json["error"]) == (400, "no_thumbnail_of_version")


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_only_called_so_is_refused(server: Server, store: Callable[..., str], name: str) -> None:
    make, status, error = HOSTILE[name]
    path = store(name, make())
    [documented] = [
        operations["get"]["responses"]
        for pattern, operations in curl(server, "/api/openapi.json").json["paths"].items()
        if pattern.endswith("/thumbnail")
    ]
    count_idle_files(server)
    memory = Memory(server)
    for _ in range(3):
        refused = curl(server, path)
        assert (refused.status, refused.json["error"]) == (status, error)
        assert refused.json["message"]
        assert refused.headers["content-type"].startswith("application/json")
    assert str(status) in documented
    assert memory.growth() < 16
    assert curl(server, "/api/health", key=False).json["status"] == "healthy"
    wait_for_none(server)


def test_many_hostile_pictures_at_once_leave_nothing(server: Server, store: Callable[..., str]) -> None:
    paths = [store(f"many/{number}.png", make_black(12_000, 9_000 + number)) for number in range(12)]
    count_idle_files(server)
    memory = Memory(server)
    refused = []
    clients = [
        Thread(target=lambda path: refused.append(server.ask("GET", path).status), args=[path]) for path in paths
    ]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    assert refused == [422] * len(paths)
    assert memory.growth() < 16
    wait_for_none(server)


def test_hundreds_of_scans_do_not_hold_up_the_others(server: Server, store: Callable[..., str]) -> None:
    """The whole picture would be gone over for each of them: ninety million pixels, for some kB."""
    scans = repeat_last_scan(encode(draw(), "JPEG", progressive=True), 90)
    path = store("scans/large.jpeg", claim_size(scans, 10_000, 9_000))
    refused = curl(server, path)
    assert (refused.status, refused.json["error"]) == (422, "image_too_large")
    assert curl(server, store("scans/small.jpeg", encode(draw(), "JPEG", progressive=True))).status == 200
    wait_for_none(server)


@pytest.mark.parametrize(
    ("make", "told", "status"),
    [
        (lambda: encode(draw(), "JPEG"), "image/png", 200),
        (lambda: make_song("flac", "flac", ("png", encode(draw(), "PNG"))), "audio/flac", 200),
        (lambda: encode(draw(), "HEIF"), "video/mp4", 200),
        (lambda: encode(draw(), "JPEG"), "application/octet-stream", 200),
        (lambda: make_film("mp4", "libx264"), "image/jpeg", 200),
        (lambda: encode(draw(), "JPEG"), "text/html", 415),
        (lambda: b"<!doctype html><script>alert(1)</script>", "image/png", 415),
    ],
)
def test_clients_may_lie_about_the_type(
    server: Server, store: Callable[..., str], make: Callable[[], bytes], told: str, status: int
) -> None:
    got = curl(server, store("lie", make(), "-H", f"Content-Type: {told}"))
    assert got.status == status
    assert got.headers["content-type"] == ("image/jpeg" if status == 200 else "application/json")


def test_what_is_called_thumbnail_is_told_apart(server: Server, store: Callable[..., str]) -> None:
    picture = encode(draw(), "PNG")
    for name in ("thumbnail", "folder/thumbnail", "folder/inner/thumbnail"):
        path = store(name, picture)
        assert curl(server, f"/api/files/{name}").body == picture
        assert decode(curl(server, path).body).size == (160, 120)
    store("file", picture)
    refused = curl(server, "/api/files/file/thumbnail", "-X", "PUT", "-d", "x")
    assert refused.status == 409
    assert curl(server, "/api/files/file/thumbnail").headers["content-type"] == "image/jpeg"
    assert curl(server, "/api/files/nothing/thumbnail").status == 404
    made = curl(server, "/api/folders/folder/inner/empty", "-X", "PUT")
    assert (made.status, curl(server, "/api/files/folder/inner/empty/thumbnail").status) == (201, 404)


def test_nobody_without_a_key(server: Server, store: Callable[..., str]) -> None:
    path = store("secret.png", encode(draw(), "PNG"))
    assert curl(server, path, key=False).status == 401


def test_a_client_that_leaves_ends_the_work(server: Server, store: Callable[..., str]) -> None:
    path = store("left.png", make_black(10_000, 9_999))
    with server.connect() as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nX-API-Key: {server.token}\r\n".encode() + HOST + b"\r\n")
        wait_for_worker(server)
        assert list_open_blobs(server)
    wait_for_none(server)
    assert decode(curl(server, path).body).size == (200, 200)


def test_what_waits_for_its_turn_is_not_open(server: Server, store: Callable[..., str]) -> None:
    """Or some hundred pictures that nobody needs would take the descriptors of everybody else."""
    paths = [store(f"waiting/{number}.png", make_black(9_000, 9_000 + number)) for number in range(8)]
    request = "GET {} HTTP/1.1\r\nX-API-Key: {}\r\nConnection: close\r\n{}\r\n"
    with ExitStack() as stack:
        for path in paths:
            connection = stack.enter_context(server.connect())
            connection.sendall(request.format(path, server.token, HOST.decode()).encode())
        wait_for_worker(server)
        assert curl(server, "/api/files/waiting/7.png", "-I").status == 200
        assert len({*list_open_blobs(server)}) == 1
    wait_for_none(server)


def test_asked_for_twice_at_once_it_is_made_once(server: Server, store: Callable[..., str]) -> None:
    path = store("twice.png", encode(draw(3000, 3000), "PNG"))
    request = f"GET {path} HTTP/1.1\r\nX-API-Key: {server.token}\r\nConnection: close\r\n".encode() + HOST + b"\r\n"
    with server.connect() as first, server.connect() as second:
        first.sendall(request)
        worker = wait_for_worker(server)
        second.sendall(request)
        assert curl(server, "/api/files/twice.png", "-I").status == 200
        assert list_workers(server) == [worker]
        os.kill(worker, signal.SIGCONT)
        answers = [receive_all(client) for client in (first, second)]
    assert all(answer.startswith(b"HTTP/1.1 200 ") for answer in answers)
    assert len({answer.partition(b"\r\n\r\n")[2] for answer in answers}) == 1


def test_a_server_that_stops_takes_its_workers_along(tmp_path: Path) -> None:
    settings = {"applications": [DRIVE], "server": {"drain_seconds": 1}}
    with run_trial(tmp_path / "home", **settings) as server:
        file = tmp_path / "content"
        file.write_bytes(make_black(10_000, 9_998))
        assert curl(server, "/api/files/picture.png", "-T", file).status == 201
        with server.connect() as connection:
            connection.sendall(
                f"GET /api/files/picture.png/thumbnail HTTP/1.1\r\nX-API-Key: {server.token}\r\n".encode()
                + HOST
                + b"\r\n"
            )
            worker = wait_for_worker(server)
            assert server.stop() == 0
    assert not Path(f"/proc/{worker}").exists()
