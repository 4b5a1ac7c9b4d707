"""Digests and media types that clients declare."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.web.http_headers import Headers

from cloudsvc.api.drive.digests import format_digest, parse_digest, read_digest
from cloudsvc.api.drive.media import read_declared_type
from cloudsvc.extend import CloudError, read_field

TEXT = st.text(st.characters(max_codepoint=255))


def ask(**fields: str) -> Any:
    class Asked:
        requestHeaders = Headers({name.replace("_", "-"): [value] for name, value in fields.items()})

    return Asked()


@pytest.mark.parametrize("item", [",", "a,", "a=:AA==:,", '"', "a=("])
def test_a_long_digest_is_refused_unread(item: str) -> None:
    with pytest.raises(CloudError, match="longer"):
        parse_digest("Repr-Digest", item * 5000)


class TestFields:
    def test_bytes_that_are_no_text_are_characters(self) -> None:
        asked = ask()
        for value in (b"bytes=\xff", b"\xc3"):
            asked.requestHeaders.addRawHeader(b"range", value)
        assert read_field(asked, "Range") == "bytes=\xff, \xc3"
        assert read_field(asked, "If-Range") is None


class TestDigests:
    @given(st.binary(min_size=32, max_size=32))
    def test_a_spelt_digest_is_read_as_the_same(self, digest: bytes) -> None:
        [(name, value)] = format_digest(digest)
        assert parse_digest(name.decode(), value.decode()) == digest

    @pytest.mark.parametrize("field", ["", "md5=:AA==:", "sha-512=:AA==:, unixsum=1"])
    def test_other_algorithms_are_ignored(self, field: str) -> None:
        assert parse_digest("Repr-Digest", field) is None

    @pytest.mark.parametrize(
        "field",
        ["sha-256", "sha-256=abc", 'sha-256="abc"', "sha-256=:YWJj:", "sha-256=:!:", "=", "ä", "sha-256=(:YWJj:)"],
    )
    def test_malformed_ones_are_refused(self, field: str) -> None:
        with pytest.raises(CloudError, match="The field Repr-Digest is malformed"):
            parse_digest("Repr-Digest", field)

    def test_two_that_do_not_agree(self) -> None:
        one, two = (f"sha-256=:{b64encode(bytes([each]) * 32).decode()}:" for each in b"ab")
        assert read_digest(ask(Content_Digest=one, Repr_Digest=one)) == b"a" * 32
        assert read_digest(ask()) is None
        with pytest.raises(CloudError, match="digest"):
            read_digest(ask(Content_Digest=one, Repr_Digest=two))

    @given(TEXT)
    def test_no_field_is_a_surprise(self, field: str) -> None:
        try:
            parse_digest("Repr-Digest", field)
        except CloudError as refused:
            assert refused.code == "malformed_digest"


class TestMediaTypes:
    @pytest.mark.parametrize(
        ("field", "kept"),
        [
            (None, None),
            ("", None),
            (" ", None),
            ("application/octet-stream", None),
            ("application/x-www-form-urlencoded", None),
            (" text/plain; charset=utf-8", "text/plain;charset=utf-8"),
        ],
    )
    def test_what_is_kept(self, field: str | None, kept: str | None) -> None:
        assert read_declared_type(field) == kept

    def test_what_is_none_is_refused(self) -> None:
        with pytest.raises(CloudError, match="no media type"):
            read_declared_type("image")
