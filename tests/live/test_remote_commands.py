"""``cloudsvc remote`` against the running server."""

from __future__ import annotations

import json
import select
import shutil
import signal
import subprocess
import termios
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TypeAlias

import pytest
from click.testing import CliRunner, Result

from cloudsvc.cli.main import main
from tests.support.command_processes import open_terminal
from tests.support.drive_servers import run_drive
from tests.support.server import PATIENCE, Server, environment, make_home, program, wait_until

Remote: TypeAlias = Callable[..., Result]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with run_drive(tmp_path_factory.mktemp("drive") / "home") as server:
        yield server


@pytest.fixture
def environ(server: Server, tmp_path: Path) -> dict[str, str]:
    """What a shell has to reach the server without a profile."""
    return {
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "CLOUDSVC_URL": server.url,
        "CLOUDSVC_KEY": server.token,
        "CLOUDSVC_CA_FILE": str(server.certificate),
    }


@pytest.fixture
def remote(server: Server, environ: dict[str, str]) -> Iterator[Remote]:
    """``cloudsvc remote``, which must never show the key."""

    def run(*arguments: str | Path, status: int = 0, given: bytes = b"", **changes: str | None) -> Result:
        command = ["remote", *map(str, arguments)]
        done = CliRunner(env=environ | changes).invoke(main, command, input=given, catch_exceptions=False)
        assert done.exit_code == status, done.output
        assert server.token not in done.output
        return done

    yield run
    for name in run("ls").stdout.splitlines():
        run("rm", "-r", name)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory in which commands run."""
    directory = tmp_path / "here"
    directory.mkdir()
    monkeypatch.chdir(directory)
    return directory


def test_login_remembers_a_server(server: Server, remote: Remote, here: Path) -> None:
    shutil.copy(server.certificate, here / "cert.pem")
    plain = dict.fromkeys(("CLOUDSVC_URL", "CLOUDSVC_KEY", "CLOUDSVC_CA_FILE"))
    asked = f"{server.url}\n{server.token}\n".encode()
    remote("login", "--ca-file", "cert.pem", given=b"\n".join([server.url.encode(), b"wrong\n"]), status=6, **plain)
    remote("ls", status=1, **plain)
    remote("login", "--ca-file", "cert.pem", given=asked, **plain)
    (here / "cert.pem").unlink()
    assert remote("ls", **plain).stdout == ""
    remote("--profile", "other", "login", "--url", server.url, "--key-stdin", given=b"x\n", status=5, **plain)
    remote("logout", **plain)
    remote("ls", status=1, **plain)


def test_files_there_and_back(remote: Remote, here: Path) -> None:
    (here / "100%.txt").write_bytes(b"content")
    (here / "empty").touch()
    remote("put", "100%.txt", "empty", "a/b/")
    assert remote("ls", "a/b").stdout == "100%.txt\nempty\n"
    assert remote("ls").stdout == "a/\n"
    assert "7 B" in remote("ls", "-l", "/a/b/100%.txt").stdout
    assert remote("cat", "--start", "1", "--stop", "3", "a/b/100%.txt").stdout == "on"
    remote("put", "--if-absent", "empty", "a/b/100%.txt", status=4)
    remote("get", "a/b/100%.txt", "other.txt")
    assert (here / "other.txt").read_bytes() == b"content"
    remote("put", "empty", "a/b/100%.txt")
    remote("get", "a/b/100%.txt", "other.txt", status=4)
    remote("get", "-f", "a/b/100%.txt", "other.txt")
    assert (here / "other.txt").read_bytes() == b""
    remote("put", "-", "piped", given=b"from a pipe")
    assert remote("get", "piped", "-").stdout == "from a pipe"
    # Into a folder that is there, as any other source.
    remote("put", "-", "a", given=b"2")
    assert remote("cat", "a/-").stdout == "2"


def test_one_source_that_is_none_keeps_no_other_from_being_kept(remote: Remote, here: Path) -> None:
    (here / "good").write_bytes(b"1")
    (here / "folder").mkdir()
    told = remote("put", "missing", "folder", "good", "sources/", status=9)
    assert "missing" in told.stderr
    assert "folder" in told.stderr
    assert remote("ls", "sources").stdout == "good\n"


def test_changes(remote: Remote) -> None:
    remote("mkdir", "a/b")
    remote("put", "-", "c", given=b"1")
    remote("cp", "c", "a/")
    remote("mv", "c", "a/b/d")
    assert remote("ls", "a").stdout == "b/\nc\n"
    remote("mv", "a/c", "a/b/d", status=4)
    refused = remote("rm", "a", status=1)
    assert "-r" in refused.stderr
    remote("rm", "a/c")
    remote("rm", "-r", "a")
    for command in (("ls", "a"), ("stat", "a"), ("cat", "a"), ("get", "a"), ("rm", "a"), ("mv", "a", "b")):
        remote(*command, status=3)


def test_json_for_programs(remote: Remote, here: Path) -> None:
    stored = json.loads(remote("--json", "put", "-", "a", given=b"1").stdout)
    assert stored["created"]
    assert json.loads(remote("--json", "stat", "a").stdout)["etag"] == stored["etag"]
    [node] = map(json.loads, remote("--json", "ls").stdout.splitlines())
    assert (node["path"], node["kind"], node["size"]) == ("a", "file", 1)
    assert json.loads(remote("--json", "get", "a", here / "a").stdout)["verified"]
    fault = json.loads(remote("--json", "get", "b", status=3).stderr)
    assert fault["request_id"]
    remote("mkdir", "c")
    fault = json.loads(remote("--json", "rm", "c", status=1).stderr)
    assert "-r" in fault["message"]
    fault = json.loads(remote("--json", "--profile", "nobody", "logout", status=1).stderr)
    assert "nobody" in fault["message"]
    [itself] = map(json.loads, remote("--json", "ls", "a").stdout.splitlines())
    assert (itself["path"], itself["etag"]) == ("a", stored["etag"])


def test_trees_there_and_back(remote: Remote, here: Path) -> None:
    top = here / "tree"
    (top / "sub" / "empty").mkdir(parents=True)
    (top / "sub" / "a?b#c").write_bytes(b"1")
    (top / "e\u0301").write_bytes(b"2")
    (top / "link").symlink_to("/etc/passwd")
    told = remote("put", "-r", "tree", "t", status=9)
    assert "link" in told.stderr
    (top / "link").unlink()
    (here / "shortcut").symlink_to(top)
    assert "left out" in remote("put", "-r", "shortcut", "s", status=9).stderr
    remote("stat", "s", status=3)
    remote("get", "-r", "t", "copy")
    assert sorted(str(each.relative_to(here / "copy")) for each in (here / "copy").rglob("*")) == sorted(
        str(each.relative_to(top)) for each in top.rglob("*")
    )
    assert (here / "copy" / "sub" / "a?b#c").read_bytes() == b"1"
    (here / "copy" / "sub" / "a?b#c").unlink()
    again = remote("--json", "get", "-r", "t", "copy").stdout.splitlines()
    assert sorted(json.loads(line)["transferred"] for line in again) == [0, 1]
    remote("put", "tree", "t", status=9)
    remote("get", "t", status=9)


def test_nothing_is_written_outside_of_the_directory(remote: Remote, here: Path) -> None:
    outside = here / "outside"
    outside.mkdir()
    remote("put", "-", "t/sub/file", given=b"1")
    (here / "copy" / "t").mkdir(parents=True)
    (here / "copy" / "t" / "sub").symlink_to(outside)
    told = remote("get", "-r", "t", "copy/", status=9)
    assert "not followed" in told.stderr
    assert [*outside.iterdir()] == []


def test_a_stranger(remote: Remote, here: Path) -> None:
    other, _ = make_home(here / "other")
    told = remote("ls", status=5, CLOUDSVC_CA_FILE=str(other / "certs" / "cert.pem"))
    assert "is not trusted" in told.stderr
    remote("ls", status=6, CLOUDSVC_KEY="wrong")


def test_a_terminal_shows_how_far_it_is(remote: Remote, here: Path, environ: dict[str, str]) -> None:
    (here / "file").write_bytes(bytes(1 << 20))
    with open_terminal() as terminal:
        with Path(terminal.name).open("wb") as shown:
            termios.tcsetwinsize(shown, (24, 80))
            command = [program("cloudsvc"), "remote", "put", "file", "there"]
            subprocess.run(command, env=environment(environ), stderr=shown, check=True, timeout=PATIENCE)
        assert "there" in terminal.read()


def test_changes_are_told_as_they_happen(remote: Remote, environ: dict[str, str]) -> None:
    command = [program("cloudsvc"), "remote", "--json", "watch", "a"]
    with _run(command, environ, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        output = process.stdout
        numbers = count()

        def is_told() -> bool:
            """Nobody sees when it begins to follow: there is always something new to tell."""
            remote("put", "-", "elsewhere", given=b"%d" % next(numbers))
            remote("put", "-", "a/b", given=b"%d" % next(numbers))
            return bool(select.select([output], [], [], 0)[0])

        wait_until(is_told, lambda: "no change is told")
        first = json.loads(output.readline())
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 130
        assert all(json.loads(line)["path"].startswith("a") for line in output)
    assert first["path"] in {"a", "a/b"}
    remote("watch", "--since", "nonsense", status=1)


def test_an_interrupted_upload_keeps_nothing(remote: Remote, environ: dict[str, str]) -> None:
    command = [program("cloudsvc"), "remote", "put", "-", "cut"]
    with _run(command, environ, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(bytes(8 << 20))  # more than a pipe holds: most of it is on its way
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 130
        assert b"Traceback" not in process.stderr.read()
    remote("stat", "cut", status=3)


@contextmanager
def _run(
    command: Sequence[str], environ: dict[str, str], *, stdin: int | None = None, stdout: int | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A command beside the test, which ends with it."""
    with subprocess.Popen(
        command, env=environment(environ), stdin=stdin, stdout=stdout, stderr=subprocess.PIPE, bufsize=0
    ) as process:
        try:
            yield process
        finally:
            process.kill()
