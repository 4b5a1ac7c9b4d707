"""The codec follows the ``json_response`` settings."""

from __future__ import annotations

import json
from typing import Any

import pytest
from attrs import frozen

from cloudsvc.web.responses import Codec, Message
from tests.support.site import NOW


@frozen(kw_only=True)
class Measured(Message):
    """Something with a number that JSON does not have."""

    value: float
    name: str


def render(**settings: Any) -> bytes:
    codec = Codec.configured(
        **{
            "now": lambda: NOW,
            "ensure_ascii": False,
            "allow_nan": False,
            "indent": None,
            "media_type": "application/json",
            **settings,
        }
    )
    body = codec.render(Measured(message="done", value=float("nan"), name="é"), status=200).body
    assert isinstance(body, bytes)
    return body


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({}, '"value":null,"name":"é"}'),
        ({"ensure_ascii": True}, '"value": null, "name": "\\u00e9"}'),
        ({"allow_nan": True}, '"value": NaN, "name": "é"}'),
        ({"indent": 2}, '  "value": null,\n  "name": "é"\n}'),
    ],
)
def test_settings_rule_the_spelling(settings: dict[str, Any], text: str) -> None:
    body = render(**settings)
    assert body.decode().endswith(text)
    assert list(json.loads(body)) == ["code", "message", "timestamp", "value", "name"]


def test_the_media_type_is_the_configured_one() -> None:
    codec = Codec.configured(
        now=lambda: NOW, ensure_ascii=False, allow_nan=False, indent=None, media_type="application/vnd.a+json"
    )
    headers = dict(codec.render(Message(message="x"), status=200).headers)
    assert headers == {b"Content-Type": b"application/vnd.a+json", b"Cache-Control": b"no-store"}
