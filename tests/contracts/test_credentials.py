"""What every source of credentials does with its own kind, and with the others'."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from attrs import frozen
from twisted.web.http_headers import Headers

from cloudsvc.access.credentials import REJECTED, BearerToken, CredentialSource, KeyHeader, Rejected
from cloudsvc.access.keys import KeyRing, hash_token
from cloudsvc.core.actors import OWNER, Principal
from cloudsvc.core.secrets import Secret
from tests.access.driving import finish

RIGHT = b"right"
KEYS = KeyRing(owner_hash=Secret(hash_token(RIGHT)))


@frozen(kw_only=True)
class Kind:
    """
    A source and the header field that it reads.

    :ivar spell: the value of the field for a key.
    """

    source: CredentialSource
    field: bytes
    spell: Callable[[bytes], bytes]
    via: str

    def ask(self, *keys: bytes) -> Principal | Rejected | None:
        headers = Headers()
        headers.setRawHeaders(self.field, [self.spell(key) for key in keys])
        return finish(self.source.authenticate(headers))


KINDS = (
    Kind(source=KeyHeader(KEYS), field=b"X-API-Key", spell=lambda key: key, via="key"),
    Kind(source=BearerToken(KEYS), field=b"Authorization", spell=lambda key: b"Bearer " + key, via="bearer"),
)


@pytest.fixture(params=KINDS, ids=lambda kind: kind.via)
def kind(request: pytest.FixtureRequest) -> Kind:
    found: Kind = request.param
    return found


def test_the_right_key(kind: Kind) -> None:
    assert kind.ask(RIGHT) == Principal(actor=OWNER, via=kind.via)


def test_a_wrong_key(kind: Kind) -> None:
    assert kind.ask(b"wrong") is REJECTED


def test_bytes_that_are_no_text_are_a_wrong_key(kind: Kind) -> None:
    assert kind.ask(b"\xff\xfe\xed") is REJECTED


def test_no_key(kind: Kind) -> None:
    assert kind.ask() is None


def test_an_empty_key_is_none(kind: Kind) -> None:
    assert kind.ask(b" ") is None


def test_the_same_key_twice_is_one_key(kind: Kind) -> None:
    assert kind.ask(RIGHT, RIGHT) == Principal(actor=OWNER, via=kind.via)


def test_different_keys_are_a_wrong_key_in_whatever_order(kind: Kind) -> None:
    assert kind.ask(RIGHT, b"wrong") is REJECTED
    assert kind.ask(b"wrong", RIGHT) is REJECTED


def test_credentials_of_other_kinds_are_left_alone(kind: Kind) -> None:
    headers = Headers()
    for other in KINDS:
        if other is not kind:
            headers.addRawHeader(other.field, other.spell(RIGHT))
    headers.addRawHeader(b"Cookie", kind.field + b"=" + RIGHT)
    assert finish(kind.source.authenticate(headers)) is None
