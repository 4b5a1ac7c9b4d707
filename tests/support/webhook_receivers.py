"""Receivers of webhooks: servers in threads, with TLS or without, which answer as they are told."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from attrs import define, field, frozen

from cloudsvc.tls.files import CertificateFiles
from tests.support.server import wait_until


@frozen(kw_only=True)
class Received:
    """A message, as it came."""

    path: str
    headers: Mapping[str, str]
    content: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def json(self) -> Any:
        return json.loads(self.content)


@frozen(kw_only=True)
class Answer:
    """What a receiver says."""

    status: int = 200
    headers: Mapping[str, str] = field(factory=dict)


@define(eq=False)
class Receiver:
    """
    A receiver that is there.

    :ivar url: where messages go to.
    :ivar messages: all that have come, in their order.
    :ivar answers: what it says to the next ones; then, that all is well.
    """

    url: str
    messages: list[Received] = field(factory=list)
    answers: list[Answer] = field(factory=list)
    most_at_once: int = 0
    _at_once: int = 0
    _lock: threading.Lock = field(factory=threading.Lock)

    def await_messages(self, count: int) -> list[Received]:
        """The first ``count`` of them, once there are so many."""
        wait_until(lambda: len(self.messages) >= count, lambda: f"there are but {self.messages}")
        return self.messages[:count]

    def take(self, message: Received) -> Answer:
        """Note a message, and say what is to be answered."""
        with self._lock:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            self.messages.append(message)
            return self.answers.pop(0) if self.answers else Answer()

    def finish(self) -> None:
        """A message is answered."""
        with self._lock:
            self._at_once -= 1


@contextmanager
def receiving(files: CertificateFiles, *, is_encrypted: bool = True) -> Iterator[Receiver]:
    """A receiver at a port of its own on 127.0.0.1, with this certificate."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    if is_encrypted:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(files.certificate, files.key)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    scheme = "https" if is_encrypted else "http"
    receiver = Receiver(url=f"{scheme}://localhost:{server.server_port}/hooks?of=mine")
    server.receiver = receiver  # type: ignore[attr-defined]  # for its handlers
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        receiver: Receiver = self.server.receiver  # type: ignore[attr-defined]  # see above
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = receiver.take(Received(path=self.path, headers=headers, content=content))
        try:
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()
        finally:
            receiver.finish()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # its name there
        pass
