"""
Errors that routes may answer besides their own, for the OpenAPI description.

The channel, the routing, the guards and the parsing each have their statuses. A client that calls an operation can meet
those of the channel too (a proxy on the way may have added the header field that is too much), so every operation lists
them. Only 405 is no answer of an operation: no operation is described for the method that gets it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from attrs import frozen

from cloudsvc.web.mounts import VARIABLE
from cloudsvc.web.operations import Operation


@frozen
class Refusal:
    """
    A refusal that many routes share.

    :ivar name: among the reusable responses of the description.
    :ivar text: when it happens.
    """

    name: str
    text: str


SHARED: Final[Mapping[int, Refusal]] = MappingProxyType(
    {
        400: Refusal("Malformed", "The request is not well-formed, or a value in it does not fit."),
        401: Refusal("Unauthenticated", "The API key is missing or invalid."),
        404: Refusal("NotFound", "There is nothing at this path."),
        408: Refusal("TooSlow", "The request arrived too slowly."),
        413: Refusal("BodyTooLarge", "The body is larger than allowed here."),
        414: Refusal("TargetTooLong", "The path or the query is too long."),
        415: Refusal("NotJSON", "The body is not JSON."),
        417: Refusal("ExpectationFailed", "An expectation other than `100-continue` is not supported."),
        429: Refusal("TooMany", "Too many requests, or too many wrong keys. `Retry-After` says when to come back."),
        431: Refusal("HeadersTooLarge", "The header fields are too large or too many."),
        500: Refusal("Failed", "Something went wrong in the server. Its log says more under the request id."),
        503: Refusal("Unavailable", "Credentials cannot be checked, or requests cannot be counted, now."),
    }
)
"""By status."""

HEADERS: Final[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
    {
        "WWW-Authenticate": {
            "description": "The schemes of the credentials that are accepted (RFC 9110 section 11.6.1).",
            "schema": {"type": "string"},
        },
        "Retry-After": {
            "description": "Seconds to wait before the next request (RFC 9110 section 10.2.3).",
            "schema": {"type": "integer", "minimum": 1},
        },
        "X-RateLimit-Limit": {
            "description": "Requests that are allowed in a period.",
            "schema": {"type": "integer", "minimum": 1},
        },
        "X-RateLimit-Remaining": {
            "description": "Requests that are left in this period.",
            "schema": {"type": "integer", "minimum": 0},
        },
        "X-RateLimit-Reset": {
            "description": "When requests are allowed again, in seconds since the epoch.",
            "schema": {"type": "integer", "minimum": 0},
        },
    }
)
"""Header fields of refusals, as OpenAPI describes them."""

HEADERS_OF: Final[Mapping[int, tuple[str, ...]]] = MappingProxyType(
    {
        401: ("WWW-Authenticate",),
        429: ("Retry-After", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"),
        503: ("Retry-After",),
    }
)
"""Which of them a status has: 503 where somebody can say when it will be better, the others always."""

_ANY_REQUEST: Final = (400, 408, 414, 417, 431, 500)


def refusals_of(operation: Operation) -> dict[int, str]:
    """Every status with which ``operation`` may be refused, and when."""
    statuses = set(_ANY_REQUEST)
    if VARIABLE.search(operation.path):
        statuses.add(404)
    if operation.scope is not None:
        statuses |= {401, 429, 503}
    if operation.throttle is not None:
        statuses |= {429, 503}
    if operation.body is not None:
        statuses |= {413, 415}
    elif operation.body_media:
        statuses.add(413)
    refusals = {status: SHARED[status].text for status in statuses}
    if operation.scope:
        refusals[403] = f"The key lacks the scope `{operation.scope}`."
    return {**refusals, **operation.errors}
