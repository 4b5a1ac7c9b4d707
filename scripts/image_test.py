"""Build the container image and live through one life of it, without a container engine.

buildah builds the image as the Dockerfile says, on a Debian base that debootstrap makes once and that carries the name
of the Dockerfile's base. Then the image is run as an engine would: its own user, environment, entry point and health
check, in its own mount and process namespaces, on a read-only root with only its volumes writable. It must become
healthy, accept its token, keep a picture and make a thumbnail of it, and leave with status 0 when told to stop; and the
same once more on the same volumes, with two workers.

Needs root, buildah and debootstrap (Debian packages). The base is kept under $XDG_CACHE_HOME/cloudsvc.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cloudsvc"
SUITE = "bookworm"
PACKAGES = "ca-certificates,python3,python3-pip,python3-venv"
TRUST = Path("/etc/ssl/certs/ca-certificates.crt")
IMAGE = "cloudsvc:test"
PLACE = "/files/pictures/black.png"
MIB = 2**20
BUILD_SECONDS, HEALTHY_SECONDS, STOP_SECONDS = 900, 60, 30


def say(text: str) -> None:
    """Print a line at once, so that it stands among the lines of the programs run here."""
    print(text, flush=True)


def run(*command: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run to the end; a failure raises, with everything the command said on stderr."""
    return subprocess.run([str(part) for part in command], check=True, text=True, timeout=BUILD_SECONDS, **options)


def read_base_name() -> str:
    """The image that the Dockerfile starts from when nothing else is said."""
    found = re.search(r"^ARG BASE=(\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    if found is None:
        sys.exit("Dockerfile: no line 'ARG BASE=...'")
    return found[1]


def make_base() -> Path:
    """The archive of a minimal Debian with Python, made once."""
    archive = CACHE / f"base-{SUITE}.tar"
    if not archive.exists():
        say(f"making {archive}")
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as directory:
            tree, partial = Path(directory, "root"), Path(directory, "base.tar")
            run("debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, tree, stdout=subprocess.DEVNULL)
            run(
                "tar", "-C", tree, "--exclude=./var/cache/apt/*", "--exclude=./var/lib/apt/lists/*", "-cf", partial, "."
            )
            partial.rename(archive)
    return archive


def write_pip_settings(path: Path) -> None:
    """Give the build the package index that this machine uses, whatever it is."""
    shown = run(sys.executable, "-m", "pip", "config", "list", capture_output=True).stdout
    settings = dict(
        re.findall(r"^(?:global|install|:env:)\.(index-url|trusted-host|proxy|timeout)='(.*)'$", shown, re.MULTILINE)
    )
    lines = [f"{name} = {value}" for name, value in settings.items()]
    path.write_text("\n".join(["[global]", f"cert = {TRUST}", *lines, ""]))


class Store:
    """A store of images of its own, so that the machine's is not touched; it goes when the test ends."""

    def __init__(self, directory: Path) -> None:
        self._options = (f"--root={directory}/images", f"--runroot={directory}/run", "--storage-driver=vfs")

    def __call__(self, verb: str, *arguments: str | Path) -> str:
        """Run one buildah command and return what it prints."""
        return run("buildah", *self._options, verb, *arguments, stdout=subprocess.PIPE).stdout.strip()


def build(store: Store, directory: Path) -> None:
    """Make the image from the base and the Dockerfile."""
    base = store("from", "scratch")
    store("add", base, make_base(), "/")
    store("config", "--env", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", base)
    store("commit", "--quiet", "--rm", base, read_base_name())
    settings = directory / "pip.conf"
    write_pip_settings(settings)
    mounts = [f"--volume={settings}:/etc/pip.conf:ro", f"--volume={TRUST}:{TRUST}:ro"]
    store("build", "--quiet", "--isolation=chroot", "--format=docker", "--pull-never", *mounts, "--tag", IMAGE, ROOT)


def find_port() -> int:
    """A port that nothing listens on now. Without a network of its own the container cannot have 443."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


class Container:
    """The image, running in namespaces of its own on a read-only root."""

    def __init__(
        self, image: Image, process: subprocess.Popen[bytes], log: Path, environment: Mapping[str, str]
    ) -> None:
        self._image = image
        self._process = process
        self._log = log
        self._environment = environment
        self.port = int(environment["PORT"])

    @property
    def first(self) -> int | None:
        """The process that is number 1 inside, by its number out here; None before there is one."""
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        return int(children[0]) if children else None

    def read_log(self) -> str:
        """What the container has printed so far."""
        return self._log.read_text()

    def succeeds(self, command: Sequence[str]) -> bool:
        """Run a command inside, as the image's user."""
        user = [f"--setuid={self._image.uid}", f"--setgid={self._image.gid}"]
        enter = ["nsenter", f"--target={self.first}", "--mount", "--pid", "--root", "--wd", *user]
        done = subprocess.run([*enter, *command], check=False, env=self._environment, capture_output=True, timeout=60)
        return done.returncode == 0

    def wait_healthy(self) -> float:
        """Ask the image's own health check until it agrees; the seconds that took."""
        kind, *command = self._image.config["Healthcheck"]["Test"]
        if kind != "CMD":
            sys.exit(f"HEALTHCHECK is {kind}, not the exec form")
        began = time.monotonic()
        while (passed := time.monotonic() - began) < HEALTHY_SECONDS:
            if self._process.poll() is not None:
                sys.exit(f"the container ended with status {self._process.returncode}")
            if self.first and self.succeeds(command):
                return passed
            time.sleep(0.5)
        sys.exit(f"not healthy after {HEALTHY_SECONDS} s")

    def stop(self) -> int:
        """Send the image's stop signal to its first process; the exit status."""
        if self.first:
            os.kill(self.first, getattr(signal, self._image.config["StopSignal"]))
        return self._process.wait(STOP_SECONDS)


class Image:
    """A built image: its tree of files, and what it says about running it."""

    def __init__(self, root: Path, config: Mapping[str, Any]) -> None:
        self.root = root
        self.config = config
        self.uid, self.gid = config["User"].split(":")

    def make_volumes(self, directory: Path) -> dict[str, Path]:
        """Its volumes, as an engine makes them for the first container that has them."""
        volumes = {path: directory / path.replace("/", "-") for path in self.config["Volumes"]}
        for path, place in volumes.items():
            run("cp", "--archive", f"{self.root}{path}", place)
        return volumes

    @contextmanager
    def running(self, volumes: Mapping[str, Path], log: Path, settings: Mapping[str, str]) -> Iterator[Container]:
        """The container, started as an engine would; it is gone afterwards."""
        (self.root / "etc/hosts").touch()
        # Volumes are mounts of their own: they stay writable when the root is mounted again, read-only.
        mounts = [
            f"mount --bind {self.root} {self.root}",
            *(f"mount --bind {place} {self.root}{path}" for path, place in volumes.items()),
            f"mount --bind /dev {self.root}/dev",
            f"mount --bind /etc/hosts {self.root}/etc/hosts",
            f"mount -t proc proc {self.root}/proc",
            f"mount -o remount,bind,ro {self.root}",
        ]
        user = [f"--reuid={self.uid}", f"--regid={self.gid}", "--clear-groups"]
        drop = ["setpriv", *user, "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]
        enter = ["chroot", str(self.root), *drop, "env", f"--chdir={self.config['WorkingDir']}"]
        unshare = [
            "unshare",
            "--mount",
            "--pid",
            "--fork",
            "--kill-child",
            "sh",
            "-ec",
            "; ".join(mounts) + '; exec "$@"',
            "sh",
        ]
        command = [*unshare, *enter, *self.config["Entrypoint"], *self.config["Cmd"]]
        # Port 443 can be had only in a network of its own.
        own = dict(entry.split("=", 1) for entry in self.config["Env"])
        environment = {**own, "PORT": str(find_port()), **settings}
        with (
            log.open("wb") as said,
            subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said) as process,
        ):
            try:
                yield Container(self, process, log, environment)
            finally:
                process.kill()


class Client:
    """Asks the server, whose certificate is verified against what the image lays out for others."""

    def __init__(self, port: int, certificate: Path, token: str) -> None:
        self._url, self._token = f"https://localhost:{port}/api", token
        self._trust = ssl.create_default_context(cafile=certificate)

    def ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        """The body of an answer that is a success."""
        request = urllib.request.Request(self._url + path, method=method, data=body, headers={"X-API-Key": self._token})
        with urllib.request.urlopen(request, timeout=30, context=self._trust) as response:
            content: bytes = response.read()
            return content


def make_picture() -> bytes:
    """A black PNG of 300 x 200 pixels."""
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", 300, 200, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(bytes(200 * (1 + 3 * 300)))),
        (b"IEND", b""),
    )
    signature = b"\x89PNG\r\n\x1a\n"
    return signature + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def keep_picture(client: Client) -> None:
    """Store a picture and get it back, and a thumbnail of it, which another process makes."""
    client.ask("PUT", PLACE, make_picture())
    find_picture(client)
    if not client.ask("GET", f"{PLACE}/thumbnail").startswith(b"\xff\xd8"):
        sys.exit("a thumbnail is no JPEG")


def find_picture(client: Client) -> None:
    """Get the picture that is stored."""
    if client.ask("GET", PLACE) != make_picture():
        sys.exit("a stored file came back as another")


def wait_for_workers(client: Client) -> None:
    """Return once all workers answer."""
    end = time.monotonic() + HEALTHY_SECONDS
    while True:
        found = json.loads(client.ask("GET", "/health/checks"))["checks"]["workers"]
        if found["status"] == "healthy":
            say(found["message"])
            return
        if time.monotonic() > end:
            sys.exit(f"after {HEALTHY_SECONDS} s: {found['message']}")
        time.sleep(0.5)


def find_token(log: str) -> str:
    """The token that a first start prints, once, on a line of its own."""
    found = re.search(r"^[\w-]{32,}$", log, re.MULTILINE)
    if found is None:
        sys.exit("the first start printed no token")
    return found[0]


def inspect_tree(root: Path) -> None:
    """Refuse an image that carries tools to build with, or code that its user could change."""
    searched = ["usr/local/bin", "usr/bin", "bin", "opt/cloudsvc/bin"]
    for name in ("git", "gcc", "cc", "make", "uv", "hatchling"):
        if any((root / directory / name).exists() for directory in searched):
            sys.exit(f"the image holds {name}")
    for path in (root / "opt/cloudsvc").rglob("*"):
        about = path.lstat()
        if about.st_uid != 0 or (not path.is_symlink() and about.st_mode & 0o022):
            sys.exit(f"/{path.relative_to(root)} can be changed by others than root")
    if not list(root.glob("opt/cloudsvc/lib/python3*/site-packages/twisted/plugins/dropin.cache")):
        sys.exit("the image lacks Twisted's plugin cache")


def measure(directory: Path) -> float:
    """MiB that a tree takes on disk."""
    return sum(path.lstat().st_blocks for path in directory.rglob("*")) * 512 / MIB


@contextmanager
def living(image: Image, volumes: Mapping[str, Path], log: Path, settings: Mapping[str, str]) -> Iterator[Container]:
    """A container that has become healthy, and is stopped as an engine would."""
    with image.running(volumes, log, settings) as container:
        try:
            say(f"healthy after {container.wait_healthy():.1f} s, as user {image.uid} on a read-only root")
            yield container
            status = container.stop()
        except BaseException:
            say(container.read_log())
            raise
        if status != 0:
            sys.exit(f"stopped with status {status}")
        if "plugin cache" in container.read_log():
            sys.exit("Twisted found its plugin cache too old, and tried to write it")
    say("stopped with status 0")


def live(image: Image, directory: Path) -> None:
    """Start, wait for health, log in, stop; and again, with workers."""
    volumes = image.make_volumes(directory)
    certificate = volumes["/srv/cloudsvc-public"] / "cert.pem"
    with living(image, volumes, directory / "log", {}) as container:
        token = find_token(container.read_log())
        client = Client(container.port, certificate, token)
        say(f"login: {json.loads(client.ask('GET', '/login'))['message']}")
        keep_picture(client)
        say("kept a picture, and made a thumbnail of it")
    with living(image, volumes, directory / "log-workers", {"CLOUDSVC__SERVER__WORKERS": "2"}) as container:
        client = Client(container.port, certificate, token)
        wait_for_workers(client)
        find_picture(client)


def main() -> None:
    """Build, look, live; what was made goes, but for the base."""
    if os.geteuid() != 0:
        sys.exit("image-test mounts file systems: run it as root")
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="image-", dir=CACHE) as name:
        directory = Path(name)
        store = Store(directory)
        build(store, directory)
        root = Path(store("mount", store("from", "--pull-never", IMAGE)))
        image = Image(root, json.loads(store("inspect", "--type=image", IMAGE))["Docker"]["config"])
        inspect_tree(root)
        say(f"image: {measure(root):.0f} MiB, of which {measure(root / 'opt/cloudsvc'):.0f} MiB are not the base")
        live(image, directory)


if __name__ == "__main__":
    main()
