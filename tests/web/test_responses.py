"""The codec follows the ``json_response`` settings."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Sequence
from itertools import chain
from typing import Any

import pytest
from attrs import frozen

from cloudsvc.web.responses import Codec, Message, StreamedMessage
from tests.support.reactors import in_reactor
from tests.support.site import NOW


@frozen(kw_only=True)
class Measured(Message):
    """Something with a number that JSON does not have."""

    value: float
    name: str


@frozen(kw_only=True)
class Listed(Message):
    """Something with a list."""

    name: str
    items: tuple[Any, ...] = ()


def make_codec(**settings: Any) -> Codec:
    return Codec.configured(
        **{
            "now": lambda: NOW,
            "ensure_ascii": False,
            "allow_nan": False,
            "indent": None,
            "media_type": "application/json",
            **settings,
        }
    )


def render(**settings: Any) -> bytes:
    body = make_codec(**settings).render(Measured(message="done", value=float("nan"), name="é"), status=200).body
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


@pytest.mark.parametrize("settings", [{}, {"ensure_ascii": True}, {"indent": 2}])
@pytest.mark.parametrize("parts", [[], [()], [(), ({"a": "é"},), (), (2, [])]])
@in_reactor
async def test_a_list_in_parts_is_the_same_json(settings: dict[str, Any], parts: list[tuple[object, ...]]) -> None:
    async def give() -> AsyncGenerator[Sequence[object], None]:
        for part in parts:
            yield part

    codec = make_codec(**settings)
    response = codec.stream(StreamedMessage(message=Listed(message="[]", name="[]"), parts=give()), status=200)
    assert not isinstance(response.body, bytes)
    whole = codec.render(Listed(message="[]", name="[]", items=tuple(chain.from_iterable(parts))), status=200)
    assert isinstance(whole.body, bytes)
    assert json.loads(b"".join([piece async for piece in response.body])) == json.loads(whole.body)
    assert response.headers == whole.headers


def test_the_media_type_is_the_configured_one() -> None:
    codec = make_codec(media_type="application/vnd.a+json")
    headers = dict(codec.render(Message(message="x"), status=200).headers)
    assert headers == {b"Content-Type": b"application/vnd.a+json"}
