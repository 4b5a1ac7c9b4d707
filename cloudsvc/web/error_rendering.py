"""Rendering of errors: our JSON, problem details for whoever asks for them, or what an application answers with."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from attrs import evolve, field, frozen

from cloudsvc.web.errors import HTTPError
from cloudsvc.web.fields import read_field
from cloudsvc.web.negotiation import choose_type
from cloudsvc.web.responses import Codec, ErrorMessage, HeaderList, Response
from cloudsvc.web.weights import read_weights

if TYPE_CHECKING:
    from cloudsvc.web.http1.request import Request

JSON: Final = "application/json"
PROBLEM: Final = "application/problem+json"
"""The media type of problem details (RFC 9457 section 3)."""

_VARY: Final[HeaderList] = ((b"Vary", b"Accept"),)


@frozen(kw_only=True)
class Problem(ErrorMessage):
    """
    A refusal as problem details (RFC 9457).

    :ivar type: Always `about:blank`: `error` says which problem it is.
    :ivar title: What the status means.
    :ivar status: The HTTP status.
    :ivar detail: The same as `message`.
    """

    type: str = "about:blank"
    title: str
    status: int
    detail: str


@frozen
class JSONErrors:
    """The default: :class:`ErrorMessage`, or :class:`Problem` where ``Accept`` names that and likes nothing better."""

    _codec: Codec
    _problems: Codec = field(init=False)

    @_problems.default
    def _make_problems(self) -> Codec:
        return evolve(self._codec, fields=((b"Content-Type", PROBLEM.encode("ascii")),))

    @property
    def produces(self) -> Mapping[str, Mapping[str, Any]]:
        """Nothing: the description knows the types of both."""
        return {}

    def render(self, request: Request, error: HTTPError) -> Response:
        """The answer that reports ``error``; caches are told what it depends on (RFC 9110 section 12.5.5)."""
        status, text = error.status, error.message
        if not wants_problem(read_field(request, "Accept")):
            message = ErrorMessage(message=text, error=error.error, request_id=request.id)
            return self._codec.render(message, status=status, headers=_VARY)
        problem = Problem(
            message=text,
            error=error.error,
            request_id=request.id,
            title=HTTPStatus(status).phrase,
            status=status,
            detail=text,
        )
        return self._problems.render(problem, status=status, headers=_VARY)


def wants_problem(accept: str | None) -> bool:
    """Whether a client names problem details in its ``Accept``, and does not like plain JSON better."""
    if accept is None or not read_weights(accept).get(PROBLEM):
        return False
    return choose_type(accept, (PROBLEM, JSON)) == PROBLEM


def complete(rendered: Response, error: HTTPError) -> Response:
    """``rendered`` with the header fields of ``error``, such as ``Allow`` or ``WWW-Authenticate``, that it lacks."""
    names = {name.lower() for name, _ in rendered.headers}
    missing = tuple(each for each in error.headers if each[0].lower() not in names)
    return evolve(rendered, headers=rendered.headers + missing) if missing else rendered
