"""Credential sources: where keys are looked for, beyond what every source does."""

from __future__ import annotations

from cloudsvc.access.credentials import BearerToken, CredentialSource, KeyHeader
from cloudsvc.access.keys import KeyRing, hash_token
from cloudsvc.core.secrets import Secret
from tests.support.heads import make_head

RIGHT = b"right"
KEYS = KeyRing(owner_hash=Secret(hash_token(RIGHT)))


def find(source: CredentialSource, name: bytes, value: bytes) -> bytes | None:
    return source.find(make_head((name, value)))


class TestKeyHeader:
    SOURCE = KeyHeader(KEYS)

    def test_the_upstream_client_writes_it_in_capitals(self) -> None:
        assert find(self.SOURCE, b"X-API-KEY", RIGHT) == RIGHT


class TestBearerToken:
    SOURCE = BearerToken(KEYS)

    def test_the_scheme_may_be_written_anyhow(self) -> None:
        assert find(self.SOURCE, b"authorization", b"bEARER   " + RIGHT) == RIGHT

    def test_a_malformed_one_is_wrong(self) -> None:
        for malformed in (b"Bearer " + RIGHT + b" " + RIGHT, b'Bearer token="right"'):
            found = find(self.SOURCE, b"authorization", malformed)
            assert found is not None
            assert self.SOURCE.identify(found, make_head()) is None

    def test_an_empty_key_is_none(self) -> None:
        assert find(self.SOURCE, b"authorization", b"Bearer") is None
        assert find(self.SOURCE, b"authorization", b"Bearer  ") is None

    def test_other_schemes_are_left_to_other_sources(self) -> None:
        for other in (b"Basic cmlnaHQ6cmlnaHQ=", b"Bearers right", b"right"):
            assert find(self.SOURCE, b"authorization", other) is None
