"""The servers that are measured, and what is to be reached beside them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from enum import Enum, auto

from attrs import frozen

ASGI = ("fastapi", "httptools", "prometheus_fastapi_instrumentator", "slowapi", "uvicorn", "uvloop")


@frozen(kw_only=True)
class Peer:
    """
    A server that can be started as ``python -m bench.peers.MODULE``.

    :ivar modules: what its interpreter must be able to import.
    :ivar programs: what must be on the path.
    :ivar borrowed: whether it may run in the interpreter that ``BENCH_PYTHON`` names.
    """

    name: str
    title: str
    module: str
    modules: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    borrowed: bool = False

    @property
    def command(self) -> list[str]:
        """What starts it."""
        python = os.environ.get("BENCH_PYTHON", sys.executable) if self.borrowed else sys.executable
        return [python, "-m", f"bench.peers.{self.module}"]

    def find_obstacle(self) -> str | None:
        """Why it cannot run on this host and what to do about it, or ``None``."""
        for program in self.programs:
            if shutil.which(program) is None:
                return f"{program} is not installed"
        if self.modules:
            found = subprocess.run(  # noqa: S603 - the interpreter the operator chose
                [self.command[0], "-c", f"import {', '.join(self.modules)}"], capture_output=True, check=False
            )
            if found.returncode:
                return "libraries are missing: run `make bench`, or name an interpreter that has them in BENCH_PYTHON"
        return None


PEERS = (
    Peer(name="nginx", title="nginx, constant answer", module="nginx", programs=("nginx",)),
    Peer(name="uvicorn", title="uvicorn, raw ASGI", module="uvicorn_raw", modules=ASGI, borrowed=True),
    Peer(name="twisted", title="bare twisted.web resource, no access log", module="twisted_quiet"),
    Peer(name="twisted-logged", title="bare twisted.web resource, stock access log", module="twisted_logged"),
    Peer(name="fastapi", title="bare FastAPI route", module="fastapi_bare", modules=ASGI, borrowed=True),
    Peer(name="klein", title="bare Klein route, stock access log", module="klein_logged"),
    Peer(name="cloudsvc", title="cloudsvc, login with every guard and layer", module="cloudsvc_login"),
    Peer(name="fastapi-full", title="the same job on FastAPI", module="fastapi_full", modules=ASGI, borrowed=True),
    Peer(
        name="fastapi-plain",
        title="the same, with plain ASGI middleware",
        module="fastapi_plain",
        modules=ASGI,
        borrowed=True,
    ),
)


class Measure(Enum):
    """What a comparison compares."""

    SPEED = auto()
    """Work per CPU second, and per second; more is better."""
    MEMORY = auto()
    """Resident memory per idle connection; less is better."""


@frozen(kw_only=True)
class Target:
    """A ratio to reach: what ``subject`` does, divided by what ``yardstick`` does in the same run."""

    measure: Measure
    subject: str
    yardstick: str
    at_least: float
    aim: float


TARGETS = (
    Target(measure=Measure.SPEED, subject="cloudsvc", yardstick="twisted", at_least=0.8, aim=1.0),
    Target(measure=Measure.SPEED, subject="cloudsvc", yardstick="fastapi", at_least=1.3, aim=1.7),
    Target(measure=Measure.SPEED, subject="cloudsvc", yardstick="fastapi-full", at_least=6, aim=10),
    Target(measure=Measure.SPEED, subject="cloudsvc", yardstick="fastapi-plain", at_least=3, aim=5),
    # Not uvicorn alone, whose memory per connection comes out in two ways, from one start to the next.
    Target(measure=Measure.MEMORY, subject="cloudsvc", yardstick="fastapi", at_least=0.6, aim=0.5),
)
