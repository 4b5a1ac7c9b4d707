"""Posting to servers of others: what came of it, and when they want to be asked again."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Any, Final

from attrs import define, field, frozen
from OpenSSL import SSL
from service_identity.exceptions import VerificationError
from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectError, DNSLookupError
from twisted.internet.error import TimeoutError as ConnectTimeout

from cloudsvc.core.clock import Instant, read_clock
from cloudsvc.outbound.addresses import AddressPolicy
from cloudsvc.outbound.connecting import AdmittingReactor
from cloudsvc.outbound.exchanging import Exchange, list_reasons
from cloudsvc.outbound.trust import Trust

ANSWER_SECONDS: Final = 15.0
"""For all of a request, from the look-up of the name to the last byte of the answer that is waited for."""

MOST_BYTES: Final = 128 * 2**10
"""Of an answer, its head included, that are read, so that whoever sends it gets to its end; none is kept."""

_MOST_DELAY: Final = 24 * 60 * 60
"""Seconds of ``Retry-After`` that are believed."""

_DATE: Final = re.compile(r"[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT", re.ASCII)
"""The one form of a date in which it is sent (RFC 9110 section 5.6.7)."""

_SECOND: Final = 1_000_000


class Trouble(Enum):
    """Why a request was not answered."""

    UNREACHABLE = "unreachable"
    """Its host has no address to which this server connects, or none where anybody accepts."""
    UNTRUSTED = "untrusted"
    """TLS could not be begun: mostly, the certificate is not the host's, or nobody who is trusted has signed it."""
    SILENT = "silent"
    """There was no answer in time."""
    BROKEN = "broken"
    """The connection ended without a whole head of an answer, or what came was none."""


@frozen(kw_only=True)
class Answer:
    """
    What came of a request.

    :ivar status: of the answer; ``None`` where there was none.
    :ivar trouble: why there was none.
    :ivar retry_after: seconds after which the receiver wants to be asked again, where it said so.
    """

    status: int | None = None
    trouble: Trouble | None = None
    retry_after: int | None = None


@define(eq=False)
class Poster:
    """
    Posts to others.

    :param reactor: any full one.
    :param policy: to which addresses.
    :param trust: in the certificates of receivers.
    :param resolver: finds the addresses of names, as :class:`cloudsvc.outbound.lookups.Lookups` does, instead of the
        reactor's own.
    :param now: the moment of the wall clock, by which dates of receivers are understood.
    """

    _reactor: Any
    _policy: AddressPolicy
    _trust: Trust = field(factory=Trust)
    _seconds: float = ANSWER_SECONDS
    _resolver: Any = None
    _now: Callable[[], Instant] = read_clock

    async def post(self, url: str, fields: Mapping[str, str], content: bytes) -> Answer:
        """
        Post ``content`` to ``url``, as :meth:`cloudsvc.outbound.urls.Destinations.check` has passed it. It never fails:
        what goes wrong is the answer.
        """
        exchange = Exchange(
            reactor=AdmittingReactor(self._reactor, self._policy, self._resolver),
            trust=self._trust,
            seconds=self._seconds,
            most_bytes=MOST_BYTES,
        )
        trouble: Trouble | None = None
        try:
            await exchange.run(b"POST", url, fields, content)
        except CancelledError:
            raise
        except Exception as problem:  # noqa: BLE001  # whatever others do, it is their answer
            trouble = _find_trouble(problem)
        if exchange.head is None:
            return Answer(trouble=trouble)
        delay = exchange.head.headers.getRawHeaders(b"Retry-After", [b""])[0]
        return Answer(status=exchange.head.code, retry_after=_read_delay(delay, self._now()))


def _find_trouble(problem: BaseException) -> Trouble:
    reasons = [*list_reasons(problem)]
    if any(isinstance(each, SSL.Error | VerificationError) for each in reasons):
        return Trouble.UNTRUSTED
    if any(isinstance(each, ConnectError | DNSLookupError | ConnectTimeout) for each in reasons):
        return Trouble.UNREACHABLE
    return Trouble.SILENT if isinstance(problem, TimeoutError) else Trouble.BROKEN


def _read_delay(value: bytes, now: Instant) -> int | None:
    """Seconds of ``Retry-After`` (RFC 9110 section 10.2.3), a number or a date; ``None`` where it is neither."""
    text = value.decode("latin-1")
    if value.isdigit():
        return min(int(text), _MOST_DELAY) if len(text) < 10 else None  # noqa: PLR2004  # no number of seconds is so long
    if _DATE.fullmatch(text) is None:
        return None
    try:
        moment = parsedate_to_datetime(text).timestamp()
    except ValueError:
        return None
    return min(max(0, round(moment - now / _SECOND)), _MOST_DELAY)
