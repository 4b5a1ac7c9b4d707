"""Cookies of those who sign in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cloudsvc.api.identity.session_messages import SessionEntry, SessionMessage
from cloudsvc.extend import Reply, Request, Secret
from cloudsvc.extend.identity import COOKIE_ATTRIBUTES, SESSION_COOKIE, SESSION_CREDENTIAL, Begun, Proof, SessionId

DEVICE_COOKIE: Final = b"__Host-cloudsvc-device"
"""What knows a device on which somebody has signed in before."""

_DEVICE_SECONDS: Final = 365 * 24 * 60 * 60


def answer_begun(begun: Begun, proof: Proof) -> Reply[SessionMessage]:
    """The answer to who has signed in. The session is in a cookie, and in no body."""
    entry = SessionEntry.of(begun.session, begun.session.id)
    message = SessionMessage(message="Signed in.", name=str(begun.user.name), session=entry)
    return Reply(message=message, status=201, headers=tuple(_write_cookies(begun, proof)))


def find_current(request: Request) -> SessionId | None:
    """The session by which a request was let in."""
    named = "" if request.principal is None else request.principal.credential
    return SessionId(named.removeprefix(SESSION_CREDENTIAL)) if named.startswith(SESSION_CREDENTIAL) else None


def write_session(begun: Begun) -> tuple[bytes, bytes]:
    """The field that lets a browser keep a session."""
    return _write_cookie(SESSION_COOKIE, begun.text)


def _write_cookies(begun: Begun, proof: Proof) -> Iterator[tuple[bytes, bytes]]:
    yield write_session(begun)
    if proof.device is not None:
        yield _write_cookie(DEVICE_COOKIE, proof.device, b"; Max-Age=%d" % _DEVICE_SECONDS)


def _write_cookie(name: bytes, value: Secret, more: bytes = b"") -> tuple[bytes, bytes]:
    return b"Set-Cookie", b"%b=%b%b%b" % (name, value.reveal().encode(), more, COOKIE_ATTRIBUTES)
