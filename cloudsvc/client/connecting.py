"""Connections: where the server is, whom to trust, and the errors of the HTTP library in the client's terms."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2
from attrs import frozen

from cloudsvc import __version__
from cloudsvc.client.effects import Answer, Call
from cloudsvc.client.errors import ClientError, LocalError, MalformedAnswerError, UnreachableError, UntrustedError
from cloudsvc.core.secrets import Secret

LARGEST_ANSWER: Final = 64 * 1024 * 1024
"""Bytes of an answer that is held in memory: twice the longest list there can be."""

_BEFORE_ANYTHING_IS_SENT: Final = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)


@frozen(kw_only=True)
class Timeouts:
    """
    Seconds after which a server counts as unreachable.

    :ivar connect: until a connection stands.
    :ivar silence: in which nothing is sent or received. An answer to an upload comes when its bytes are on disk.
    """

    connect: float = 10.0
    silence: float = 60.0


@frozen(kw_only=True)
class Line:
    """
    What every request to a server needs. TLS is always verified; nothing here or elsewhere switches that off.

    :ivar base: the URL of the server, without a slash at its end.
    """

    base: str
    key: Secret | None
    context: ssl.SSLContext
    timeouts: Timeouts

    @classmethod
    def of(cls, url: str, key: Secret | None, ca_file: Path | str | None, timeouts: Timeouts) -> Line:
        """
        The one to the server at ``url``.

        :param ca_file: PEM of the only authorities that are trusted; without it, those of the system.
        :raises LocalError: a part of it cannot be used.
        """
        return cls(base=parse_url(url), key=check_key(key), context=_make_context(ca_file), timeouts=timeouts)

    def describe(self, call: Call[Any]) -> tuple[httpx2.URL, Mapping[str, str], httpx2.Timeout]:
        """URL, header fields and time-outs of ``call``."""
        headers = dict(call.headers)
        if call.with_key and self.key is not None:
            # The HTTP library masks this field wherever it shows a request.
            headers["Authorization"] = f"Bearer {self.key.reveal()}"
        if call.content is not None and not isinstance(call.content, bytes) and call.content.length is not None:
            headers["Content-Length"] = str(call.content.length)
        silence = self.timeouts.silence
        timeout = httpx2.Timeout(silence, connect=self.timeouts.connect, read=silence + call.patience)
        return httpx2.URL(self.base + call.target), headers, timeout

    @property
    def options(self) -> dict[str, Any]:
        """
        How a client of the HTTP library is made: it follows no redirection, and takes nothing from the environment,
        neither proxies nor credentials.
        """
        return {
            "verify": self.context,
            "trust_env": False,
            "follow_redirects": False,
            "headers": {"User-Agent": f"cloudsvc/{__version__}", "Accept": "application/json, */*;q=0.5"}
            # The bytes that come are those of the file.
            | {"Accept-Encoding": "identity"},
        }

    def explain(self, problem: Exception) -> ClientError:
        """An error of the HTTP library, in the client's terms."""
        if isinstance(problem, httpx2.LocalProtocolError):
            return LocalError("invalid_request", "The request cannot be sent: a header field of it is malformed.")
        begun = not isinstance(problem, _BEFORE_ANYTHING_IS_SENT)
        fault = _find(problem, ssl.SSLCertVerificationError)
        if fault is not None:
            return UntrustedError("untrusted", f"{self.base} is not trusted: {fault.verify_message}", begun=False)
        if isinstance(problem, httpx2.TimeoutException):
            return UnreachableError("timed_out", f"{self.base} does not answer in time.", begun=begun)
        if begun:
            return UnreachableError("connection_lost", f"The connection to {self.base} was lost.", begun=True)
        system = _find(problem, OSError)
        reason = (system.strerror if system is not None else None) or "no connection"
        return UnreachableError("unreachable", f"{self.base} cannot be reached: {reason}.", begun=False)


def as_answer(response: httpx2.Response) -> Answer:
    """The beginning of ``response`` as the core knows it."""
    return Answer(
        status=response.status_code,
        headers={name.lower(): text for name, text in response.headers.items()},
    )


def too_large() -> MalformedAnswerError:
    """The answer is longer than any of a cloudsvc server."""
    return MalformedAnswerError("malformed_answer", f"The answer is larger than {LARGEST_ANSWER} bytes.")


def parse_url(url: str) -> str:
    """
    The URL of a server, without a slash at its end.

    :raises LocalError: it is no such URL. ``http:`` is none, since nothing would be verified.
    """
    try:
        parts = urlsplit(url)
        valid = parts.scheme == "https" and parts.hostname and (parts.port is None or parts.port)
        httpx2.URL(url)
    except (ValueError, httpx2.InvalidURL):
        valid = False
    if not valid:
        raise LocalError("invalid_url", "The URL of a server is https://HOST or https://HOST:PORT.")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise LocalError("invalid_url", "The URL of a server has no user, no query and no fragment.")
    return f"https://{parts.netloc}{parts.path.rstrip('/')}"


def check_key(key: Secret | None) -> Secret | None:
    """
    ``key``, once it can be sent.

    :raises LocalError: it cannot; what it is, is not said.
    """
    if key is not None:
        text = key.reveal()
        if not text or not (text.isascii() and text.isprintable()) or " " in text:
            raise LocalError("malformed_key", "The key is malformed: it is letters, digits and punctuation of ASCII.")
    return key


def _make_context(ca_file: Path | str | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    except (OSError, ValueError) as problem:  # an ssl.SSLError is an OSError
        reason = problem.strerror if isinstance(problem, OSError) else str(problem)
        raise LocalError("invalid_ca_file", f"{ca_file} cannot be used as authorities: {reason}.") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _find(problem: BaseException | None, kind: type[Any]) -> Any:
    """The first of ``kind`` among what has led to ``problem``."""
    for _ in range(10):
        if problem is None or isinstance(problem, kind):
            return problem
        problem = problem.__cause__ or problem.__context__
    return None
