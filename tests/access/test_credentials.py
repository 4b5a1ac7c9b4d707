"""Where keys are looked for, and what counts as one."""

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


def ask(source: CredentialSource, **fields: bytes | list[bytes]) -> Principal | Rejected | None:
    headers = Headers()
    for name, values in fields.items():
        headers.setRawHeaders(name.replace("_", "-").encode(), values if isinstance(values, list) else [values])
    return finish(source.authenticate(headers))


class TestKeyHeader:
    SOURCE = KeyHeader(KEYS)

    def test_the_right_key(self) -> None:
        assert ask(self.SOURCE, x_api_key=RIGHT) == BY_KEY

    def test_the_upstream_client_writes_it_in_capitals(self) -> None:
        assert ask(self.SOURCE, X_API_KEY=RIGHT) == BY_KEY

    def test_a_wrong_key(self) -> None:
        assert ask(self.SOURCE, x_api_key=b"wrong") is REJECTED

    def test_bytes_that_are_no_text_are_a_wrong_key(self) -> None:
        assert ask(self.SOURCE, x_api_key=b"\xff\xfe\xed") is REJECTED

    def test_no_key(self) -> None:
        assert ask(self.SOURCE) is None

    def test_an_empty_key_is_none(self) -> None:
        assert ask(self.SOURCE, x_api_key=b" ") is None

    def test_the_same_key_twice_is_one_key(self) -> None:
        assert ask(self.SOURCE, x_api_key=[RIGHT, RIGHT]) == BY_KEY

    def test_different_keys_are_a_wrong_key_in_whatever_order(self) -> None:
        assert ask(self.SOURCE, x_api_key=[RIGHT, b"wrong"]) is REJECTED
        assert ask(self.SOURCE, x_api_key=[b"wrong", RIGHT]) is REJECTED

    def test_other_headers_are_left_alone(self) -> None:
        assert ask(self.SOURCE, authorization=b"Bearer " + RIGHT, cookie=b"x-api-key=" + RIGHT) is None


class TestBearerToken:
    SOURCE = BearerToken(KEYS)

    def test_the_right_key(self) -> None:
        assert ask(self.SOURCE, authorization=b"Bearer " + RIGHT) == BY_BEARER

    def test_the_scheme_may_be_written_anyhow(self) -> None:
        assert ask(self.SOURCE, authorization=b"bEARER   " + RIGHT) == BY_BEARER

    def test_a_wrong_key(self) -> None:
        assert ask(self.SOURCE, authorization=b"Bearer wrong") is REJECTED

    def test_a_malformed_one_is_wrong(self) -> None:
        assert ask(self.SOURCE, authorization=b"Bearer " + RIGHT + b" " + RIGHT) is REJECTED
        assert ask(self.SOURCE, authorization=b'Bearer token="right"') is REJECTED

    def test_no_key(self) -> None:
        assert ask(self.SOURCE) is None

    def test_an_empty_key_is_none(self) -> None:
        assert ask(self.SOURCE, authorization=b"Bearer") is None
        assert ask(self.SOURCE, authorization=b"Bearer  ") is None

    def test_other_schemes_are_left_to_other_sources(self) -> None:
        assert ask(self.SOURCE, authorization=b"Basic cmlnaHQ6cmlnaHQ=") is None
        assert ask(self.SOURCE, authorization=b"Bearers right") is None
        assert ask(self.SOURCE, authorization=b"right") is None

    def test_different_keys_are_a_wrong_key(self) -> None:
        assert ask(self.SOURCE, authorization=[b"Bearer " + RIGHT, b"Bearer wrong"]) is REJECTED

    def test_the_other_header_is_left_alone(self) -> None:
        assert ask(self.SOURCE, x_api_key=RIGHT) is None
