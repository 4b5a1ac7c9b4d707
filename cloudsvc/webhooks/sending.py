"""Sending of single messages, signed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Protocol

from attrs import frozen
from twisted.internet.interfaces import IReactorTime

from cloudsvc.core.clock import SECOND, Instant
from cloudsvc.outbound.posting import Answer, Trouble
from cloudsvc.webhooks.signing import sign
from cloudsvc.webhooks.webhook import Attempt, Outcome, Webhook

GONE: Final = 410
"""The status by which a receiver says that it wants nothing any more."""

_SUCCESSES: Final = range(200, 300)


class Posting(Protocol):
    """Whoever posts to others."""

    async def post(self, url: str, fields: Mapping[str, str], content: bytes) -> Answer:
        """As :meth:`cloudsvc.outbound.posting.Poster.post`."""
        ...


@frozen(kw_only=True)
class Sent:
    """
    What came of a message.

    :ivar retry_after: seconds for which the receiver wants to be left alone.
    """

    attempt: Attempt
    retry_after: int | None

    @property
    def is_taken(self) -> bool:
        """Whether the receiver has it."""
        return self.attempt.outcome is Outcome.DELIVERED

    @property
    def is_gone(self) -> bool:
        """Whether the receiver wants nothing any more."""
        return self.attempt.status == GONE


@frozen(kw_only=True)
class Sender:
    """
    Sends messages.

    :param check_url: says whether requests may go to a URL, or raises :exc:`ValueError`: the configuration may allow
        less than when the webhook was made.
    :param agent: how the server calls itself.
    :param count: is told the outcome of each.
    """

    _posting: Posting
    _check_url: Callable[[str], object]
    _now: Callable[[], Instant]
    _clock: IReactorTime
    _agent: str
    _count: Callable[[Outcome], object] = lambda _: None

    async def send(self, webhook: Webhook, message: str, kind: str, content: bytes) -> Sent:
        """Send a message once."""
        at, began = self._now(), self._clock.seconds()
        fields = {
            "content-type": "application/json",
            "user-agent": self._agent,
            **sign(message, at // SECOND, content, webhook.list_secrets(at)),
        }
        answer = await self._post(webhook.url, fields, content)
        outcome = _find_outcome(answer)
        self._count(outcome)
        attempt = Attempt(
            at=at,
            message=message,
            kind=kind,
            outcome=outcome,
            status=answer.status,
            milliseconds=round((self._clock.seconds() - began) * 1_000),
        )
        return Sent(attempt=attempt, retry_after=answer.retry_after)

    async def _post(self, url: str, fields: Mapping[str, str], content: bytes) -> Answer:
        try:
            self._check_url(url)
        except ValueError:
            return Answer(trouble=Trouble.UNREACHABLE)
        return await self._posting.post(url, fields, content)


def _find_outcome(answer: Answer) -> Outcome:
    if answer.status is not None:
        return Outcome.DELIVERED if answer.status in _SUCCESSES else Outcome.REFUSED
    return Outcome.BROKEN if answer.trouble is None else Outcome(answer.trouble.value)
