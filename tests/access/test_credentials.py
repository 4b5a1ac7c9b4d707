"""Where keys are looked for, and what counts as one, beyond what every source does."""

from __future__ import annotations

from twisted.web.http_headers import Headers

from cloudsvc.access.credentials import REJECTED, BearerToken, CredentialSource, KeyHeader, Rejected
from cloudsvc.access.keys import KeyRing, hash_token
from cloudsvc.core.actors import OWNER, Principal
from cloudsvc.core.secrets import Secret
from tests.access.driving import finish

RIGHT = b"right"
KEYS = KeyRing(owner_hash=Secret(hash_token(RIGHT)))

BY_KEY = Principal(actor=OWNER, via="key")
BY_BEARER = Principal(actor=OWNER, via="bearer")


def ask(source: CredentialSource, **fields: bytes) -> Principal | Rejected | None:
    headers = Headers()
    for name, value in fields.items():
        headers.setRawHeaders(name.replace("_", "-").encode(), [value])
    return finish(source.authenticate(headers))


class TestKeyHeader:
    SOURCE = KeyHeader(KEYS)

    def test_the_upstream_client_writes_it_in_capitals(self) -> None:
        assert ask(self.SOURCE, X_API_KEY=RIGHT) == BY_KEY


class TestBearerToken:
    SOURCE = BearerToken(KEYS)

    def test_the_scheme_may_be_written_anyhow(self) -> None:
        assert ask(self.SOURCE, authorization=b"bEARER   " + RIGHT) == BY_BEARER

    def test_a_malformed_one_is_wrong(self) -> None:
        assert ask(self.SOURCE, authorization=b"Bearer " + RIGHT + b" " + RIGHT) is REJECTED
        assert ask(self.SOURCE, authorization=b'Bearer token="right"') is REJECTED

    def test_an_empty_key_is_none(self) -> None:
        assert ask(self.SOURCE, authorization=b"Bearer") is None
        assert ask(self.SOURCE, authorization=b"Bearer  ") is None

    def test_other_schemes_are_left_to_other_sources(self) -> None:
        assert ask(self.SOURCE, authorization=b"Basic cmlnaHQ6cmlnaHQ=") is None
        assert ask(self.SOURCE, authorization=b"Bearers right") is None
        assert ask(self.SOURCE, authorization=b"right") is None
