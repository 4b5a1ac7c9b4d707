"""Retries: only where they are safe, and never without end."""

from __future__ import annotations

import pytest

from cloudsvc.client import calls
from cloudsvc.client.effects import Answer
from cloudsvc.client.errors import (
    ClientError,
    ConflictError,
    MalformedAnswerError,
    NoSpaceError,
    NotFoundError,
    PreconditionFailedError,
    RefusedError,
    ThrottledError,
    UnavailableError,
    UnreachableError,
    UntrustedError,
    as_error,
)
from cloudsvc.client.retrying import Retries, RetryPolicy, ask
from cloudsvc.client.sources import PiecesSource
from tests.support.scripted_answers import Script, lost, refuse

POLICY = RetryPolicy(attempts=4, first_delay=1.0, longest_wait=60.0)
WELL = Answer(status=200, headers={}, content=b'{"message": "Well."}')
READ = calls.log_in()
CHANGE = calls.restore(1)


def test_a_read_is_sent_again_after_whatever_may_pass() -> None:
    script = Script([lost(), lost(begun=False), refuse(503), WELL])
    script.run(ask(READ, POLICY))
    assert len(script.asked) == 4
    assert len(script.slept) == 3
    assert all(0 <= each <= bound for each, bound in zip(script.slept, (1, 2, 4), strict=True))


def test_attempts_are_bounded() -> None:
    script = Script([lost()] * 4)
    with pytest.raises(UnreachableError):
        script.run(ask(READ, POLICY))
    assert len(script.slept) == 3


def test_a_change_is_not_sent_again_once_it_may_have_arrived() -> None:
    for fault in (lost(), refuse(503, retry_after="1")):
        script = Script([fault])
        with pytest.raises((UnreachableError, UnavailableError)):
            script.run(ask(CHANGE, POLICY))
        assert script.slept == []


def test_a_change_is_sent_again_where_nothing_of_it_has_arrived() -> None:
    done = Answer(status=200, headers={}, content=b'{"path": "a", "kind": "file"}')
    script = Script([lost(begun=False), refuse(429), done])
    assert script.run(ask(CHANGE, POLICY)).path == "a"


def test_what_comes_once_is_sent_once() -> None:
    call = calls.put_file("a", PiecesSource(pieces=iter([b"x"]), length=1))
    with pytest.raises(UnreachableError):
        Script([lost(begun=False)]).run(ask(call, POLICY))


def test_the_server_says_when() -> None:
    script = Script([refuse(429, retry_after="7"), WELL])
    script.run(ask(READ, POLICY))
    assert 7 <= script.slept[0] <= 8


def test_nobody_waits_longer_than_was_said() -> None:
    script = Script([refuse(429, retry_after="3600")])
    with pytest.raises(ThrottledError) as raised:
        script.run(ask(READ, POLICY))
    assert raised.value.retry_after == 3600
    assert script.slept == []


def test_who_is_not_trusted_is_not_asked_again() -> None:
    script = Script([UntrustedError("untrusted", "It is another one.", begun=False)])
    with pytest.raises(UntrustedError):
        script.run(ask(READ, POLICY))


def test_after_progress_it_counts_anew() -> None:
    retries = Retries(RetryPolicy(attempts=2, first_delay=0.0))
    for _ in range(10):
        assert retries.decide(READ, lost()) is not None
        retries.succeed()
    assert retries.decide(READ, lost()) is not None
    assert retries.decide(READ, lost()) is None


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (404, NotFoundError),
        (409, ConflictError),
        (412, PreconditionFailedError),
        (418, RefusedError),
        (500, RefusedError),
        (507, NoSpaceError),
    ],
)
def test_refusals_say_what_the_server_says(status: int, kind: type[ClientError]) -> None:
    answer = Answer(
        status=status, headers={}, content=b'{"error": "why", "message": "Because.", "request_id": "1f", "code": 1}'
    )
    error = as_error(answer)
    assert type(error) is kind
    assert (error.code, error.message, error.request_id) == ("why", "Because.", "1f")
    assert str(error) == "Because. (request 1f)"


def test_a_refusal_of_a_proxy() -> None:
    error = as_error(Answer(status=502, headers={"x-request-id": "7"}, content=b"<html>"))
    assert isinstance(error, RefusedError)
    assert (error.code, error.message, error.request_id) == ("status_502", "The server answers 502.", "7")


def test_a_redirection_is_not_followed() -> None:
    with pytest.raises(MalformedAnswerError, match="not followed"):
        Script([Answer(status=302, headers={"location": "https://elsewhere"})]).run(ask(READ, POLICY))
