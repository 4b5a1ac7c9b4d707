"""Contract of credential sources: each with its own kind, and with the others'."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from attrs import field, frozen
from twisted.internet.defer import Deferred, succeed

from cloudsvc.access.credentials import BearerToken, CredentialSource, KeyHeader
from cloudsvc.access.keys import KeyRing, Keys, hash_token
from cloudsvc.core.actors import OWNER, Actor, Principal
from cloudsvc.core.secrets import Secret
from tests.support.coroutines import finish
from tests.support.heads import Head, make_head

RIGHT = b"right"
KEYS = KeyRing(owner_hash=Secret(hash_token(RIGHT)))


@frozen
class LookedUpKeys:
    """The same keys, kept where they have to be looked up."""

    configured: bool = field(init=False, default=True)

    def identify(self, presented: bytes, /) -> Deferred[Actor | None]:
        return succeed(KEYS.identify(presented))


@frozen(kw_only=True)
class Kind:
    """
    A source and the header field that it reads.

    :ivar serialise: the value of the field for a key.
    """

    make: Callable[[Keys], CredentialSource]
    keys: Keys
    field: bytes
    serialise: Callable[[bytes], bytes]
    via: str

    @property
    def source(self) -> CredentialSource:
        return self.make(self.keys)

    def write(self, *keys: bytes) -> Head:
        return make_head(*[(self.field, self.serialise(key)) for key in keys])

    def ask(self, *keys: bytes) -> Principal | None:
        """The principal of a request with these keys, of which the source finds something."""
        head = self.write(*keys)
        credential = self.source.find(head)
        assert credential is not None
        found = self.source.identify(credential, head)
        if isinstance(self.keys, KeyRing):
            assert not isinstance(found, Awaitable), "what is known at once is said at once"
        return finish(found) if isinstance(found, Awaitable) else found  # type: ignore[arg-type]  # a coroutine


KINDS = tuple(
    Kind(make=make, keys=keys, field=name, serialise=serialise, via=via)
    for keys in (KEYS, LookedUpKeys())
    for make, name, serialise, via in (
        (KeyHeader, b"X-API-Key", lambda key: key, "key"),
        (BearerToken, b"Authorization", lambda key: b"Bearer " + key, "bearer"),
    )
)


@pytest.fixture(params=KINDS, ids=lambda kind: f"{kind.via}-{type(kind.keys).__name__}")
def kind(request: pytest.FixtureRequest) -> Kind:
    found: Kind = request.param
    return found


def test_the_right_key(kind: Kind) -> None:
    assert kind.ask(RIGHT) == Principal(actor=OWNER, via=kind.via)


def test_a_wrong_key(kind: Kind) -> None:
    assert kind.ask(b"wrong") is None


def test_bytes_that_are_no_text_are_a_wrong_key(kind: Kind) -> None:
    assert kind.ask(b"\xff\xfe\xed") is None


def test_no_key(kind: Kind) -> None:
    assert kind.source.find(kind.write()) is None


def test_an_empty_key_is_none(kind: Kind) -> None:
    assert kind.source.find(kind.write(b" ")) is None


def test_the_same_key_twice_is_one_key(kind: Kind) -> None:
    assert kind.ask(RIGHT, RIGHT) == Principal(actor=OWNER, via=kind.via)


def test_different_keys_are_a_wrong_key_in_whatever_order(kind: Kind) -> None:
    assert kind.ask(RIGHT, b"wrong") is None
    assert kind.ask(b"wrong", RIGHT) is None


def test_each_guess_is_another_credential(kind: Kind) -> None:
    """Or those who count attempts would take two guesses for one."""
    found = {kind.source.find(kind.write(*keys)) for keys in ((b"a",), (b"b",), (b"a", b"b"), (b"b", b"a"))}
    assert len(found) == 4


def test_credentials_of_other_kinds_are_left_alone(kind: Kind) -> None:
    others = [(other.field, other.serialise(RIGHT)) for other in KINDS if other.via != kind.via]
    assert kind.source.find(make_head(*others, (b"Cookie", kind.field + b"=" + RIGHT))) is None


def test_it_says_how_to_ask_for_it(kind: Kind) -> None:
    challenge = kind.source.challenge(make_head())
    assert challenge is not None
    assert challenge.endswith(b' realm="cloudsvc"')
    assert kind.source.scheme["type"] in {"apiKey", "http"}


def test_it_knows_at_each_moment_whether_there_are_keys(kind: Kind) -> None:
    assert kind.source.configured
    assert not kind.make(KeyRing(owner_hash=None)).configured
