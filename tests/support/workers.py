"""A running server with several workers, and clients that keep it busy meanwhile."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from threading import Event, Thread
from typing import Any

from attrs import define, field

from tests.support.server import Reply, Server, make_home, wait_until, write_config


def make_workers_home(directory: Path, workers: int = 2, **sections: Any) -> tuple[Path, str]:
    """A home with so many workers, on a free port."""
    home, token = make_home(directory)
    configure(home, workers, **sections)
    return home, token


def configure(home: Path, workers: int = 2, **sections: Any) -> None:
    """Configure so many workers; requests are not limited where nothing else is said."""
    server = {"workers": workers, **sections.pop("server", {})}
    write_config(home, **{"rate_limit": {"enabled": False}, **sections, "server": server})


def list_workers(supervisor: int) -> list[int]:
    """The processes of the workers of ``supervisor``, in the order in which they were started."""
    children = Path(f"/proc/{supervisor}/task/{supervisor}/children")
    return [int(pid) for pid in children.read_text().split()] if children.exists() else []


def is_there(pid: int) -> bool:
    """Whether there is such a process, and it has not ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def count_listening(server: Server) -> int:
    """How often a worker has begun to accept, since the log began."""
    return server.log().count("] listening on ")


def wait_for_workers(server: Server, count: int = 2) -> list[int]:
    """The processes of so many workers, once each has begun to accept."""
    wait_until(lambda: count_listening(server) >= count, server.log)
    return list_workers(server.process.pid)


def find_number(server: Server, answer: Reply) -> int:
    """Of the worker that has given ``answer``, by its line in the log."""
    identifier = answer.headers["X-Request-ID"]
    pattern = re.compile(rf"request_id={re.escape(identifier)} worker=(\d+)")
    wait_until(lambda: pattern.search(server.log()), server.log)
    found = pattern.search(server.log())
    assert found is not None
    return int(found[1])


@define(eq=False)
class Crowd:
    """
    Clients that send requests all the time.

    :ivar body: is sent there; without one, what is there is asked for.
    :ivar answered: how many had the answer that they should have.
    :ivar failures: what became of the others.
    """

    server: Server
    reuse: int
    path: str = "/api/health/live"
    headers: Mapping[str, str] = field(factory=dict)
    body: bytes | None = None
    answered: int = 0
    failures: list[str] = field(factory=list)
    _stop: Event = field(factory=Event)

    def run(self) -> None:
        """One client: ``reuse`` requests on each connection."""
        while not self._stop.is_set():
            try:
                connection = self.server.open()
                try:
                    for _ in range(self.reuse):
                        method = "GET" if self.body is None else "PUT"
                        connection.request(method, self.path, self.body, dict(self.headers))
                        reply = Reply.read(connection.getresponse())
                        if reply.status not in {200, 201, 204}:
                            self.failures.append(f"status {reply.status}")
                        self.answered += 1
                        if self._stop.is_set():
                            break
                finally:
                    connection.close()
            except (OSError, HTTPException) as problem:
                self.failures.append(repr(problem))

    def wait_for(self, more: int) -> None:
        """Return once ``more`` requests than now are answered."""
        enough = self.answered + more
        wait_until(lambda: self.answered >= enough, lambda: f"{self.answered} answers, {self.failures[:5]}")


@contextmanager
def crowding(server: Server, *, clients: int = 4, reuse: int = 1_000_000, **request: Any) -> Iterator[Crowd]:
    """So many clients, until the end of the context. ``request`` is what a :class:`Crowd` has beside."""
    crowd = Crowd(server, reuse, **request)
    threads = [Thread(target=crowd.run) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield crowd
    finally:
        crowd._stop.set()
        for thread in threads:
            thread.join()


def wait_until_gone(pids: list[int], complaint: Callable[[], str]) -> None:
    """Return once none of these processes is there."""
    wait_until(lambda: not any(map(is_there, pids)), complaint)
