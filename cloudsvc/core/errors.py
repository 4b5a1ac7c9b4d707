"""Errors that every room may raise, independent of any protocol."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum, auto

from attrs import frozen


class Kind(Enum):
    """What sort of error it is. Each way in (HTTP, command line) maps kinds to its own statuses in one table."""

    INVALID = auto()
    """The request cannot be understood, or breaks a documented rule."""
    UNAUTHENTICATED = auto()
    FORBIDDEN = auto()
    NOT_FOUND = auto()
    CONFLICT = auto()
    GONE = auto()
    PRECONDITION_FAILED = auto()
    TOO_LARGE = auto()
    UNSUPPORTED_TYPE = auto()
    UNPROCESSABLE = auto()
    THROTTLED = auto()
    UNAVAILABLE = auto()
    """Something this server depends on is unavailable; trying again later may help."""
    NO_SPACE = auto()


@frozen(kw_only=True)
class Shortage:
    """
    The quota that is used up, as far as whoever is refused may know of it.

    :ivar scope: whose it is: ``user``, ``folder``, or ``drive`` for the capacity of all.
    :ivar limit: bytes that may be stored; ``None`` where that is not theirs to know.
    :ivar used: bytes that are; ``None`` likewise.
    """

    scope: str
    limit: int | None = None
    used: int | None = None


class CloudError(Exception):
    """
    An expected failure that its caller is told about.

    :param code: stable and machine-readable, in snake_case: clients branch on it.
    :param message: one sentence for people, safe to show to whoever asked.
    :param retry_after: seconds after which trying again may help; ``None`` where nobody can say.
    """

    def __init__(self, kind: Kind, code: str, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.code = code
        self.message = message
        self.retry_after = retry_after
        self.shortage: Shortage | None = None
        """Which quota is used up, where that is why and somebody has looked."""


class OperatorError(Exception):  # a state of affairs with several lines, not one error
    """The server cannot start (or a command cannot run). Each line names one fault and says what to do about it."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.lines = tuple(lines)
        super().__init__("\n".join(self.lines))
