"""No single request takes memory or time beyond what its own size pays for."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from attrs import Factory, frozen

from cloudsvc.core.errors import CloudError
from cloudsvc.core.structuring import StructureFaults, structure
from cloudsvc.web.json_bodies import MAX_JSON_VALUES, parse_json
from cloudsvc.web.queries import MAX_FAULTS
from tests.support.site import TestSite
from tests.support.web_routes import Demo


@frozen(kw_only=True)
class Things:
    """Arrays and objects without bounds of their own."""

    names: tuple[str, ...] = ()
    counts: dict[str, int] = Factory(dict)


@pytest.fixture
def site() -> TestSite:
    return TestSite(application=Demo())


def refusal_of(body: bytes) -> CloudError:
    with pytest.raises(CloudError) as caught:
        parse_json(body, Things)
    return caught.value


@pytest.mark.parametrize("body", [b'"' + b'\\"' * 500_000, b'"' * 1_000_000, b'["' + b"[" * 1_000_000])
def test_broken_strings_are_read_once(body: bytes) -> None:
    """A pattern that began anew at each quote took half a minute for 80 KB of this."""
    assert refusal_of(body).code == "bad_json"


@pytest.mark.parametrize("body", [b"[" * 1_000_000, b"[" * 33 + b"]" * 33, b'{"a":' * 33 + b"1" + b"}" * 33])
def test_deep_json_is_refused(body: bytes) -> None:
    assert refusal_of(body).code == "json_too_deep"


FLOODS = {
    "objects": b'{"operations":[' + b"{}," * 349_000 + b"{}]}",
    "nested arrays": b'{"add_tags":[' + b"[[[[[]]]]]," * 90_000 + b"[]]}",
    "empty texts": b"[" + b'"",' * 340_000 + b'""]',
    "texts full of marks": b"[" + b'"[{,",' * 170_000 + b'""]',
    "members": b"{" + b",".join(b'"%x":{}' % number for number in range(80_000)) + b"}",
    "numbers": b"[" + b"1," * 500_000 + b"1]",
    "commas": b"," * 1_000_000,
    "no end": b'{"a":' * 20 + b"[" * 10 + b"{}," * 300_000,
}


@pytest.mark.parametrize("name", FLOODS)
def test_values_are_counted_before_any_is_made(name: str) -> None:
    """A megabyte of them held the loop for up to a second. Whoever had decoded this would say that it is no JSON."""
    refusal = refusal_of(FLOODS[name] + b"!")
    assert (refusal.code, refusal.message[:37]) == ("invalid_body", "body: expected at most 20000 values, ")


@pytest.mark.parametrize("mark", [",", "[", "{", '\\",{'])
def test_what_stands_in_texts_is_not_counted(mark: str) -> None:
    assert parse_json(json.dumps({"names": [mark * 100_000, "a"]}).encode(), Things).names == (mark * 100_000, "a")


def test_as_many_values_as_may_be() -> None:
    # Besides them there are the object, and the array in it.
    names = ["a, b"] * (MAX_JSON_VALUES - 2)
    assert len(parse_json(json.dumps({"names": names}).encode(), Things).names) == len(names)
    assert refusal_of(json.dumps({"names": [*names, "one more"]}).encode()).code == "invalid_body"


@pytest.mark.parametrize("name", ["k" * 1_000_000, "\0" * 100_000, "ü" * 100_000])
def test_a_key_without_end_is_told_in_short(name: str) -> None:
    """Nor is it looked for among those that are known."""
    assert len(refusal_of(json.dumps({name: 1}).encode()).message) < 200


def test_a_number_without_end_is_not_told() -> None:
    refusal = refusal_of(json.dumps({"names": [int("1" * 4000)] * 200}).encode())
    assert len(refusal.message) < 4096


@pytest.mark.parametrize(
    "value",
    [
        {"names": [0] * 15_000},
        {"counts": dict.fromkeys(map(str, range(15_000)))},
        dict.fromkeys(map(str, range(15_000))),
    ],
    ids=["array", "object", "unknown keys"],
)
def test_some_faults_of_a_body_are_told(value: object) -> None:
    refusal = refusal_of(json.dumps(value).encode())
    assert refusal.code == "invalid_body"
    assert refusal.message.count(";") < 2 * MAX_FAULTS
    assert len(refusal.message) < 4096


def test_an_array_is_not_searched_for_faults_for_ever() -> None:
    with pytest.raises(StructureFaults) as caught:
        structure({"names": [0] * 300_000}, Things, path="body")
    assert len(caught.value.lines) == 100


@pytest.mark.parametrize("query", ["&".join(f"n{n}" for n in range(1500)), "&".join("limit=1" for _ in range(1000))])
def test_some_faults_of_a_query_are_told(site: TestSite, query: str) -> None:
    answer = site.ask(f"GET /api/demo/things?{query} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    assert (answer.status, answer.json["error"]) == (400, "invalid_query")
    assert len(answer.body) < 4096


def test_forwarded_addresses_are_looked_at_from_the_right_and_not_for_ever() -> None:
    site = TestSite(application=Demo(), trusted=("198.51.100.0/24",))
    hops = ", ".join(["203.0.113.9"] + ["198.51.100.7"] * 500)
    site.ask(f"GET /api/demo/plain HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: {hops}\r\n\r\n".encode(), "198.51.100.1")
    (line,) = site.tally.lines
    assert line["client"] == "198.51.100.7"


HEADS: dict[str, Callable[[int], bytes]] = {
    "headers": lambda n: b"".join(b"X-%d: a\r\n" % i for i in range(n)),
    "one header": lambda n: b"X: " + b"a" * n + b"\r\n",
    "folded header": lambda n: b"X: a\r\n" + b" a\r\n" * n,
    "cookies": lambda n: b"Cookie: " + b"a=b;" * n + b"\r\n",
}


@pytest.mark.parametrize("name", HEADS)
def test_a_flood_of_headers_ends_in_431(site: TestSite, name: str) -> None:
    client = site.connect()
    client.send(b"GET /api/demo/plain HTTP/1.1\r\nHost: a\r\n")
    flood = HEADS[name](100_000)
    for start in range(0, len(flood), 65536):
        client.send(flood[start : start + 65536])
    assert client.answer().status == 431
    assert client.closed
