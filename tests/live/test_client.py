"""Contract of the client: both faces against the running server."""

from __future__ import annotations

import hashlib
import io
import logging
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cloudsvc.client import (
    ChangedError,
    ConflictError,
    Copy,
    Delete,
    LocalError,
    MakeFolder,
    NotFoundError,
    PreconditionFailedError,
    RefusedError,
    Secret,
    Timeouts,
    UnauthenticatedError,
    UnreachableError,
    UntrustedError,
)
from tests.support.client_faces import FACES, Face, open_face
from tests.support.drive_servers import run_drive
from tests.support.external_servers import find_free_port
from tests.support.lines import Fault, run_line
from tests.support.server import Server, make_home

NAMES = (
    "100%.txt",
    "a?b#c",
    "e\u0301 (NFD).txt",
    "two words",
    "trailing dots..",
    "😀+&;=\\'\"~",
    "%41",
    "thumbnail",
    "CON",
)
LARGE = bytes(range(256)) * 20_000
TOO_MUCH_FOR_BUFFERS = LARGE * 5


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with run_drive(tmp_path_factory.mktemp("drive") / "home") as server:
        yield server


@pytest.fixture(params=FACES, ids=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> Callable[..., Any]:
    face: Callable[..., Any] = request.param
    return face


@pytest.fixture
def client(server: Server, kind: Callable[..., Any]) -> Iterator[Face]:
    with open_face(kind, server) as client:
        yield client
        for node in client.list("list_folder"):
            client.call("delete", node.path)


def test_who_is_there(client: Face) -> None:
    assert client.call("read_health").status in {"healthy", "degraded"}
    assert client.call("log_in") is None


def test_a_wrong_key_is_told_with_the_request(server: Server, kind: Callable[..., Any]) -> None:
    with open_face(kind, server, key=Secret("wrong")) as client, pytest.raises(UnauthenticatedError) as raised:
        client.call("log_in")
    assert raised.value.status == 401
    assert raised.value.request_id
    assert "wrong" not in f"{raised.value!r}{raised.value}"


@pytest.mark.parametrize("name", NAMES)
def test_names_of_any_kind(client: Face, tmp_path: Path, name: str) -> None:
    path = f"names/{name}"
    stored = client.call("upload", name.encode(), path)
    assert stored.created
    assert client.call("stat", path).size == len(name.encode())
    [node] = client.list("list_folder", "names")
    assert node.path == path
    client.call("download", path, tmp_path / "here")
    assert (tmp_path / "here").read_bytes() == name.encode()
    assert client.call("delete", path).path == path


@pytest.mark.parametrize("content", [b"", b"x", LARGE])
def test_uploads_of_every_kind(client: Face, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)
    pieces = [content[start : start + 70_000] for start in range(0, len(content), 70_000)]
    told: list[int] = []
    uploads: tuple[tuple[Any, dict[str, Any]], ...] = (
        (file, {"progress": told.append}),
        (content, {"sha256": hashlib.sha256(content).digest()}),
        (io.BytesIO(content), {}),
        (iter(pieces), {}),
        (iter(pieces), {"length": len(content)}),
    )
    for number, (source, options) in enumerate(uploads):
        stored = client.call("upload", source, f"up/{number}", **options)
        assert stored.sha256 == hashlib.sha256(content).hexdigest()
        assert b"".join(client.list("read", f"up/{number}")) == content
    assert told[-1] == len(content)


def test_conditions_of_uploads(client: Face) -> None:
    first = client.call("upload", b"1", "a", if_absent=True, media_type="text/plain")
    with pytest.raises(PreconditionFailedError):
        client.call("upload", b"2", "a", if_absent=True)
    second = client.call("upload", b"2", "a", if_match=first.etag)
    assert not second.created
    with pytest.raises(PreconditionFailedError):
        client.call("upload", b"3", "a", if_match=first.etag)
    with pytest.raises(RefusedError) as raised:
        client.call("upload", b"3", "a", sha256=bytes(32))
    assert raised.value.code == "digest_mismatch"
    assert b"".join(client.list("read", "a")) == b"2"


def test_a_moment_and_a_type_are_kept(client: Face, tmp_path: Path) -> None:
    moment = datetime(2025, 7, 14, 18, 30, tzinfo=UTC)
    client.call("upload", b"1", "a", modified_at=moment, media_type="image/png")
    status = client.call("stat", "a")
    assert (status.modified_at, status.mime_type, status.kind) == (moment, "image/png", "file")
    client.call("download", "a", tmp_path / "a")
    assert (tmp_path / "a").stat().st_mtime == moment.timestamp()


def test_an_upload_that_breaks_off_changes_nothing(client: Face) -> None:
    client.call("upload", b"old", "a")

    def fail() -> Iterator[bytes]:
        yield LARGE
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        client.call("upload", fail(), "a")
    for pieces in ([b"ab"], [b"abc", b"d"]):
        with pytest.raises(ChangedError):
            client.call("upload", iter(pieces), "a", length=3)
    assert b"".join(client.list("read", "a")) == b"old"


def test_a_file_that_changes_meanwhile_is_not_stored(client: Face, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(LARGE)

    def change(_: int) -> None:
        with file.open("ab") as stream:
            stream.write(b"more")

    with pytest.raises(ChangedError):
        client.call("upload", file, "a", progress=change)
    with pytest.raises(NotFoundError):
        client.call("stat", "a")


def test_parts(client: Face) -> None:
    client.call("upload", b"0123456789", "a")
    assert client.list("read", "a", start=2, stop=5) == [b"234"]
    assert client.list("read", "a", start=8) == [b"89"]
    with pytest.raises(RefusedError) as raised:
        client.list("read", "a", start=20)
    assert raised.value.status == 416
    with pytest.raises(LocalError):
        client.list("read", "a", start=5, stop=5)


def test_the_tree(client: Face) -> None:
    assert client.call("make_folder", "a/b").kind == "folder"
    client.call("upload", b"1", "a/b/c")
    assert client.call("stat", "a").kind == "folder"
    assert client.call("stat", "").kind == "folder"
    assert client.call("move", "a/b", "d").path == "d"
    assert client.call("copy", "d/c", "e").path == "e"
    assert [node.path for node in client.list("list_folder")] == ["a", "d", "e"]
    with pytest.raises(ConflictError):
        client.call("move", "e", "d/c")
    made = client.call("apply", [MakeFolder("x/y"), Copy("e", "x/y/z"), Delete("e")])
    assert [done.path for done in made] == ["x/y", "x/y/z", "e"]
    trashed = made[-1].trash_id
    assert client.list("list_trash")[0].id == trashed
    assert client.call("restore", trashed, "f").path == "f"
    trashed = client.call("delete", "f").trash_id
    assert client.call("purge", trashed).purged == 1
    with pytest.raises(NotFoundError) as raised:
        client.call("delete", "f")
    assert raised.value.request_id


def test_lists_come_in_pages(client: Face) -> None:
    client.call("upload", b"", "many/0")
    client.call("apply", [Copy("many/0", f"many/{number}") for number in range(1, 1000)])
    client.call("apply", [Copy("many/0", f"many/{number}") for number in range(1000, 1500)])
    assert len(client.list("list_folder", "many")) == 1500
    assert len(client.list("search", "many", text="99")) == 24
    found = client.list("search", "many", text="1", sort="-path")
    assert [file.filepath for file in found] == sorted((file.filepath for file in found), reverse=True)


def test_tags_and_versions(client: Face) -> None:
    first = client.call("upload", b"1", "a")
    client.call("upload", b"2", "a")
    assert client.call("edit_tags", "a", add=["x", "y"], remove=["x"]).tags == ("y",)
    assert [file.filepath for file in client.list("search", tag="y")] == ["a"]
    newest, oldest = client.list("list_versions", "a")
    assert (oldest.etag, oldest.size) == (first.etag, 1)
    assert client.list("read", "a", version=oldest.id) == [b"1"]
    client.call("restore_version", "a", oldest.id)
    assert client.list("read", "a") == [b"1"]
    assert newest.id != oldest.id


def test_changes_are_followed(client: Face) -> None:
    position = client.call("find_position")
    client.call("upload", b"1", "a")
    client.call("move", "a", "b")
    first, second = client.list("follow", position, most=2)
    assert [(change.kind, change.path, change.source) for change in (first, second)] == [
        ("created", "a", None),
        ("moved", "b", "a"),
    ]
    assert second.etag == client.call("stat", "b").etag
    client.call("delete", "b")
    [third] = client.list("follow", second.id, most=1)
    assert (third.kind, third.node) == ("discarded", first.node)
    with pytest.raises(RefusedError) as raised:
        client.list("follow", "nonsense", most=1)
    assert raised.value.code == "invalid_position"


def test_a_thumbnail_that_cannot_be_made(client: Face) -> None:
    client.call("upload", b"no image", "a.txt")
    with pytest.raises(RefusedError) as raised:
        client.call("read_thumbnail", "a.txt")
    assert raised.value.status == 415


@pytest.mark.parametrize("replaced", [False, True])
def test_a_download_that_is_cut(
    server: Server, kind: Callable[..., Any], client: Face, tmp_path: Path, *, replaced: bool
) -> None:
    former, other = TOO_MUCH_FOR_BUFFERS, TOO_MUCH_FOR_BUFFERS[::-1]
    client.call("upload", former, "a")
    place = tmp_path / "a"
    has_been_cut: list[int] = []
    with run_line(server.port) as line:

        def cut(so_far: int) -> None:
            if not has_been_cut:
                has_been_cut.append(so_far)
                if replaced:
                    server.ask("PUT", "/api/files/a", other)
                line.cut()

        with open_face(kind, server, url=f"https://localhost:{line.port}") as cut_off:
            done = cut_off.call("download", "a", place, progress=cut)
    assert place.read_bytes() == (other if replaced else former)
    assert done.verified
    assert (done.transferred > len(former)) == replaced
    assert [each.name for each in tmp_path.iterdir()] == ["a"]


def test_a_download_that_was_given_up_goes_on(
    server: Server, kind: Callable[..., Any], client: Face, tmp_path: Path
) -> None:
    client.call("upload", LARGE, "a")

    def give_up(_: int) -> None:
        raise KeyboardInterrupt

    with open_face(kind, server) as stopped, pytest.raises(KeyboardInterrupt):
        stopped.call("download", "a", tmp_path / "a", progress=give_up)
    [partial] = tmp_path.iterdir()
    assert partial.name.startswith(".cloudsvc-")
    done = client.call("download", "a", tmp_path / "a")
    assert 0 < done.transferred < len(LARGE)
    assert (tmp_path / "a").read_bytes() == LARGE


def test_the_key_is_in_no_log(server: Server, client: Face, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    client.call("log_in")
    assert "/api/login" in caplog.text
    assert server.token not in caplog.text
    assert server.token not in repr(client)


def test_nobody_there(server: Server, kind: Callable[..., Any]) -> None:
    with open_face(kind, server, url=f"https://localhost:{find_free_port()}") as client:
        with pytest.raises(UnreachableError) as raised:
            client.call("log_in")
        assert not isinstance(raised.value, UntrustedError)


def test_a_server_that_falls_silent(server: Server, kind: Callable[..., Any]) -> None:
    with run_line(server.port) as line:
        line.judge = lambda _: Fault.SILENT
        impatient = Timeouts(connect=0.2, silence=0.2)
        with (
            open_face(kind, server, url=f"https://localhost:{line.port}", timeouts=impatient) as client,
            pytest.raises(UnreachableError) as raised,
        ):
            client.call("log_in")
    assert raised.value.code == "timed_out"


def test_a_stranger_is_not_trusted(server: Server, kind: Callable[..., Any], tmp_path: Path) -> None:
    other, _ = make_home(tmp_path / "other")
    for authorities in (None, other / "certs" / "cert.pem"):
        with open_face(kind, server, ca_file=authorities) as client, pytest.raises(UntrustedError):
            client.call("log_in")


def test_a_name_that_is_not_on_the_certificate(
    server: Server, kind: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    look_up = socket.getaddrinfo

    def resolve(host: Any, *arguments: Any, **options: Any) -> Any:
        return look_up(
            "127.0.0.1" if host in {"elsewhere.example", b"elsewhere.example"} else host, *arguments, **options
        )

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with (
        open_face(kind, server, url=f"https://elsewhere.example:{server.port}") as client,
        pytest.raises(UntrustedError, match="not valid for"),
    ):
        client.call("log_in")


@pytest.mark.parametrize(
    "url", ["http://localhost", "localhost", "https://", "https://u:p@localhost", "https://localhost/?a", "https://a:x"]
)
def test_urls_that_are_none(server: Server, kind: Callable[..., Any], url: str) -> None:
    with pytest.raises(LocalError), open_face(kind, server, url=url):
        pass


@pytest.mark.parametrize("key", ["", "a b", "a\nb", "ü"])
def test_keys_that_are_none(server: Server, kind: Callable[..., Any], key: str) -> None:
    with pytest.raises(LocalError) as raised, open_face(kind, server, key=Secret(key)):
        pass
    assert not key or key not in str(raised.value)


def test_authorities_that_are_none(server: Server, kind: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "empty.pem").touch()
    for file in (tmp_path / "none.pem", tmp_path / "empty.pem"):
        with pytest.raises(LocalError), open_face(kind, server, ca_file=file):
            pass


def test_asynchronous_pieces(server: Server) -> None:
    async def produce() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield LARGE

    with open_face(FACES[1], server) as client:
        stored = client.call("upload", produce(), "asynchronous")
        assert stored.sha256 == hashlib.sha256(LARGE * 3).hexdigest()
        with pytest.raises(ChangedError):
            client.call("upload", produce(), "asynchronous", length=3)
        assert client.call("stat", "asynchronous").size == 3 * len(LARGE)
        client.call("delete", "asynchronous")
