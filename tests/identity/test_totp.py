"""Codes by the clock, and recovery codes."""

from __future__ import annotations

from base64 import b32encode
from urllib.parse import parse_qs, urlsplit

import pytest

from cloudsvc.core.secrets import Secret
from cloudsvc.identity.recovery_codes import RECOVERY_CODES, digest_recovery_code, make_recovery_codes
from cloudsvc.identity.totp import STEP_SECONDS, find_step, is_totp_secret, make_totp_secret, write_uri

SECOND = 1_000_000
RFC = Secret(b32encode(b"12345678901234567890").decode())


@pytest.mark.parametrize(
    ("seconds", "code"),
    # RFC 6238 appendix B, of whose eight digits these are the last six.
    [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"), (20000000000, "353130")],
)
def test_codes_of_the_standard(seconds: int, code: str) -> None:
    assert find_step(RFC, Secret(code), seconds * SECOND, 0) == seconds // STEP_SECONDS


def test_secrets_and_what_is_none() -> None:
    assert is_totp_secret(make_totp_secret().reveal())
    for text in ("", "A" * 31, "A" * 33, "a" * 32, "1" * 32, "A" * 32 + "\n"):
        assert not is_totp_secret(text)


def test_a_step_before_and_after_are_good_and_no_others() -> None:
    now = 1111111109
    for offset, is_good in {-60: False, -30: True, 0: True, 30: True, 60: False}.items():
        found = find_step(RFC, Secret("081804"), (now + offset) * SECOND, 0)
        assert found == (now // STEP_SECONDS if is_good else None)


def test_neither_the_last_one_nor_an_earlier_one_is_good_again() -> None:
    now = 1111111109
    step = now // STEP_SECONDS
    assert [find_step(RFC, Secret("081804"), now * SECOND, after) for after in (step - 1, step, step + 1)] == [
        *(step, None, None)
    ]


@pytest.mark.parametrize("shown", ["", "08180", "0818044", "ä81804", "\ud800", "081804" * 1000, "٠٨١٨٠٤"])
def test_what_is_no_code(shown: str) -> None:
    assert find_step(RFC, Secret(shown), 1111111109 * SECOND, 0) is None


def test_spaces_between_the_digits_do_no_harm() -> None:
    assert find_step(RFC, Secret("081 804"), 1111111109 * SECOND, 0) is not None


def test_secrets_are_long_and_different_and_in_the_uri() -> None:
    secret = make_totp_secret()
    assert len(secret.reveal()) == 32
    assert secret != make_totp_secret()
    uri = write_uri(secret, "anna", "cloudsvc cloud.example")
    found = urlsplit(uri.reveal())
    assert (found.scheme, found.netloc, found.path) == ("otpauth", "totp", "/cloudsvc%20cloud.example:anna")
    assert parse_qs(found.query) == {"secret": [secret.reveal()], "issuer": ["cloudsvc cloud.example"]}
    assert secret.reveal() not in repr(uri)


def test_recovery_codes_are_known_however_they_are_written() -> None:
    codes = make_recovery_codes()
    assert len({*codes.digests}) == len({each.reveal() for each in codes.texts}) == RECOVERY_CODES
    for text, digest in zip(codes.texts, codes.digests, strict=True):
        code = text.reveal()
        assert len(code) == 19
        for written in (code, code.upper(), code.replace("-", ""), code.replace("-", " "), code.replace("o", "0")):
            assert digest_recovery_code(Secret(written)) == digest
        assert digest_recovery_code(Secret(code[:-1])) != digest
    assert codes.texts[0].reveal() not in repr(codes)
    assert len(digest_recovery_code(Secret("\ud800" * 1000))) == 32
